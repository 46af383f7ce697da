import type { DetectorKind } from "../../src/evaluate/detector.ts";
import { Random } from "../../src/learner/random.ts";

/** Streams of 0/1 errors whose rate jumps at known places, as those that the recorded alarms are of. */
export interface Family {
  readonly name: string;
  readonly length: number;
  /** Rate of errors from each place on. */
  readonly rates: readonly (readonly [from: number, rate: number])[];
}

export const families: readonly Family[] = [
  {
    name: "error .1 then .4 at 3000",
    length: 8000,
    rates: [
      [0, 0.1],
      [3000, 0.4],
    ],
  },
  {
    name: "error .2, .5 at 2000, .1 at 5000",
    length: 8000,
    rates: [
      [0, 0.2],
      [2000, 0.5],
      [5000, 0.1],
    ],
  },
  { name: "error .25, no change", length: 8000, rates: [[0, 0.25]] },
];

/** Draws a stream of a family; equal seeds give equal streams. */
export function errorsOf({ length, rates }: Family, seed: number): Uint8Array {
  const random = new Random(seed);
  const errors = new Uint8Array(length);
  rates.forEach(([from, rate], i) => {
    const to = rates[i + 1]?.[0] ?? length;
    for (let t = from; t < to; t++) errors[t] = random.uniform() < rate ? 1 : 0;
  });
  return errors;
}

/** Tells whether the value at `t` raises an alarm; the values come in order. */
export type Alarms = (value: number) => boolean;

export function alarmsOf(errors: Uint8Array, alarms: Alarms): readonly number[] {
  const found: number[] = [];
  errors.forEach((value, t) => {
    if (alarms(value)) found.push(t);
  });
  return found;
}

export interface Tally {
  /** Of each drift that was found. */
  readonly delays: number[];
  drifts: number;
  falseAlarms: number;
  values: number;
}

/** The first alarm between a drift and the next is that drift's; each other one is false. */
export function judge(tally: Tally, { length, rates }: Family, alarms: readonly number[]): void {
  const bounds = [...rates.map(([from]) => from), length];
  bounds.slice(0, -1).forEach((from, i) => {
    const within = alarms.filter((t) => t >= from && t < (bounds[i + 1] ?? length));
    const [first] = within;
    if (i > 0) tally.drifts += 1;
    if (i > 0 && first !== undefined) tally.delays.push(first - from);
    tally.falseAlarms += i > 0 ? Math.max(0, within.length - 1) : within.length;
  });
  tally.values += length;
}

/** Gives the median delay of the drifts that were found. */
export function medianDelay({ delays }: Tally): number {
  const sorted = [...delays].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}

/**
 * The detectors of River 0.7 as far as their documented behaviour goes, to measure ours against on streams of which no
 * alarms were recorded. A test holds them to the recorded ones, exactly.
 */
export const yardsticks: Readonly<Record<DetectorKind, () => Alarms>> = {
  adwin: adwinYardstick,
  "page-hinkley": pageHinkleyYardstick,
  ddm: ddmYardstick,
};

/** Raises an alarm at each 100th value, whatever it is. */
export function naive(): Alarms {
  let count = 0;
  return () => ++count % 100 === 0;
}

/** δ = .005, λ = 50, the sum fades by .9999, alarms from the 29th value on. */
function pageHinkleyYardstick(): Alarms {
  let [count, mean, sum] = [0, 0, 0];
  return (value) => {
    count += 1;
    mean += (value - mean) / count;
    sum = Math.max(0, 0.9999 * sum + (value - mean - 0.005));
    const alarm = count >= 29 && sum >= 50;
    if (alarm) [count, mean, sum] = [0, 0, 0];
    return alarm;
  };
}

/** The paper's, over 3 deviations, from the 30th value on. */
function ddmYardstick(): Alarms {
  let [count, errors, rateLeast, deviationLeast] = [0, 0, Infinity, Infinity];
  return (value) => {
    count += 1;
    errors += value;
    if (count < 30) return false;
    const rate = errors / count;
    const deviation = Math.sqrt((rate * (1 - rate)) / count);
    if (rate + deviation <= rateLeast + deviationLeast) [rateLeast, deviationLeast] = [rate, deviation];
    const alarm = rate + deviation > rateLeast + 3 * deviationLeast;
    if (alarm) [count, errors, rateLeast, deviationLeast] = [0, 0, Infinity, Infinity];
    return alarm;
  };
}

interface Bucket {
  readonly size: number;
  readonly sum: number;
  /** Sum of squared deviations. */
  readonly spread: number;
}

/**
 * δ = .002, a look each 32 values, parts of at least 5 values, whose sizes enter the bound less 4; the newest bucket of
 * each size is left out of the comparison; one alarm for each look that cut.
 */
function adwinYardstick(): Alarms {
  const levels: Bucket[][] = [[]];
  let count = 0;
  return (value) => {
    count += 1;
    levels[0]?.push({ size: 1, sum: value, spread: 0 });
    levels.forEach((level, l) => {
      if (level.length < 6) return;
      const [a, b] = level.splice(0, 2) as [Bucket, Bucket];
      levels[l + 1] ??= [];
      levels[l + 1]?.push(joined(a, b));
    });
    if (count % 32 !== 0) return false;
    let alarm = false;
    while (cuts(levels)) {
      alarm = true;
      levels.at(-1)?.shift();
      if (levels.at(-1)?.length === 0) levels.pop();
    }
    return alarm;
  };
}

function joined(a: Bucket, b: Bucket): Bucket {
  if (a.size === 0) return b;
  const apart = a.sum / a.size - b.sum / b.size;
  const size = a.size + b.size;
  return { size, sum: a.sum + b.sum, spread: a.spread + b.spread + ((a.size * b.size) / size) * apart * apart };
}

function cuts(levels: readonly (readonly Bucket[])[]): boolean {
  const whole = levels.flat().reduce(joined, { size: 0, sum: 0, spread: 0 });
  if (whole.size <= 10) return false;
  const confidence = Math.log((2 * Math.log(whole.size)) / 0.002);
  let [size, sum] = [0, 0];
  for (const level of [...levels].reverse()) {
    for (const bucket of level.slice(0, -1)) {
      size += bucket.size;
      sum += bucket.sum;
      const rest = whole.size - size;
      if (size < 5 || rest < 5) continue;
      const apart = Math.abs(sum / size - (whole.sum - sum) / rest);
      const share = 1 / (size - 4) + 1 / (rest - 4);
      const bound = Math.sqrt(2 * share * (whole.spread / whole.size) * confidence) + (2 / 3) * confidence * share;
      if (apart > bound) return true;
    }
  }
  return false;
}
