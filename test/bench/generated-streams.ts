// Streams that nobody tuned the default to: many classes, many inputs, rare classes, labels that repeat, and drifts. Each
// is seeded; the generators of LED digits, waves, moving centres and turning planes are the field's (Breiman et al. 1984;
// Bifet et al. 2010, MOA).

import { Random } from "../../src/learner/random.ts";
import type { Stream } from "./streams.ts";

/** Writes the inputs of a row, of which `share` of the stream lies behind; returns its label. */
type Draw = (x: Float64Array, share: number) => number;

interface Kind {
  readonly features: number;
  readonly classes: number;
  readonly rows: number;
  readonly begin: (random: Random) => Draw;
}

const ROWS = 10_000;

const normals = (x: Float64Array, random: Random) => {
  for (let i = 0; i < x.length; i++) x[i] = random.normal();
};
const below = (random: Random, count: number) => Math.floor(random.uniform() * count);
const sumOf = (count: number, value: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => value(i)).reduce((sum, term) => sum + term, 0);

/** Ten clouds on a circle that turns once round. */
const clouds = (random: Random): Draw => {
  return (x, share) => {
    const label = below(random, 10);
    const angle = 2 * Math.PI * (label / 10 + share);
    x[0] = 3 * Math.cos(angle) + 0.6 * random.normal();
    x[1] = 3 * Math.sin(angle) + 0.6 * random.normal();
    return label;
  };
};

/** Six rings, one within another, and four inputs of noise. */
const rings = (random: Random): Draw => {
  return (x) => {
    normals(x, random);
    const label = below(random, 6);
    const [angle, radius] = [2 * Math.PI * random.uniform(), label + 1 + 0.22 * random.normal()];
    x[0] = radius * Math.cos(angle);
    x[1] = radius * Math.sin(angle);
    return label;
  };
};

/** Segments of the digits on a display, top, upper left, upper right, middle, lower left, lower right, bottom. */
const DIGITS = [
  0b1110111, 0b0010010, 0b1011101, 0b1011011, 0b0111010, 0b1101011, 0b1101111, 0b1010010, 0b1111111, 0b1111011,
];

/** Digits on a display of which each segment fails in one of ten, and 17 inputs of noise; half way segments are exchanged. */
const led = (random: Random): Draw => {
  return (x, share) => {
    const label = below(random, 10);
    for (let i = 0; i < x.length; i++) x[i] = below(random, 2);
    for (let s = 0; s < 7; s++) {
      const lit = (((DIGITS[label] ?? 0) >> s) & 1) === 1;
      const at = share < 0.5 ? s : 7 + s;
      x[at] = lit !== random.uniform() < 0.1 ? 1 : 0;
    }
    return label;
  };
};

/** Three waves, each a mixture of two of three triangles, and 19 inputs of noise. */
const waves = (random: Random): Draw => {
  const triangle = (centre: number, i: number) => Math.max(0, 6 - Math.abs(i - centre));
  const centres = [10, 14, 6];
  return (x) => {
    normals(x, random);
    const label = below(random, 3);
    const share = random.uniform();
    const [one = 0, other = 0] = [centres[label === 2 ? 1 : 0], centres[label === 0 ? 1 : 2]];
    for (let i = 0; i < 21; i++) {
      x[i] = (x[i] ?? 0) + share * triangle(one, i) + (1 - share) * triangle(other, i);
    }
    return label;
  };
};

/** A plane in which 5 of 50 inputs count. */
const sparse = (random: Random): Draw => {
  return (x) => {
    normals(x, random);
    const z = [2, -1.5, 1, -1, 0.5].reduce((sum, w, i) => sum + w * (x[7 * i] ?? 0), 0);
    return z + 0.5 * random.normal() > 0 ? 1 : 0;
  };
};

/** A plane through 50 inputs that turns in ten of them; one label of 20 is wrong. */
const plane = (random: Random): Draw => {
  const weights = Array.from({ length: 50 }, () => random.uniform());
  const speeds = weights.map((_, i) => (i < 10 ? (random.uniform() < 0.5 ? -4 : 4) : 0));
  return (x, share) => {
    for (let i = 0; i < x.length; i++) x[i] = random.uniform() - 0.5;
    const z = sumOf(50, (i) => ((weights[i] ?? 0) + (speeds[i] ?? 0) * share) * (x[i] ?? 0));
    return z > 0 !== random.uniform() < 0.05 ? 1 : 0;
  };
};

/** Whether two of so many inputs have the same sign. */
const sameSign = (random: Random): Draw => {
  return (x) => {
    normals(x, random);
    return (x[1] ?? 0) * (x.at(-2) ?? 0) > 0 ? 1 : 0;
  };
};

