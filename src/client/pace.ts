/** Time after which a slow pace looks for the signal. */
const LOOK_MS = 100;

/**
 * Waits until more than `sent` rows are due at `rate` rows a second since `startedAt`, or for the signal, and tells how
 * many more: without a rate there is no end to them.
 */
export async function dueRows(startedAt: number, sent: number, rate: number, signal: AbortSignal): Promise<number> {
  if (rate === 0) return Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    const wait = startedAt + (sent * 1000) / rate - performance.now();
    if (wait <= 1) return Math.max(1, Math.floor((-wait * rate) / 1000));
    await new Promise((resolve) => setTimeout(resolve, Math.min(wait, LOOK_MS)));
  }
  return 0;
}
