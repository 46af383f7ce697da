// A process that commits until it is killed. It prints the id of each commit once that commit is durable.

import { writeSync } from "node:fs";
import type { RowsEntry } from "../../src/learner/entry.ts";
import type { SavedState, Section, Transaction } from "../../src/learner/transaction.ts";
import { ByteWriter } from "../../src/store/byte-writer.ts";
import { encodeTransaction } from "../../src/store/encode-transaction.ts";
import { openStore } from "../../src/store/open-store.ts";

const ROWS = 3;
const MODELS = ["one", "two"];
const STATE_BYTES = 20_000;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("a folder is needed");
const store = openStore({ folder });
const writer = new ByteWriter();

for (let id = store.lastCommitId() + 1; ; id++) {
  const firstSequence = (id - 1) * ROWS + 1;
  const rows: RowsEntry = {
    type: "rows",
    rowKind: "sample",
    firstSequence,
    rows: ROWS,
    features: new Float64Array(2 * ROWS).fill(id),
    labels: new Float64Array(ROWS).fill(id % 2),
    weights: null,
    predictions: null,
    times: null,
    ids: null,
    numbering: [],
  };
  const transaction: Transaction = {
    id,
    at: id,
    sections: MODELS.map(
      (model): Section => ({ model, firstSequence, rows: ROWS, firstOrdinal: 1, ordinals: 0, entries: [rows] }),
    ),
    states: MODELS.map(
      (model, m): SavedState => ({
        model,
        step: id,
        sequence: firstSequence + ROWS - 1,
        ordinal: 0,
        commitFrom: id,
        numerics: 1,
        config: "{}",
        configHash: "h",
        cost: null,
        learner: new Uint8Array(STATE_BYTES).fill(id),
        monitor: new Uint8Array(1),
        snapshot: { id: MODELS.length * id + m, parent: null, reason: "steps", metrics: null },
      }),
    ),
    refusals: [],
    refusalsUnkept: [{ model: null, code: "not-json", count: 1 }],
    requests: [],
  };
  store.commit(encodeTransaction(writer, transaction));
  writeSync(1, `${id}\n`);
}
