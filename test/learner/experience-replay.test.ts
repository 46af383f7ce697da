import { describe, expect, it } from "vitest";
import { REPLAY_KINDS, type ReplayConfig, type ReplayKind } from "../../src/learner/experience-replay.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { PRECISIONS } from "../../src/learner/precision.ts";
import { Random } from "../../src/learner/random.ts";
import { decodeStateBlock, sectionOf } from "../../src/learner/state-block.ts";

const BATCH = 3;

const plain: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [5], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adam", learningRate: 0.05 },
  classWeights: [1, 3],
  batch: { size: BATCH },
};

function replaying(kind: ReplayKind, more: Partial<ReplayConfig> = {}): LearnerConfig {
  return { ...plain, replay: { kind, rows: 10, batches: 2, size: 5, ...more } };
}

/** Features, label and weight. */
type Row = readonly [number, number, number, number];

function put({ raw, engine }: Learner, rows: readonly Row[]): void {
  rows.forEach(([x1, x2, label, weight], r) => {
    raw.set([x1, x2], 2 * r);
    engine.labels[r] = label;
    engine.sampleWeights[r] = weight;
  });
}

/** Draws a mini-batch of a circle; now and then a value is missing. */
function drawn(random: Random, rows = BATCH): readonly Row[] {
  return Array.from({ length: rows }, () => {
    const [x1, x2] = [random.normal(), random.normal()];
    const x = random.uint32() % 20 === 0 ? Number.NaN : x1;
    return [x, x2, x1 * x1 + x2 * x2 < 1.4 ? 1 : 0, 0.5 + random.uniform()];
  });
}

function teach(learners: readonly Learner[], random: Random, steps: number): void {
  for (let k = 0; k < steps; k++) {
    const rows = drawn(random);
    for (const learner of learners) {
      put(learner, rows);
      learner.step(BATCH);
    }
  }
}

const section = (learner: Learner, tag: string) => sectionOf(decodeStateBlock(learner.save()), tag, 0);

