import { type CommitOptions, CommitPolicy, commitBytes, type Filling } from "./commit-policy.ts";

/** Rows that are played through; what the first half cost does not count, for a full budget lasts a while. */
const ROWS = 200_000;
const DAY_MS = 86_400_000;

/** Tells what a profile writes and how long producers wait, by the policy's own decisions. */
export interface CommitForecast {
  readonly commitsPerDay: number;
  readonly bytesPerDay: number;
  /** From a row's arrival until it is durable, ms. */
  readonly waitMs: { readonly median: number; readonly p99: number; readonly max: number };
}

/**
 * Plays a steady stream of single rows, `ratePerSecond` of them, from one connection through the commit policy. A commit takes
 * `flushMs`; the next one fills meanwhile.
 */
export function forecastCommits(
  options: CommitOptions,
  ratePerSecond: number,
  qos: 0 | 1,
  flushMs: number,
): CommitForecast {
  const policy = new CommitPolicy(options, 0);
  const waits = new Float64Array(ROWS);
  const gapMs = 1000 / ratePerSecond;
  const countedFrom = ROWS / 2;
  let commits = 0;
  let bytes = 0;
  let first = 0;
  let flushedAt = 0;
  for (let next = 1; next <= ROWS; next++) {
    const filling = fillingOf(first, next, gapMs, qos);
    const due = Math.max(policy.dueAt(filling), filling.lastAt, flushedAt);
    if (due > next * gapMs) continue;
    policy.spend(filling.rows, due);
    flushedAt = due + flushMs;
    for (let row = first; row < next; row++) waits[row] = flushedAt - row * gapMs;
    if (first >= countedFrom) {
      commits++;
      bytes += commitBytes(filling.rows);
    }
    first = next;
  }
  const days = ((first - countedFrom) * gapMs) / DAY_MS;
  const sorted = waits.subarray(countedFrom, first).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    commitsPerDay: commits / days,
    bytesPerDay: bytes / days,
    waitMs: { median: at(0.5), p99: at(0.99), max: at(1) },
  };
}

/** Is the transaction that holds the rows from `first` to before `next`. */
function fillingOf(first: number, next: number, gapMs: number, qos: 0 | 1): Filling {
  const rows = next - first;
  const lastAt = (next - 1) * gapMs;
  const held = qos === 0 ? [] : [[1, { messages: rows, lastAt, shown: 0 }] as const];
  return { rows, changes: true, urgent: false, firstAt: first * gapMs, lastAt, held: new Map(held) };
}
