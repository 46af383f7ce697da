// Generated streams to try a learner on: still ones, and ones whose concept drifts. Equal numbers from the same source of
// chance give equal rows on every machine.

import { cosine, sine } from "./trigonometry.ts";

/** Is where chance comes from. */
export interface Chance {
  /** In [0, 1). */
  uniform(): number;
  /** With mean 0 and deviation 1. */
  normal(): number;
}

/** Is one row of a stream. */
export interface StreamRow {
  readonly features: readonly number[];
  readonly label: 0 | 1;
  /** Counts the concepts: 0 at first, one more after each sudden drift. */
  readonly concept: number;
}

/** Makes row `index` of a stream with that many features. */
type Draw = (chance: Chance, features: number, index: number) => StreamRow;

interface Kind {
  /** Features that the label depends on, or that the stream always has. */
  readonly featuresMin: number;
  readonly description: string;
  readonly draw: Draw;
}

/** Rows between two sudden drifts. */
const CONCEPT_ROWS = 5000;
/** Rows in which a gradual drift comes round. */
const ROUND_ROWS = 20_000;
/** Share of labels that are turned over, where a stream has noise. */
const NOISE = 0.05;
/** Noise and thresholds of SEA (Street and Kim 2001). */
const SEA_NOISE = 0.1;
const SEA_THETAS = [8, 9, 7, 9.5] as const;

const KINDS = {
  linear: {
    featuresMin: 1,
    description: "a straight border through normal features, 5 % of the labels turned over",
    draw: still((chance, features) => {
      const x = normals(chance, features);
      return [x, noisy(chance, x.reduce((sum, value, i) => sum + value * (i % 2 === 0 ? 1 : -0.5), 0) > 0.2, NOISE)];
    }),
  },
  gauss: {
    featuresMin: 1,
    description: "two normal clouds, two deviations apart",
    draw: still((chance, features) => {
      const label = chance.uniform() < 0.5;
      return [normals(chance, features).map((value, i) => (i === 0 ? value + (label ? 1 : -1) : value)), label];
    }),
  },
  xor: {
    featuresMin: 2,
    description: "the sign of x1 · x2 on a square",
    draw: still((chance, features) => {
      const x = uniforms(chance, features, -1, 1);
      return [x, at(x, 0) * at(x, 1) > 0];
    }),
  },
  circle: {
    featuresMin: 2,
    description: "inside or outside of a circle with half of a square's area",
    draw: still((chance, features) => {
      const x = uniforms(chance, features, -1, 1);
      return [x, at(x, 0) * at(x, 0) + at(x, 1) * at(x, 1) < 2 / Math.PI];
    }),
  },
  moons: {
    featuresMin: 2,
    description: "two half moons that reach into one another, with normal noise of 0.15",
    draw: still((chance, features) => {
      const label = chance.uniform() < 0.5;
      const turn = chance.uniform() / 2;
      const [x, y] = label ? [1 - cosine(turn), 0.5 - sine(turn)] : [cosine(turn), sine(turn)];
      return [beside([x + 0.15 * chance.normal(), y + 0.15 * chance.normal()], chance, features), label];
    }),
  },
  spiral: {
    featuresMin: 2,
    description: "two spirals of one and a half turns, with normal noise of 0.02",
    draw: still((chance, features) => {
      const label = chance.uniform() < 0.5;
      const radius = 0.05 + 0.95 * chance.uniform();
      const turn = 1.5 * radius + (label ? 0.5 : 0);
      const x = radius * cosine(turn) + 0.02 * chance.normal();
      return [beside([x, radius * sine(turn) + 0.02 * chance.normal()], chance, features), label];
    }),
  },
  sea: {
    featuresMin: 2,
    description: "x1 + x2 ≤ θ on 0…10, 10 % noise; θ jumps every 5000 rows (Street and Kim 2001); x3 says nothing",
    draw: (chance, features, index) => {
      const x = uniforms(chance, features, 0, 10);
      const concept = Math.floor(index / CONCEPT_ROWS);
      const theta = SEA_THETAS[concept % SEA_THETAS.length] ?? 8;
      return row(x, noisy(chance, at(x, 0) + at(x, 1) <= theta, SEA_NOISE), concept);
    },
  },
  hyperplane: {
    featuresMin: 2,
    description: "a border that turns once round in 20,000 rows, 5 % noise (after Hulten, Spencer and Domingos 2001)",
    draw: (chance, features, index) => {
      const x = uniforms(chance, features, 0, 1);
      const turn = index / ROUND_ROWS;
      const side = (at(x, 0) - 0.5) * cosine(turn) + (at(x, 1) - 0.5) * sine(turn);
      return row(x, noisy(chance, side > 0, NOISE), 0);
    },
  },
  sine: {
    featuresMin: 2,
    description: "under or over a sine; the labels turn over every 5000 rows (SINE1 of Gama et al. 2004)",
    draw: (chance, features, index) => {
      const x = uniforms(chance, features, 0, 1);
      const concept = Math.floor(index / CONCEPT_ROWS);
      // x1 in radians over one unit, as there.
      const isUnder = at(x, 1) < sine(at(x, 0) / (2 * Math.PI));
      return row(x, concept % 2 === 0 ? isUnder : !isUnder, concept);
    },
  },
  "moving-gauss": {
    featuresMin: 2,
    description: "two normal clouds that circle round one another once in 20,000 rows",
    draw: (chance, features, index) => {
      const label = chance.uniform() < 0.5;
      const turn = index / ROUND_ROWS + (label ? 0.5 : 0);
      const x = normals(chance, features).map((value) => 0.6 * value);
      return row([at(x, 0) + cosine(turn), at(x, 1) + sine(turn), ...x.slice(2)], label, 0);
    },
  },
} as const satisfies Readonly<Record<string, Kind>>;

