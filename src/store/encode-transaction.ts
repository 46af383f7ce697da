import { createHash } from "node:crypto";
import type { CutsEntry } from "../learner/entry.ts";
import type { Refusal, SavedState, Section, Transaction } from "../learner/transaction.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { encodeCommit } from "./journal-codec.ts";

/** What is kept of a refused payload. */
const HEAD_BYTES_MAX = 4096;

/** Is cuts whose columns lie in those of the transaction, from `at` on. */
interface EncodedCuts extends Omit<CutsEntry, "rows" | "costs" | "undone"> {
  readonly at: number;
}

/** Describes a section; its entries are in the blob, and its cuts here too, for the cost history. */
export interface EncodedSection extends Omit<Section, "entries"> {
  readonly cuts: readonly EncodedCuts[];
}

/** Is a refusal of which as much is left as is kept. */
export interface EncodedRefusal extends Omit<Refusal, "payload" | "sha256"> {
  readonly head: Uint8Array;
  readonly sha256: string;
}

/**
 * Holds a transaction as it travels between threads: nothing in it is on loan, and no buffer is larger than what it holds.
 * What hundreds of models have of a kind is in one buffer, which is handed over: a thousand small ones cost more than what
 * is in them.
 */
export interface EncodedTransaction extends Omit<Transaction, "sections" | "refusals"> {
  readonly sections: readonly EncodedSection[];
  /** All sections as one commit of the journal, without the numbers of the models. */
  readonly blob: Uint8Array<ArrayBuffer>;
  /** Columns of all cuts. */
  readonly cutRows: Uint32Array<ArrayBuffer>;
  readonly cutCosts: Float64Array<ArrayBuffer>;
  readonly cutUndone: Uint8Array<ArrayBuffer>;
  /** What the blocks of all states are views of. */
  readonly stateBytes: ArrayBuffer;
  readonly refusals: readonly EncodedRefusal[];
}

/** Copies everything that is on loan out of a transaction; `writer` is used for that, and free again. */
export function encodeTransaction(writer: ByteWriter, transaction: Transaction): EncodedTransaction {
  const { sections, refusals } = transaction;
  encodeCommit(writer, sections);
  return {
    ...transaction,
    blob: writer.bytes.slice(),
    ...encodedCuts(sections),
    ...encodedStates(transaction.states),
    refusals: refusals.map(({ payload, sha256, ...refusal }) => ({
      ...refusal,
      head: payload.slice(0, HEAD_BYTES_MAX),
      sha256: sha256 ?? createHash("sha256").update(payload).digest("hex"),
    })),
  };
}

/** Lists the buffers that go over to the other thread. */
export function buffersOf({ blob, cutRows, cutCosts, cutUndone, stateBytes }: EncodedTransaction): ArrayBuffer[] {
  return [blob.buffer, cutRows.buffer, cutCosts.buffer, cutUndone.buffer, stateBytes];
}

/** Gives cuts with their columns, which are views of the transaction's. */
export function cutsOf({ cutRows, cutCosts, cutUndone }: EncodedTransaction, { at, ...cuts }: EncodedCuts): CutsEntry {
  const end = at + cuts.count;
  return {
    ...cuts,
    rows: cutRows.subarray(at, end),
    costs: cutCosts.subarray(at, end),
    undone: cutUndone.subarray(at, end),
  };
}

function encodedCuts(
  sections: readonly Section[],
): Pick<EncodedTransaction, "sections" | "cutRows" | "cutCosts" | "cutUndone"> {
  const of = (section: Section) => section.entries.filter((entry) => entry.type === "cuts");
  const all = sections.reduce((sum, section) => of(section).reduce((cuts, { count }) => cuts + count, sum), 0);
  const columns = { cutRows: new Uint32Array(all), cutCosts: new Float64Array(all), cutUndone: new Uint8Array(all) };
  let at = 0;
  const encoded = sections.map((section) => {
    const { entries: _, ...described } = section;
    const cuts = of(section).map(({ rows, costs, undone, ...entry }) => {
      columns.cutRows.set(rows, at);
      columns.cutCosts.set(costs, at);
      columns.cutUndone.set(undone, at);
      at += entry.count;
      return { ...entry, at: at - entry.count };
    });
    return { ...described, cuts };
  });
  return { sections: encoded, ...columns };
}

function encodedStates(states: readonly SavedState[]): Pick<EncodedTransaction, "states" | "stateBytes"> {
  const all = states.reduce((sum, { learner, monitor }) => sum + learner.length + monitor.length, 0);
  const bytes = new Uint8Array(all);
  let at = 0;
  const copied = (block: Uint8Array) => {
    bytes.set(block, at);
    at += block.length;
    return bytes.subarray(at - block.length, at);
  };
  const encoded = states.map((state) => ({
    ...state,
    learner: copied(state.learner),
    monitor: copied(state.monitor),
  }));
  return { states: encoded, stateBytes: bytes.buffer };
}
