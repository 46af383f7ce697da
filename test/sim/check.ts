// What must hold after the machine has run. The journal is read as it streams by; of each row only a count is kept.

import { join } from "node:path";
import Database from "better-sqlite3";
import type { Quarantine } from "../../src/daemon/verb-queries.ts";
import type { SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import type { Verified } from "../../src/daemon/verify.ts";
import { commandJson, commandLines } from "./command-line.ts";
import type { Crew } from "./crew.ts";
import { PlainSender } from "./plain-sender.ts";
import { Producer } from "./producer.ts";
import type { Ruffian } from "./ruffian.ts";
import { featuresOf, labelOf, MODELS, type SimModel } from "./sim-models.ts";
import { Tally } from "./tally.ts";

const PAGE = 1000;

type Row = Readonly<Record<string, unknown>>;
type Author = Producer | PlainSender | Ruffian;

export interface Checked {
  readonly rows: number;
  readonly steps: number;
  readonly snapshots: number;
  readonly refused: number;
}

/** Checks everything; throws at the first thing that does not hold. `isEmbedded`: an acknowledgement was a promise. */
export async function check(main: string, data: string, crew: Crew, isEmbedded: boolean): Promise<Checked> {
  const total = { rows: 0, steps: 0, snapshots: 0, refused: 0 };
  for (const model of MODELS) {
    const args = ["--data", data, "--name", model.name];
    total.rows += await checkJournal(main, args, model, crew, isEmbedded);
    const verified = await commandJson<Verified>(main, ["verify", ...args]);
    demand(verified.outcome === "same", `verify of ${model.name}: ${JSON.stringify(verified)}`);
    total.steps += verified.steps;
    total.snapshots += await checkOrders(main, args, model, crew);
  }
  const { counts } = await commandJson<Quarantine>(main, ["quarantine", "--data", data]);
  total.refused = counts.reduce((sum, { count }) => sum + count, 0);
  if (isEmbedded) checkQuarantine(total.refused, crew);
  const file = new Database(join(data, "rivulet.db"), { readonly: true });
  const integrity = JSON.stringify(file.pragma("integrity_check"));
  file.close();
  demand(integrity === '[{"integrity_check":"ok"}]', `integrity_check: ${integrity}`);
  return total;
}

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

async function checkJournal(
  main: string,
  args: readonly string[],
  model: SimModel,
  { producers, plain, ruffian }: Crew,
  isEmbedded: boolean,
): Promise<number> {
  const authors = [...producers, ...plain, ruffian].filter(({ options }) => options.model === model);
  const seen = new Map(authors.map((author): [unknown, Seen] => [author.options.index, new Seen(author)]));
  let rows = 0;
  await commandLines(main, ["journal", "export", ...args, "--format", "ndjson"], (line) => {
    const row = JSON.parse(line) as Row;
    demand(row["sequence"] === ++rows, `${model.name}: row ${rows} has the sequence ${row["sequence"]}`);
    const author = seen.get(row["x1"]);
    if (author === undefined) throw new Error(`${model.name}: a row of nobody: ${line}`);
    author.add(row, line, isEmbedded);
  });
  for (const author of seen.values()) author.complete(isEmbedded);
  return rows;
}

/** Counts the rows of one author. */
class Seen {
  readonly #author: Author;
  readonly #tally = new Tally();

  constructor(author: Author) {
    this.#author = author;
  }

  add(row: Row, line: string, isEmbedded: boolean): void {
    const author = this.#author;
    const { model, index } = author.options;
    const number = Number(row["x2"]);
    demand(Number.isInteger(number) && number >= 1 && number <= author.last, `a row that was never sent: ${line}`);
    const expected = featuresOf(model, index, number);
    demand(
      model.features.every((name, i) => row[name] === expected[i]),
      `wrong features: ${line}`,
    );
    demand(row["y"] === labelOf(number), `a wrong label: ${line}`);
    const last = this.#tally.last;
    const before = this.#tally.add(number);
    if (author instanceof Producer) {
      const { manner } = author.options;
      demand(row["source"] === author.source, `not the source's: ${line}`);
      demand(before === 0, `trained twice: ${line}`);
      demand(!author.isSpoiled(number), `was to be refused: ${line}`);
      const isOrdered = manner === "patient" || (manner === "orderly" && isEmbedded);
      demand(!isOrdered || number === last + 1, `not in order, after ${last}: ${line}`);
    } else if (isEmbedded) {
      demand(before < author.sent.at(number), `more often than it was sent: ${line}`);
    }
  }

  complete(isEmbedded: boolean): void {
    const author = this.#author;
    for (let number = 1; number <= author.last; number++) {
      const count = this.#tally.at(number);
      if (author instanceof Producer) {
        demand(count === (author.isSpoiled(number) ? 0 : 1), `${author.source}: ${number} is there ${count} times`);
      } else if (author instanceof PlainSender && isEmbedded && author.acknowledged.at(number) > 0) {
        demand(count > 0, `row ${number} of sender ${author.options.index} was acknowledged and is not there`);
      }
    }
  }
}

/** Checks that each order that was obeyed has its snapshot, and none two. */
async function checkOrders(
  main: string,
  args: readonly string[],
  model: SimModel,
  { commander }: Crew,
): Promise<number> {
  const lines = new Map<number, SnapshotLine>();
  for (let before: readonly string[] = []; ; ) {
    const page = await commandJson<readonly SnapshotLine[]>(main, [
      ...["snapshots", "list", ...args, "--limit", String(PAGE)],
      ...before,
    ]);
    for (const line of page) lines.set(line.id, line);
    if (page.length < PAGE) break;
    before = ["--before", String(page.at(-1)?.id)];
  }
  const obeyed = commander.obeyed.filter((order) => order.model === model.name);
  const ids = new Set(obeyed.map(({ snapshot }) => snapshot.id));
  demand(ids.size === obeyed.length, `${model.name}: two orders have the same snapshot`);
  for (const { verb, snapshot } of obeyed) {
    const reason = lines.get(snapshot.id)?.reason;
    const expected = verb === "rollback" ? "rollback" : "command";
    demand(reason === expected, `${model.name}: the snapshot ${snapshot.id} of a ${verb} has the reason ${reason}`);
  }
  return lines.size;
}

function checkQuarantine(refused: number, { producers, ruffian }: Crew): void {
  const senders = [...producers, ruffian];
  const most = senders.reduce((sum, sender) => sum + sender.refusable, 0);
  const least = senders.reduce((sum, sender) => sum + sender.refusableAcknowledged, 0);
  demand(refused >= least, `${refused} messages were refused, and ${least} of those to be refused acknowledged`);
  demand(refused <= most, `${refused} messages were refused, and only ${most} were to be refused`);
}
