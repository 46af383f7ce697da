// A writer of ustar archives (POSIX.1-1988), for GNU tar's and dpkg's readers. The same entries give the same bytes.

import type { Entry } from "./tree.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const PREFIX_BYTES_MAX = 155;
const TYPES = { file: "0", link: "2", folder: "5" } as const;

/** Writes entries, in the order given, as an archive; all belong to root and bear the time `seconds`. */
export function tar(entries: readonly Entry[], seconds: number): Buffer {
  const blocks = entries.flatMap((entry) => {
    if (entry.kind !== "file") return [header(entry, 0, seconds)];
    return [header(entry, entry.bytes.length, seconds), entry.bytes, padding(entry.bytes.length)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function header(entry: Entry, bytes: number, seconds: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const [prefix, name] = splitName(entry.kind === "folder" ? `${entry.path}/` : entry.path);
  block.write(name, 0);
  block.write(octal(entry.kind === "link" ? 0o777 : entry.mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(bytes, 11), 124);
  block.write(octal(seconds, 11), 136);
  // The sum is made as if its own field were blank.
  block.write(" ".repeat(8), 148);
  block.write(TYPES[entry.kind], 156);
  if (entry.kind === "link") block.write(short(entry.target, NAME_BYTES_MAX), 157);
  block.write("ustar\u000000", 257);
  block.write("root", 265);
  block.write("root", 297);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148);
  return block;
}

/** Splits a path at a slash so that both parts fit their fields. */
function splitName(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= NAME_BYTES_MAX) return ["", path];
  const slash = path.indexOf("/", path.length - NAME_BYTES_MAX - 1);
  const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
  return [short(prefix, PREFIX_BYTES_MAX), short(name, NAME_BYTES_MAX)];
}

function short(text: string, bytesMax: number): string {
  if (text === "" || Buffer.byteLength(text) > bytesMax) throw new Error(`${text} does not fit into an archive`);
  return text;
}

function octal(value: number, digits: number): string {
  const text = value.toString(8).padStart(digits, "0");
  if (text.length > digits) throw new Error(`${value} does not fit into an archive`);
  return text;
}

function padding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);
}
