import { createHash } from "node:crypto";
import type { CutsEntry } from "../learner/entry.ts";
import type { Refusal, Section, Transaction } from "../learner/transaction.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { encodeCommit } from "./journal-codec.ts";

/** What is kept of a refused payload. */
const HEAD_BYTES_MAX = 4096;

/** Describes a section; its entries are in the blob, and its cuts here too, for the cost history. */
export interface EncodedSection extends Omit<Section, "entries"> {
  readonly cuts: readonly CutsEntry[];
}

/** Is a refusal of which as much is left as is kept. */
export interface EncodedRefusal extends Omit<Refusal, "payload" | "sha256"> {
  readonly head: Uint8Array;
  readonly sha256: string;
}

/** Holds a transaction as it travels between threads: nothing in it is on loan, and no buffer is larger than what it holds. */
export interface EncodedTransaction extends Omit<Transaction, "sections" | "refusals"> {
  readonly sections: readonly EncodedSection[];
  /** All sections as one commit of the journal, without the numbers of the models. */
  readonly blob: Uint8Array<ArrayBuffer>;
  readonly refusals: readonly EncodedRefusal[];
}

/** Copies everything that is on loan out of a transaction; `writer` is used for that, and free again. */
export function encodeTransaction(writer: ByteWriter, transaction: Transaction): EncodedTransaction {
  const { sections, refusals } = transaction;
  encodeCommit(writer, sections);
  return {
    ...transaction,
    blob: writer.bytes.slice(),
    sections: sections.map(({ entries, ...section }) => ({
      ...section,
      cuts: entries.flatMap((entry) => (entry.type === "cuts" ? [copied(entry)] : [])),
    })),
    refusals: refusals.map(({ payload, sha256, ...refusal }) => ({
      ...refusal,
      head: payload.slice(0, HEAD_BYTES_MAX),
      sha256: sha256 ?? createHash("sha256").update(payload).digest("hex"),
    })),
  };
}

function copied(entry: CutsEntry): CutsEntry {
  return { ...entry, rows: entry.rows.slice(), costs: entry.costs.slice(), undone: entry.undone.slice() };
}
