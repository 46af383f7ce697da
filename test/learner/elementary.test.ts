import { describe, expect, it } from "vitest";
import { COS_MOST, cos, exp, log, log1p, sigmoid, tanh } from "../../src/learner/elementary.ts";
import {
  distance,
  type Exact,
  exactCos,
  exactExp,
  exactLog,
  exactLog1p,
  exactly,
  exactSigmoid,
  exactTanh,
  ulpError,
} from "./high-precision.ts";

const SEED = 20_240_607;
const LEAST = 5e-324;

/** Draws 32 bits at a time (xorshift32, Marsaglia 2003). */
class Draw {
  #state: number;
  readonly #view = new DataView(new ArrayBuffer(8));

  constructor(seed: number) {
    this.#state = seed;
  }

  bits(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  between(low: number, high: number): number {
    return low + (high - low) * ((this.bits() + this.bits() / 2 ** 32) / 2 ** 32);
  }

  /** A random fraction under a random exponent: 2^low ≤ |x| < 2^(high + 1), subnormals from −1023 on. */
  magnitude(low: number, high: number): number {
    const field = low + 1023 + (this.bits() % (high - low + 1));
    this.#view.setUint32(0, (field << 20) | (this.bits() >>> 12));
    this.#view.setUint32(4, this.bits());
    return this.#view.getFloat64(0);
  }

  signed(low: number, high: number): number {
    return this.bits() % 2 === 0 ? this.magnitude(low, high) : -this.magnitude(low, high);
  }

  /** One of the doubles around `x`, at most `steps` away. */
  near(x: number, steps: number): number {
    this.#view.setFloat64(0, x);
    const offset = BigInt((this.bits() % (2 * steps + 1)) - steps);
    this.#view.setBigUint64(0, this.#view.getBigUint64(0) + offset);
    return this.#view.getFloat64(0);
  }
}

type Source = (draw: Draw) => number;

interface Subject {
  readonly name: string;
  readonly compute: (x: number) => number;
  readonly exact: (x: number) => Exact;
  readonly ulpMax: number;
  readonly sources: readonly Source[];
  /** Joints between two ways of computing, where a fall would show. */
  readonly joints: readonly number[];
}

const subjects: readonly Subject[] = [
  {
    name: "exp",
    compute: exp,
    exact: exactExp,
    ulpMax: 1,
    sources: [
      (draw) => draw.signed(-1023, 9),
      (draw) => draw.signed(-60, 9),
      (draw) => draw.between(-745.14, 709.79),
      (draw) => draw.between(-1, 1),
      (draw) => draw.between(-745.2, -708),
      (draw) => draw.near(709.782712893384, 1000),
      (draw) => draw.near(-745.1332191019411, 1000),
      (draw) => draw.near(-708.3964185322641, 1000),
      (draw) => draw.near(((draw.bits() % 2001) - 1000 + 0.5) * Math.LN2, 4),
      (draw) => draw.near((1 + (draw.bits() % 1000)) * Math.LN2, 4),
    ],
    joints: [-1.5 * Math.LN2, -0.5 * Math.LN2, 0.5 * Math.LN2, 1.5 * Math.LN2, 10.5 * Math.LN2],
  },
  {
    name: "log",
    compute: log,
    exact: exactLog,
    ulpMax: 1,
    sources: [
      (draw) => draw.magnitude(-1023, 1023),
      (draw) => draw.magnitude(-1023, -1023),
      (draw) => draw.between(0, 10),
      (draw) => draw.between(0.5, 2),
      (draw) => draw.between(0.99, 1.01),
      (draw) => draw.near(1, 5000),
      (draw) => draw.near(Math.SQRT1_2, 1000),
      (draw) => draw.near(Math.SQRT2, 1000),
      (draw) => draw.near(2 ** ((draw.bits() % 2000) - 1000) * Math.SQRT2, 3),
      (draw) => draw.near(2.2250738585072014e-308, 1000),
    ],
    joints: [Math.SQRT1_2, 1, Math.SQRT2, 2 * Math.SQRT2],
  },
  {
    name: "log1p",
    compute: log1p,
    exact: exactLog1p,
    ulpMax: 1,
    sources: [
      (draw) => draw.magnitude(-1023, -1),
      (draw) => draw.magnitude(-60, -1),
      (draw) => draw.between(0, 1),
      (draw) => draw.between(0, 0.01),
    ],
    joints: [],
  },
  {
    name: "tanh",
    compute: tanh,
    exact: exactTanh,
    ulpMax: 2,
    sources: [
      (draw) => draw.signed(-1023, 4),
      (draw) => draw.signed(-60, 0),
      (draw) => draw.between(-0.55, 0.55),
      (draw) => draw.between(0.54, 0.6),
      (draw) => draw.between(0.55, 2),
      (draw) => draw.between(-20, 20),
      (draw) => draw.near(0.55, 1000),
      (draw) => draw.near(-0.55, 1000),
      (draw) => draw.between(18, 22),
      (draw) => draw.signed(4, 1023),
    ],
    joints: [-0.55, 0.55, 19],
  },
  {
    name: "sigmoid",
    compute: sigmoid,
    exact: exactSigmoid,
    ulpMax: 2,
    sources: [
      (draw) => draw.signed(-1023, 9),
      (draw) => draw.between(-1, 1),
      (draw) => draw.between(-40, 40),
      (draw) => draw.between(-745.14, -700),
      (draw) => draw.between(-2, 0),
    ],
    joints: [-36, 0, 36],
  },
];

const cosine: Omit<Subject, "ulpMax" | "joints"> = {
  name: "cos",
  compute: cos,
  exact: exactCos,
  sources: [
    (draw) => draw.between(-10, 10),
    (draw) => draw.between(-200, 200),
    (draw) => draw.signed(-60, 18),
    (draw) => draw.near((1 + (draw.bits() % 2001)) * (Math.PI / 4), 20),
    (draw) => draw.near((1 + (draw.bits() % 600_000)) * (Math.PI / 2), 3),
  ],
};

describe("cos", () => {
  it("stays within 3e-16 (1 + |x|) of the exact value", () => {
    const draw = new Draw(SEED);
    let worst = { x: NaN, error: -1 };
    for (let round = 0; round < 4000; round++) {
      for (const source of cosine.sources) {
        const x = source(draw);
        const error = distance(cos(x), exactCos(x)) / (1 + Math.abs(x));
        if (error > worst.error) worst = { x, error };
      }
    }
    expect(worst.error, `cos(${worst.x}) is off by ${worst.error} (1 + |x|), seed ${SEED}`).toBeLessThan(3e-16);
  });

  it("is even, never beyond 1, and that of the bound beyond it", () => {
    const draw = new Draw(SEED);
    for (let i = 0; i < 5000; i++) {
      const x = draw.signed(-60, 100);
      expect(cos(-x)).toBe(cos(x));
      expect(Math.abs(cos(x))).toBeLessThanOrEqual(1);
    }
    expect(cos(2 * COS_MOST)).toBe(cos(COS_MOST));
    expect([cos(0), cos(-0), cos(LEAST), cos(Math.PI), cos(NaN)]).toEqual([1, 1, 1, -1, NaN]);
  });
});

describe.each(subjects)("$name", ({ name, compute, exact, ulpMax, sources, joints }) => {
  it(`stays within ${ulpMax} ulp of the exact value`, () => {
    const draw = new Draw(SEED);
    const rounds = Math.ceil(20_000 / sources.length);
    let worst = { x: NaN, error: -1 };
    for (let round = 0; round < rounds; round++) {
      for (const source of sources) {
        const x = source(draw);
        const error = ulpError(compute(x), exact(x));
        if (error > worst.error) worst = { x, error };
      }
    }
    expect(worst.error, `${name}(${worst.x}) is off by ${worst.error} ulp, seed ${SEED}`).toBeLessThan(ulpMax);
  });

  it("never falls where its argument rises", () => {
    const draw = new Draw(SEED);
    const scattered = Array.from({ length: 20_000 }, () => draw.between(name.startsWith("log") ? 0 : -30, 30));
    for (const points of [scattered, ...joints.map(ladder)]) {
      points.sort((a, b) => a - b);
      const fall = points.findIndex((x, i) => i > 0 && compute(x) < compute(points[i - 1] ?? x));
      expect(fall, `${name} falls at ${points[fall]}, seed ${SEED}`).toBe(-1);
    }
  });
});

/** Lays 2001 points around `x`, 16 ulp apart. */
function ladder(x: number): number[] {
  const step = (x === 0 ? 1 : Math.abs(x)) * 2 ** -48;
  return Array.from({ length: 2001 }, (_, i) => x + (i - 1000) * step);
}

describe("special values", () => {
  it.each([
    [
      "exp",
      exp,
      [
        [0, 1],
        [-0, 1],
        [1, Math.E],
        [Infinity, Infinity],
        [-Infinity, 0],
        [709.7827128933841, Infinity],
        [1e308, Infinity],
        [-745.1332191019411, LEAST],
        [-745.1332191019412, 0],
        [-1e308, 0],
        [NaN, NaN],
        [LEAST, 1],
      ],
    ],
    [
      "log",
      log,
      [
        [1, 0],
        [0, -Infinity],
        [-0, -Infinity],
        [-LEAST, NaN],
        [-1, NaN],
        [-Infinity, NaN],
        [Infinity, Infinity],
        [NaN, NaN],
        [2, Math.LN2],
        [LEAST, -744.4400719213812],
        [Number.MAX_VALUE, 709.782712893384],
      ],
    ],
    [
      "log1p",
      log1p,
      [
        [0, 0],
        [LEAST, LEAST],
        [1, Math.LN2],
        [NaN, NaN],
        [1e-30, 1e-30],
      ],
    ],
    [
      "tanh",
      tanh,
      [
        [0, 0],
        [-0, -0],
        [LEAST, LEAST],
        [-LEAST, -LEAST],
        [1e-30, 1e-30],
        [Infinity, 1],
        [-Infinity, -1],
        [400, 1],
        [-1e308, -1],
        [NaN, NaN],
      ],
    ],
    [
      "sigmoid",
      sigmoid,
      [
        [0, 0.5],
        [-0, 0.5],
        [Infinity, 1],
        [-Infinity, 0],
        [1000, 1],
        [-1000, 0],
        [-745, LEAST],
        [NaN, NaN],
      ],
    ],
  ] as const)("%s has the values that the standard functions have", (_, compute, pairs) => {
    for (const [x, expected] of pairs) expect(compute(x), `of ${x}`).toBe(expected);
  });

  it("makes tanh odd", () => {
    const draw = new Draw(SEED);
    for (let i = 0; i < 1000; i++) {
      const x = draw.magnitude(-30, 4);
      expect(tanh(-x)).toBe(-tanh(x));
    }
  });
});

describe("the bits", () => {
  // A change here changes every state: raise NUMERICS with it.
  it("are the ones that this release's numerics stand for", () => {
    const hashes = [...subjects, cosine].map(({ name, compute, sources }) => [name, hashOf(compute, sources)]);
    expect(Object.fromEntries(hashes)).toEqual({
      exp: "392da5e1",
      log: "b2f623b1",
      log1p: "7f031ab5",
      tanh: "b2d98f78",
      sigmoid: "55545ce6",
      cos: "4d1c10ba",
    });
  });

  function hashOf(compute: (x: number) => number, sources: readonly Source[]): string {
    const draw = new Draw(SEED);
    const view = new DataView(new ArrayBuffer(8));
    let hash = 0x811c9dc5; // FNV-1a
    for (let round = 0; round < 1000; round++) {
      for (const source of sources) {
        view.setFloat64(0, compute(source(draw)));
        for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x01000193);
      }
    }
    return (hash >>> 0).toString(16);
  }
});

