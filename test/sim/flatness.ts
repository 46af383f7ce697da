// Decides whether a long run was steady: what it took in its last third is compared with its first third, once warm.

/** Is what was seen in one stretch of a soak. */
export interface Stretch {
  readonly atSeconds: number;
  readonly rssBytes: number;
  readonly cpuShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly fileBytes: number;
  readonly walBytes: number;
  /** Rows that were committed in it, a second. */
  readonly rowsPerSecond: number;
}

export interface Judgement {
  readonly what: string;
  readonly unit: string;
  readonly first: number;
  readonly last: number;
  /** What the last third may be at most; at least, for the rate. */
  readonly bound: number;
  readonly flat: boolean;
}

/** Share of the run in which caches, the heap and the journal fill. */
export const WARM_UP_SHARE = 1 / 4;
/** Growth that is noise: a heap breathes by megabytes, a delay by a millisecond and more. */
const GROWTH = 1.1;
const DELAY_GROWTH = 1.5;
const RSS_MB_NOISE = 6;
/** A heap that is given room grows in steps of tens of megabytes for its first minutes: a short run cannot tell. */
const YOUNG_SECONDS = 180;
const YOUNG_RSS_MB_NOISE = 100;
const FILE_MB_NOISE = 1;
const DELAY_MS_NOISE = 5;
/** Share of the wanted rate that has to be committed. */
const RATE_SHARE = 0.97;

/** Judges memory, delay, files and rate. Needs at least 3 stretches after the warm-up. */
export function judge(stretches: readonly Stretch[], rate: number): readonly Judgement[] {
  const end = stretches.at(-1)?.atSeconds ?? 0;
  const warm = stretches.filter(({ atSeconds }) => atSeconds > WARM_UP_SHARE * end);
  const third = Math.floor(warm.length / 3);
  if (third === 0) throw new Error("too few stretches to judge");
  const grows = (what: string, unit: string, of: (stretch: Stretch) => number, growth: number, noise: number) => {
    const first = middle(warm.slice(0, third).map(of));
    const last = middle(warm.slice(-third).map(of));
    const bound = growth * first + noise;
    return { what, unit, first, last, bound, flat: last <= bound };
  };
  const rows = ({ rowsPerSecond }: Stretch) => rowsPerSecond;
  const [first, last] = [mean(warm.slice(0, third).map(rows)), mean(warm.slice(-third).map(rows))];
  const bound = RATE_SHARE * rate;
  return [
    grows(
      "memory",
      "MB",
      ({ rssBytes }) => rssBytes / 1e6,
      GROWTH,
      end < YOUNG_SECONDS ? YOUNG_RSS_MB_NOISE : RSS_MB_NOISE,
    ),
    grows("prediction p50", "ms", ({ p50Ms }) => p50Ms, DELAY_GROWTH, DELAY_MS_NOISE),
    grows("prediction p99", "ms", ({ p99Ms }) => p99Ms, DELAY_GROWTH, DELAY_MS_NOISE),
    grows("file", "MB", ({ fileBytes }) => fileBytes / 1e6, GROWTH, FILE_MB_NOISE),
    grows("log of the file", "MB", ({ walBytes }) => walBytes / 1e6, GROWTH, FILE_MB_NOISE),
    { what: "rows", unit: "a second", first, last, bound, flat: last >= bound },
  ];
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
