// A stretch of the journal as bytes, as it travels from the thread of the store to who replays it: two thousand small
// objects would cost more than what is in them.

import { crc32 } from "node:zlib";
import { RivuletError } from "../error.ts";
import { ByteWriter } from "./byte-writer.ts";
import { decodeSection, encodeSome, readDirectory, unpackCommit } from "./journal-codec.ts";
import type { CommitRecord } from "./records.ts";
import type { CommitRow } from "./statements.ts";

export interface JournalQuery {
  readonly from: number;
  readonly limit: number;
  /** Whose sections are read, and from which commit on. */
  readonly models: readonly { readonly name: string; readonly from: number }[];
}

/** Names a model, its number in the table of models, and the commit from which on its sections are read. */
export interface NumberedModel {
  readonly id: number;
  readonly name: string;
  readonly from: number;
}

/** Holds consecutive commits, with the sections of the models asked for. Commit i lies before `ends[i]` in `bytes`. */
export interface JournalPage {
  readonly models: readonly NumberedModel[];
  readonly ids: Float64Array;
  readonly atMs: Float64Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Packs commits. Throws `journal-damaged` where the checksum of one is wrong. */
export function packPage(models: readonly NumberedModel[], commits: readonly CommitRow[]): JournalPage {
  const wanted = new Map(models.map(({ id, from }) => [id, from]));
  const writer = new ByteWriter();
  const blobs = commits.map(({ id, crc32: expected, entries }) => {
    if (crc32(entries) !== expected) {
      throw new RivuletError("journal-damaged", `${nameOf(id)} is damaged: its checksum is wrong`, {
        hint: "Keep a copy of the data folder. Snapshots taken after it are not concerned.",
      });
    }
    // Of hundreds of models one asks for itself alone, mostly; and those that an idle one is behind need nothing from there.
    const isWanted = (model: number) => id >= (wanted.get(model) ?? Number.POSITIVE_INFINITY);
    encodeSome(writer, unpackCommit(entries, nameOf(id)), isWanted, nameOf(id));
    return writer.bytes.slice();
  });
  const page: JournalPage = {
    models,
    ids: Float64Array.from(commits, ({ id }) => id),
    atMs: Float64Array.from(commits, ({ at_ms }) => at_ms),
    ends: new Uint32Array(commits.length),
    bytes: new Uint8Array(blobs.reduce((sum, { length }) => sum + length, 0)),
  };
  let end = 0;
  for (const [i, blob] of blobs.entries()) {
    page.bytes.set(blob, end);
    end += blob.length;
    page.ends[i] = end;
  }
  return page;
}

/** Reads the sections that a page has. Throws `journal-damaged`. */
export function unpackPage({ models, ids, atMs, ends, bytes }: JournalPage): readonly CommitRecord[] {
  const names = new Map(models.map(({ id, name }) => [id, name]));
  return Array.from(ids, (id, i) => {
    const blob = bytes.subarray(ends[i - 1] ?? 0, ends[i]);
    const sections = readDirectory(blob, nameOf(id)).map((entry) =>
      decodeSection(blob, entry, names.get(entry.model) ?? "", nameOf(id)),
    );
    return { id, atMs: atMs[i] ?? 0, sections };
  });
}

function nameOf(id: number): string {
  return `commit ${id} of the journal`;
}