describe("the oracle", () => {
  it.each([
    ["e", exactExp(1), "271828182845904523536028747135266249775724709369995"],
    ["e¹⁰", exactExp(10), "2202646579480671651695790064528424436635351261855678107"],
    ["log 2", exactLog(2), "69314718055994530941723212145817656807550013436025"],
    ["log 10", exactLog(10), "230258509299404568401799145468436420760110148862877"],
    ["log 1.5", exactLog1p(0.5), "40546510810816438197801311546434913657199042346249"],
    ["tanh 1", exactTanh(1), "76159415595576488811945828260479359041276859725793"],
    ["cos 1", exactCos(1), "54030230586813971740093660744297660373231042061792"],
    ["1 / (1 + e²)", exactSigmoid(-2), "11920292202211755594027085869760320479361570137103"],
  ])("knows the first fifty decimals of %s", (_, exact, digits) => {
    expect((exact.mantissa * 10n ** 50n) >> BigInt(-exact.exponent)).toBe(BigInt(digits));
  });

  it("measures parts of an ulp", () => {
    const half = { mantissa: (1n << 53n) + 1n, exponent: -53 };
    expect(ulpError(1, half)).toBe(0.5);
    expect(ulpError(1 + 2 ** -52, half)).toBe(0.5);
    expect(ulpError(1, exactly(1))).toBe(0);
    expect(ulpError(3 * LEAST, exactly(LEAST))).toBe(2);
    expect(ulpError(Infinity, exactly(Number.MAX_VALUE))).toBe(1);
    expect(ulpError(NaN, exactly(1))).toBe(Infinity);
  });
});
