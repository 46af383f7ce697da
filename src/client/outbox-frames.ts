// The outbox file as bytes, which are text that people can read: a header, then frames. What one flush wrote is one
// frame, so of all that is there only the last frame can be torn. Formats stand in DESIGN.md.

import { hash } from "node:crypto";

/** Tells what an outbox numbers. */
export interface Numbering {
  readonly source: string;
  readonly model: string;
  readonly epoch: string;
  /** The epoch was named by who began it, so some of its numbers may have been settled before. */
  readonly named: boolean;
}

/** Stands at the begin of a file. */
export interface Header extends Numbering {
  /** Number of the first row in the file. */
  readonly first: number;
  /** Numbers up to this one were settled when the file was written. */
  readonly settled: number;
  /** Digest of all rows before the first one. */
  readonly digest: string;
}

/** Is what one flush wrote. */
export interface Frame {
  readonly texts: readonly string[];
  /** Numbers up to this one were settled when it was written. */
  readonly settled: number;
  /** Offset of the byte after it. */
  readonly end: number;
  /** Digest of all rows up to its last one. */
  readonly digest: string;
}

const MAGIC = "rivulet-outbox 1";
/** No row is like it: rows begin with a brace. */
const HEAD = /^(\d{1,16}) (\d{1,16}) ([0-9a-f]{32})$/;
const LINE_END = 0x0a;
/** Longest first line of a frame, and of a file. */
export const HEAD_BYTES_MAX = 80;
export const HEADER_BYTES_MAX = 1024;
/** Bytes of the rows of a frame: what a flush writes at most, in UTF-8. No length is believed beyond it. */
const FRAME_BYTES_MAX = 4_194_304;

/** Digest of no rows. */
export const NO_ROWS = "0".repeat(32);

/** Digests one more row. It is a chain, so it also tells that no row before is missing, or in another place. */
export function digestOf(before: string, text: string): string {
  return short(`${before}\n${text}`);
}

export function encodeHeader(header: Header): Buffer {
  const { source, model, epoch, named, first, settled, digest } = header;
  const text = JSON.stringify({ source, model, epoch, named, first, settled, digest });
  return Buffer.from(`${MAGIC} ${short(text)} ${text}\n`);
}

/** Reads a header; null where it is damaged, or none. */
export function decodeHeader(bytes: Buffer): { readonly header: Header; readonly end: number } | null {
  const end = bytes.indexOf(LINE_END);
  if (end < 0) return null;
  const line = bytes.toString("utf8", 0, end);
  const text = line.slice(MAGIC.length + 34);
  if (line !== `${MAGIC} ${short(text)} ${text}`) return null;
  return { header: JSON.parse(text) as Header, end: end + 1 };
}

/** Tells whether a file begins as an outbox does, of whatever version. */
export function isOutbox(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, MAGIC.length) === MAGIC;
}

/** Writes rows as a frame; without rows it says what is settled only. */
export function encodeFrame(before: string, texts: readonly string[], settled: number) {
  let digest = before;
  for (const text of texts) digest = digestOf(digest, text);
  const body = Buffer.from(texts.map((text) => `${text}\n`).join(""));
  const head = `${body.length} ${settled}`;
  return { bytes: Buffer.concat([Buffer.from(`${head} ${short(`${digest} ${head}`)}\n`), body]), digest };
}

/** Tells how many bytes the frame at the begin of `bytes` has; null where that is no head of a frame. */
export function frameBytes(bytes: Buffer): number | null {
  const end = bytes.subarray(0, HEAD_BYTES_MAX).indexOf(LINE_END);
  const match = end < 0 ? null : HEAD.exec(bytes.toString("latin1", 0, end));
  const body = match === null ? Number.POSITIVE_INFINITY : Number(match[1]);
  return body > FRAME_BYTES_MAX ? null : end + 1 + body;
}

/** Reads the frame at the begin of `bytes`, which stands at `offset` of the file; null where it is torn or damaged. */
export function decodeFrame(bytes: Buffer, offset: number, before: string): Frame | null {
  const length = frameBytes(bytes);
  if (length === null || length > bytes.length) return null;
  const headEnd = bytes.indexOf(LINE_END);
  const [size = "", settled = "", check = ""] = bytes.toString("latin1", 0, headEnd).split(" ");
  const lines = bytes.toString("utf8", headEnd + 1, length).split("\n");
  // Each line ends, the last one too.
  if (lines.pop() !== "") return null;
  let digest = before;
  for (const line of lines) digest = digestOf(digest, line);
  if (short(`${digest} ${size} ${settled}`) !== check) return null;
  return { texts: lines, settled: Number(settled), end: offset + length, digest };
}

/** Tells whether a line is the first one of a frame. */
export function isFrameHead(line: string): boolean {
  return HEAD.test(line);
}

function short(text: string): string {
  return hash("sha256", text, "hex").slice(0, 32);
}