export type StreamKind = keyof typeof KINDS;

/** Lists the kinds of streams, with what each is. */
export const STREAMS: readonly { readonly kind: StreamKind; readonly description: string }[] = Object.entries(
  KINDS,
).map(([kind, { description }]) => ({ kind: kind as StreamKind, description }));

/** Tells whether there is a stream of that name. */
export function isStreamKind(name: string): name is StreamKind {
  return Object.hasOwn(KINDS, name);
}

/** Tells how few features a stream can have. */
export function featuresMinOf(kind: StreamKind): number {
  return KINDS[kind].featuresMin;
}

/** Yields a stream without end, with that many features: those beyond its own say nothing of the label. */
export function* streamRows(kind: StreamKind, features: number, chance: Chance): Generator<StreamRow, never> {
  const { draw } = KINDS[kind];
  for (let index = 0; ; index++) yield draw(chance, features, index);
}

function still(draw: (chance: Chance, features: number) => readonly [readonly number[], boolean]): Draw {
  return (chance, features) => {
    const [x, label] = draw(chance, features);
    return row(x, label, 0);
  };
}

function row(features: readonly number[], label: boolean, concept: number): StreamRow {
  return { features, label: label ? 1 : 0, concept };
}

function at(values: readonly number[], i: number): number {
  return values[i] ?? 0;
}

function noisy(chance: Chance, label: boolean, share: number): boolean {
  return chance.uniform() < share ? !label : label;
}

function normals(chance: Chance, count: number): number[] {
  return Array.from({ length: count }, () => chance.normal());
}

function uniforms(chance: Chance, count: number, from: number, to: number): number[] {
  return Array.from({ length: count }, () => from + (to - from) * chance.uniform());
}

/** Adds features that say nothing to the two that do. */
function beside(pair: readonly [number, number], chance: Chance, features: number): number[] {
  return [...pair, ...normals(chance, features - pair.length)];
}