/** One row of fifty lies in a shell about the others. */
const rare = (random: Random): Draw => {
  return (x) => {
    normals(x, random);
    const isRare = random.uniform() < 0.02;
    if (!isRare) return 0;
    const norm = Math.hypot(...x);
    for (let i = 0; i < x.length; i++) x[i] = ((4.2 + 0.2 * random.normal()) * (x[i] ?? 0)) / norm;
    return 1;
  };
};

/** Labels that stay as they are in 19 rows of 20, and inputs that tell them by a border that wanders. */
const persistent = (random: Random): Draw => {
  let label = 0;
  return (x, share) => {
    if (random.uniform() < 0.05) label = 1 - label;
    for (let i = 0; i < x.length; i++) x[i] = 0.9 * (x[i] ?? 0) + 0.44 * random.normal();
    const shift = label === 1 ? 0.3 : -0.3;
    x[0] = (x[0] ?? 0) + shift * Math.cos(3 * share);
    x[1] = (x[1] ?? 0) + shift * Math.sin(3 * share);
    return label;
  };
};

/** Fifty centres of five classes in so many dimensions, that move. */
const centres = (random: Random): Draw => {
  let places: readonly {
    readonly at: Float64Array;
    readonly to: Float64Array;
    readonly label: number;
    readonly width: number;
  }[] = [];
  return (x, share) => {
    if (places.length === 0) {
      places = Array.from({ length: 50 }, (_, c) => {
        const at = Float64Array.from(x, () => random.uniform());
        const to = Float64Array.from(x, () => random.normal());
        const length = Math.hypot(...to);
        for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) / length;
        return { at, to, label: c % 5, width: 0.02 + 0.1 * random.uniform() };
      });
    }
    const place = places[below(random, places.length)];
    for (let i = 0; i < x.length; i++) {
      const moved = Math.abs((place?.at[i] ?? 0) + share * (place?.to[i] ?? 0)) % 2;
      x[i] = (moved > 1 ? 2 - moved : moved) + (place?.width ?? 0) * random.normal();
    }
    return place?.label ?? 0;
  };
};

/** Ten inputs that are mixtures of three, nearly, and a curved border. */
const correlated = (random: Random): Draw => {
  const mixing = Array.from({ length: 30 }, () => random.normal());
  return (x) => {
    const [a, b, c] = [random.normal(), random.normal(), random.normal()];
    for (let i = 0; i < x.length; i++) {
      const at = (k: number) => mixing[3 * i + k] ?? 0;
      x[i] = at(0) * a + at(1) * b + at(2) * c + 0.03 * random.normal();
    }
    return a * a + b > 0.8 + 0.5 * Math.sin(3 * c) ? 1 : 0;
  };
};

const KINDS: Readonly<Record<string, Kind>> = {
  "10 clouds that turn": { features: 2, classes: 10, rows: ROWS, begin: clouds },
  "6 rings, 4 of noise": { features: 6, classes: 6, rows: ROWS, begin: rings },
  "LED digits, abrupt": { features: 24, classes: 10, rows: ROWS, begin: led },
  "waves, 19 of noise": { features: 40, classes: 3, rows: ROWS, begin: waves },
  "moving centres, 5 classes": { features: 10, classes: 5, rows: ROWS, begin: centres },
  "5 of 50 inputs": { features: 50, classes: 2, rows: ROWS, begin: sparse },
  "plane of 50 that turns": { features: 50, classes: 2, rows: ROWS, begin: plane },
  "same sign, 2 of 10": { features: 10, classes: 2, rows: ROWS, begin: sameSign },
  "same sign, 2 of 50": { features: 50, classes: 2, rows: 2 * ROWS, begin: sameSign },
  "2 % in a shell": { features: 5, classes: 2, rows: ROWS, begin: rare },
  "labels that repeat": { features: 8, classes: 2, rows: ROWS, begin: persistent },
  "10 inputs of 3": { features: 10, classes: 2, rows: ROWS, begin: correlated },
};

/** Draws every stream. */
export function generatedStreams(seed: number): readonly Stream[] {
  return Object.entries(KINDS).map(([name, { features, classes, rows, begin }]) => {
    const draw = begin(new Random(seed));
    const x = new Float64Array(rows * features);
    const y = new Float64Array(rows);
    const row = new Float64Array(features);
    for (let r = 0; r < rows; r++) {
      y[r] = draw(row, r / rows);
      x.set(row, r * features);
    }
    return { name, features, classes, rows, x, y };
  });
}
