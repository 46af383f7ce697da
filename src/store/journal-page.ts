// A stretch of the journal as bytes, as it travels from the thread of the store to who replays it: two thousand small
// objects would cost more than what is in them.

import { crc32 } from "node:zlib";
import { RivuletError } from "../error.ts";
import { decodeSection, readDirectory } from "./journal-codec.ts";
import type { CommitRecord } from "./records.ts";
import type { CommitRow } from "./statements.ts";

export interface JournalQuery {
  readonly from: number;
  readonly limit: number;
  readonly model: string;
}

/** Holds consecutive commits, with the sections of all models. Commit i lies before `ends[i]` in `bytes`. */
export interface JournalPage {
  /** The number of the model that was asked for. */
  readonly model: number;
  readonly ids: Float64Array;
  readonly atMs: Float64Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Packs commits. Throws `journal-damaged` where the checksum of one is wrong. */
export function packPage(model: number, commits: readonly CommitRow[]): JournalPage {
  const page: JournalPage = {
    model,
    ids: new Float64Array(commits.length),
    atMs: new Float64Array(commits.length),
    ends: new Uint32Array(commits.length),
    bytes: new Uint8Array(commits.reduce((sum, { entries }) => sum + entries.length, 0)),
  };
  let end = 0;
  for (const [i, { id, at_ms, crc32: expected, entries }] of commits.entries()) {
    if (crc32(entries) !== expected) {
      throw new RivuletError("journal-damaged", `${nameOf(id)} is damaged: its checksum is wrong`, {
        hint: "Keep a copy of the data folder. Snapshots taken after it are not concerned.",
      });
    }
    page.ids[i] = id;
    page.atMs[i] = at_ms;
    page.bytes.set(entries, end);
    end += entries.length;
    page.ends[i] = end;
  }
  return page;
}

/** Reads the sections of the model that a page was asked for. Throws `journal-damaged`. */
export function unpackPage({ model, ids, atMs, ends, bytes }: JournalPage, name: string): readonly CommitRecord[] {
  return Array.from(ids, (id, i) => {
    const blob = bytes.subarray(ends[i - 1] ?? 0, ends[i]);
    const sections = readDirectory(blob, nameOf(id))
      .filter((entry) => entry.model === model)
      .map((entry) => decodeSection(blob, entry, name, nameOf(id)));
    return { id, atMs: atMs[i] ?? 0, sections };
  });
}

function nameOf(id: number): string {
  return `commit ${id} of the journal`;
}
