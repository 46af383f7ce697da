import { readFileSync } from "node:fs";

/** Linux counts processor time in this many ticks a second, on every machine that Node runs on. */
const TICKS = 100;

/** Tells the resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has ended`);
  return 1024 * Number(kilobytes);
}

/** Tells the processor time that a process has taken, all of its threads together, in seconds. */
export function processorSeconds(pid: number): number {
  // The name of the program stands in parentheses and may hold blanks; user and system time are fields 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
