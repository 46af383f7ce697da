import { NUMBER, STRING } from "./json-token.ts";
import type { RowValues } from "./row-values.ts";
import type { NumberRun } from "./rows.ts";
import { NAME } from "./topic.ts";

const NO_RUNS: readonly NumberRun[] = [];

/** Joins the numbers of a message's rows into runs. */
export class NumberRuns {
  #runs: { offset: number; rows: number; source: string; epoch: string; seq: number }[] = [];
  #topicSource: string | null = null;
  // The names that came last: a producer's rows mostly name the same.
  #lastSource = "";
  #lastEpoch = "";

  /** Begins with a message; `topicSource` is for rows that name none. */
  begin(topicSource: string | null): void {
    this.#topicSource = topicSource;
    if (this.#runs.length > 0) this.#runs = [];
  }

  /** Takes the runs so far; they are the caller's. */
  get taken(): readonly NumberRun[] {
    return this.#runs.length === 0 ? NO_RUNS : this.#runs;
  }

  /** Adds the number of row `r`, if it has one; returns false where it is invalid. */
  add(r: number, values: RowValues): boolean {
    const { kinds } = values;
    const isNumbered = values.has(values.seq) || values.has(values.epoch);
    const isNamed = values.has(values.source);
    if (!isNumbered && !isNamed) return true;
    const source = isNamed ? nameOf(values, values.source, this.#lastSource) : this.#topicSource;
    // A source alone says who sent a row, and numbers nothing.
    if (!isNumbered) return source !== null;
    const epoch = nameOf(values, values.epoch, this.#lastEpoch);
    const seq = values.numbers[values.seq]!;
    // The number after it must be exact too.
    const isSeq = kinds[values.seq] === NUMBER && isSafe(seq, 1);
    if (source === null || epoch === null || !isSeq) return false;
    this.#lastSource = source;
    this.#lastEpoch = epoch;
    // Adding 0 makes −0 a 0.
    this.#join(r, source, epoch, seq + 0);
    return true;
  }

  #join(r: number, source: string, epoch: string, seq: number): void {
    const last = this.#runs.at(-1);
    const goesOn =
      last !== undefined &&
      last.source === source &&
      last.epoch === epoch &&
      last.seq + last.rows === seq &&
      last.offset + last.rows === r;
    if (goesOn) last.rows++;
    else this.#runs.push({ offset: r, rows: 1, source, epoch, seq });
  }
}

/** Tells whether `rows` numbers from `seq` on, and the one after them, are exact. */
export function isSafe(seq: number, rows: number): boolean {
  return Number.isSafeInteger(seq) && seq >= 0 && seq <= Number.MAX_SAFE_INTEGER - rows;
}

/** Reads a field as a name; null where it is none. */
function nameOf(values: RowValues, f: number, last: string): string | null {
  if (values.kinds[f] !== STRING) return null;
  if (last !== "" && values.isText(f, last)) return last;
  const name = values.textOf(f);
  return NAME.test(name) ? name : null;
}