describe.each(REPLAY_KINDS)("replay of a %s", (kind) => {
  it("trains as many steps on the rows that it draws would, with a scaler that stands still", () => {
    const learner = new Learner(replaying(kind));
    // Without replay, but with room for its mini-batches.
    const other = new Learner({ ...plain, batch: { size: 5 } });
    const held: Row[] = [];
    let came = 0;
    const hold = (row: Row) => {
      const place = came < 10 ? came : kind === "window" ? came % 10 : Math.floor(other.random.uniform() * (came + 1));
      if (place < 10) held[place] = row;
      came++;
    };
    const random = new Random(3);
    for (let k = 0; k < 60; k++) {
      const rows = drawn(random, 1 + (k % BATCH));
      put(learner, rows);
      put(other, rows);
      learner.step(rows.length);
      other.step(rows.length);
      expect(learner.engine.cost).toBe(other.engine.cost);
      expect([...learner.engine.labels.subarray(0, rows.length)]).toEqual(rows.map(([, , label]) => label));
      expect([...learner.engine.sampleWeights.subarray(0, rows.length)]).toEqual(rows.map(([, , , weight]) => weight));
      expect(learner.engine.rows).toBe(rows.length);
      rows.forEach(hold);
      const counts = other.engine.scaler?.counts ?? new Float64Array(3);
      const [, , learned = 0] = counts;
      for (let b = 0; b < 2; b++) {
        put(
          other,
          Array.from({ length: 5 }, () => held[Math.floor(other.random.uniform() * held.length)] ?? [0, 0, 0, 0]),
        );
        counts[2] = 1;
        other.step(5);
        counts[2] = learned;
      }
      for (const tag of ["PARM", "ADM1", "ADM2", "BETA", "SCAL", "RAND"]) {
        expect(section(learner, tag), `${tag} after step ${k}`).toEqual(section(other, tag));
      }
      expect(learner.stepsApplied).toBe(k + 1);
    }
    expect(decodeStateBlock(learner.save()).some(({ tag }) => tag === "MISS")).toBe(true);
  });

  it.each(PRECISIONS)(
    "has the same bits in both engines, and comes back from a saved state to them: %s",
    (precision) => {
      const config: LearnerConfig = {
        ...replaying(kind),
        precision,
        classWeights: "balanced",
        averaging: { decay: 0.9 },
        categorical: { x2: 3 },
      };
      const learners = (["wasm", "reference"] as const).map((engine) => new Learner(config, engine));
      const random = new Random(5);
      const train = (all: readonly Learner[]) => {
        for (let k = 0; k < 40; k++) {
          const rows = drawn(random).map(([x1, , label, weight]): Row => [x1, random.uint32(), label, weight]);
          for (const learner of all) {
            put(learner, rows);
            learner.step(BATCH);
          }
        }
      };
      train(learners);
      const saved = learners.map((learner) => learner.save());
      expect(saved[0]).toEqual(saved[1]);
      const again = new Learner(config);
      again.restore(saved[0] ?? new Uint8Array());
      train([...learners, again]);
      expect(again.save()).toEqual(learners[1]?.save());
      expect(again.save()).toEqual(learners[0]?.save());
    },
  );

  it.each(["wasm", "reference"] as const)("neither holds nor draws anything where the step is undone: %s", (engine) => {
    const learner = new Learner({ ...replaying(kind), averaging: { decay: 0.9 } }, engine);
    const random = new Random(3);
    teach([learner], random, 20);
    const before = learner.save();
    put(learner, [[1, 2, 0, Number.POSITIVE_INFINITY]]);
    learner.step(1);
    expect(learner.engine.undone).toBe(true);
    expect(learner.save()).toEqual(before);
  });

  it("leaves out what it draws where a number would not be finite, and the step stands", () => {
    for (const engine of ["wasm", "reference"] as const) {
      const learner = new Learner(
        {
          ...replaying(kind, { rows: 50, batches: 20, size: 1 }),
          features: ["x"],
          classWeights: [1, 1],
          network: { ...plain.network, hidden: [], activation: [], output: "identity", loss: "mse" },
          scale: "none",
          optimizer: { kind: "sgd", learningRate: 0.1 },
        },
        engine,
      );
      const step = (x: number, y: number) => {
        learner.raw[0] = x;
        learner.engine.labels[0] = y;
        learner.step(1);
      };
      // All weights are 0: nothing is wrong with so large a value, until there is a weight.
      learner.engine.parameters.fill(0);
      step(1e200, 0);
      step(1, 1);
      expect([learner.engine.undone, learner.engine.cost]).toEqual([false, 0.5]);
      for (let k = 0; k < 40; k++) {
        step(1, 1);
        expect(learner.engine.undone).toBe(false);
      }
      expect(learner.engine.parameters.every((weight) => weight > 0 && weight < 1)).toBe(true);
    }
  });

  it("begins anew with another number of rows, of another kind, and with other weights", () => {
    const learner = new Learner(replaying(kind));
    teach([learner], new Random(3), 20);
    const tag = kind === "window" ? "WIND" : "RESV";
    const larger = new Learner(replaying(kind, { rows: 20, batches: 1, size: 7 }));
    const without = new Learner(plain);
    const other = new Learner(replaying(kind === "window" ? "reservoir" : "window"));
    for (const next of [larger, without, other]) {
      teach([next], new Random(4), 5);
      next.adopt(learner.save());
      expect(section(next, "PARM")).toEqual(section(learner, "PARM"));
      for (const { tag: held, bytes } of decodeStateBlock(next.save())) {
        if (held === "WIND" || held === "RESV") expect(bytes.every((byte) => byte === 0)).toBe(true);
      }
    }
    const same = new Learner(replaying(kind, { batches: 1, size: 7 }));
    same.adopt(learner.save());
    expect(section(same, tag)).toEqual(section(learner, tag));
    learner.begin();
    expect(section(learner, tag).every((byte) => byte === 0)).toBe(true);
  });
});

describe("what is held", () => {
  /** Trains on rows whose only feature is their number; tells which of them are held. */
  function heldOf(kind: ReplayKind, seed: number, rows: number): readonly number[] {
    const config = replaying(kind, { batches: 1, size: 1 });
    const learner = new Learner({
      ...config,
      features: ["x"],
      network: { ...plain.network, hidden: [], activation: [], seed },
    });
    for (let i = 0; i < rows; i++) {
      learner.raw[0] = i;
      learner.engine.labels[0] = i & 1;
      learner.step(1);
    }
    const bytes = section(learner, kind === "window" ? "WIND" : "RESV");
    const state = new Float64Array(bytes.slice().buffer);
    learner.release();
    return Array.from({ length: 10 }, (_, place) => state[1 + 3 * place] ?? Number.NaN);
  }

  it("in a window is the newest", () =>
    expect([...heldOf("window", 1, 94)].sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => 84 + i)));

  it("in a reservoir is any, each as likely", () => {
    const counts = new Float64Array(5);
    for (let seed = 0; seed < 400; seed++) {
      const held = heldOf("reservoir", seed, 100);
      expect(new Set(held).size).toBe(10);
      for (const row of held) counts[Math.floor(row / 20)] = (counts[Math.floor(row / 20)] ?? 0) + 1;
    }
    // 800 of each fifth of the rows, give or take 25.
    for (const count of counts) expect(Math.abs(count - 800)).toBeLessThan(90);
  });
});
