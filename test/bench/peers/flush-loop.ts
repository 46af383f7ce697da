// A bare loop that writes 4 kB and waits for the disk: flush-loop.ts FILE. A count comes in, the p50 of the ms that each took
// goes out, and for `p99` that. The file is written from its beginning again after 1000 pages, as SQLite does with its log.

import { fdatasyncSync, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

const PAGE_BYTES = 4096;
const PAGES = 1000;
const [path = ""] = process.argv.slice(2);
const file = openSync(path, "w");
const page = Buffer.alloc(PAGE_BYTES, 7);
let written = 0;
let waits: number[] = [];

console.log("a bare loop of 4 kB and fdatasync");
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "p99") run(Number(line));
  console.log(waits[Math.floor(waits.length * (line === "p99" ? 0.99 : 0.5))]);
}

function run(count: number): void {
  waits = [];
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    writeSync(file, page, 0, PAGE_BYTES, (written++ % PAGES) * PAGE_BYTES);
    fdatasyncSync(file);
    waits.push(performance.now() - from);
  }
  waits.sort((a, b) => a - b);
}
