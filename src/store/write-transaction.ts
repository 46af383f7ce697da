import { crc32 } from "node:zlib";
import type { RefusalCount, RequestRecord, SavedState } from "../learner/transaction.ts";
import type { EncodedRefusal, EncodedTransaction } from "./encode-transaction.ts";
import { numberModels, packCommit } from "./journal-codec.ts";
import { packed } from "./packed.ts";
import { checksumOf } from "./records.ts";
import type { Statements } from "./statements.ts";

/** Named requests that are remembered. */
const REQUESTS_KEPT = 1000;

type IdOf = (model: string) => number;

/** Writes everything of a transaction but the cost history, within the SQL transaction that is open. */
export function writeTransaction(statements: Statements, transaction: EncodedTransaction, idOf: IdOf): void {
  const { id, at, sections, blob, states, refusals, refusalsUnkept, requests } = transaction;
  numberModels(
    blob,
    sections.map(({ model }) => idOf(model)),
  );
  const rows = sections.reduce((sum, section) => sum + section.rows, 0);
  const stored = packCommit(blob, sections.length);
  statements.journalInsert.run(id, at, rows, crc32(stored), stored);
  for (const state of states) {
    writeState(statements, state, id, at, idOf);
    statements.modelAdvance.run(state.sequence, idOf(state.model));
  }
  writeRefusals(statements, refusals, refusalsUnkept, at);
  for (const request of requests) writeRequest(statements, request);
}

/** Remembers a request that was obeyed, and forgets the oldest one. */
export function writeRequest(statements: Statements, { transaction, digest, outcome }: RequestRecord): void {
  statements.requestInsert.run(transaction, digest, outcome);
  statements.requestPrune.run(REQUESTS_KEPT);
}

function writeState(statements: Statements, state: SavedState, commit: number, at: number, idOf: IdOf): void {
  const { step, sequence, ordinal, commitFrom, numerics, configHash, cost, learner, monitor, snapshot } = state;
  const model = idOf(state.model);
  const checksum = checksumOf(state);
  statements.configInsert.run(configHash, state.config);
  const { lastInsertRowid } = statements.stateInsert.run({
    model,
    step,
    sequence,
    ordinal,
    commitFrom,
    commit,
    numerics,
    configHash,
    cost,
    learner: packed(learner),
    monitor: packed(monitor),
    checksum,
  });
  if (snapshot === null) return;
  const { id, parent, reason, metrics } = snapshot;
  statements.snapshotInsert.run({
    id,
    model,
    state: Number(lastInsertRowid),
    parent,
    reason,
    step,
    sequence,
    commitFrom,
    commit,
    at,
    cost,
    metrics: metrics === null ? null : JSON.stringify(metrics),
    bytes: learner.length + monitor.length,
    checksum,
  });
}

function writeRefusals(
  { quarantineInsert, quarantineCount }: Statements,
  refusals: readonly EncodedRefusal[],
  unkept: readonly RefusalCount[],
  at: number,
): void {
  for (const { model, topic, code, detail, payloadBytes, head, sha256 } of refusals) {
    quarantineInsert.run(at, model, topic, code, detail, payloadBytes, sha256, head);
    quarantineCount.run(model ?? "", code, 1);
  }
  for (const { model, code, count } of unkept) quarantineCount.run(model ?? "", code, count);
}
