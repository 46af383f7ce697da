// A stream whose labels turn over: what each policy does about it, and that a replay does the same.

import { describe, expect, it } from "vitest";
import { DRIFT_POLICIES, type DriftPolicy, type Reaction } from "../../src/evaluate/adaptation.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import type { SavedState, Section } from "../../src/learner/transaction.ts";
import { acceptedOf, configInForce, ModelState } from "../../src/stream/model-state.ts";
import { Replay } from "../../src/stream/replay.ts";
import { inForce, learnerConfig, liveModel, seal } from "./model-bench.ts";

const CONCEPT_ROWS = 1000;
const SAVE_ROWS = 340;

function configOf(policy: DriftPolicy, more: Partial<LearnerConfig> = {}): LearnerConfig {
  return { ...learnerConfig, ...more, watch: { policy } };
}

type Draw = (random: Random, concept: number) => { readonly features: readonly number[]; readonly label: number };

/** Draws two numbers, the first of which tells the label. */
function numbers(labelOf: (x: number, concept: number) => number): Draw {
  return (random, concept) => {
    const x = random.normal();
    return { features: [x, random.normal()], label: labelOf(x, concept) };
  };
}

/** Runs a model over a stream whose labels turn over, and gives what its journal and its states hold. */
function run(config: LearnerConfig, rows: number, draw: Draw, changed?: LearnerConfig) {
  const commit = { filling: 1 };
  const model = liveModel({ config, commit, ringRows: 64 });
  const random = new Random(5);
  const sections: Section[] = [];
  const states: SavedState[] = [];
  const reactions: { readonly row: number; readonly reaction: Reaction }[] = [];
  const close = () => {
    const sealed = seal(model);
    if (sealed.section !== null) sections.push(sealed.section);
    states.push(...sealed.states);
    commit.filling++;
  };
  model.configure(model.state.config);
  model.save("created", 0);
  close();
  for (let row = 0; row < rows; row += 4) {
    const first = model.ring.head + 1;
    for (let r = 0; r < 4; r++) {
      const slot = model.ring.take();
      const { features, label } = draw(random, Math.floor(row / CONCEPT_ROWS));
      model.ring.features.set(features, features.length * slot);
      model.ring.labels[slot] = label;
      model.ring.weights[slot] = 1;
    }
    model.draft.appended(first, { hasWeights: false, hasTimes: false, hasIds: false, hasLate: false });
    model.state.accept(model.ring.head, []);
    model.cut(4);
    const { reaction } = model.state;
    if (reaction !== null) reactions.push({ row, reaction });
    if (reaction === "challenge" && changed !== undefined) model.configure(inForce(changed));
    if (row % SAVE_ROWS === 0) model.save("command", 0);
    close();
  }
  model.save("shutdown", 0);
  close();
  return { model, sections, states, reactions };
}

const turning = numbers((x, concept) => (x > 0 === (concept % 2 === 0) ? 1 : 0));

/** Draws a number around 2 and a category, either of which is missing now and then; mostly one of them tells the label. */
const untidy: Draw = (random, concept) => {
  const [x, colour] = [random.normal(), random.uint32() % 3];
  const isGone = random.uint32() % 5;
  const isOne = (colour === 0 ? x > 0 : colour === 1) === (concept % 2 === 0);
  const features = [isGone === 0 ? Number.NaN : 2 + x, isGone === 1 ? Number.NaN : colour];
  return { features, label: isOne ? 1 : 0 };
};

/** Replays from a state to the end, comparing every later state on the way. */
function replayFrom(start: SavedState, sections: readonly Section[], states: readonly SavedState[]): number {
  const state = new ModelState(configInForce(start.config, start.configHash));
  state.restore(start);
  let compared = 0;
  const later = states.slice(states.indexOf(start) + 1);
  const replay = new Replay(state, {
    learnerStateOf: () => new Uint8Array(),
    beforeOrdinal: (at) => {
      for (const expected of later) {
        if (expected.ordinal !== at.state.ordinal) continue;
        at.settleTo(acceptedOf(expected.monitor));
        expect(at.state.learner.save()).toEqual(expected.learner);
        expect(at.state.saveMonitor()).toEqual(expected.monitor);
        compared++;
      }
      return null;
    },
  });
  for (const [i, section] of sections.entries()) if (i + 1 >= start.commitFrom) replay.apply(section);
  expect(replay.difference).toBeNull();
  replay.settleTo(Number.POSITIVE_INFINITY);
  expect(replay.state.learner.save()).toEqual(states.at(-1)?.learner);
  expect(replay.state.saveMonitor()).toEqual(states.at(-1)?.monitor);
  state.release();
  return compared;
}

describe("a stream whose labels turn over", () => {
  const categorical = { x2: ["red", "green", "blue"] };
  const wanted: Readonly<Record<DriftPolicy, readonly Reaction[]>> = {
    none: [],
    event: ["event", "event", "event"],
    boost: ["boost", "boost", "boost"],
    reset: ["reset", "reset", "reset"],
    // What comes third was there before.
    rollback: ["boost", "rollback", "rollback"],
    background: ["challenge"],
  };

  it.each(DRIFT_POLICIES)("is met at once by policy %s, and a replay from anywhere gives the same bits", (policy) => {
    const { reactions, sections, states, model } = run(configOf(policy), 4 * CONCEPT_ROWS, turning);
    expect(reactions.map(({ reaction }) => reaction).slice(0, wanted[policy].length)).toEqual(wanted[policy]);
    if (policy === "none") expect(reactions).toEqual([]);
    else expect((reactions[0]?.row ?? 0) - CONCEPT_ROWS).toBeLessThan(100);
    for (const start of [states[0], states[Math.floor(states.length / 2)]]) {
      if (start !== undefined) expect(replayFrom(start, sections, states)).toBeGreaterThan(3);
    }
    model.state.release();
  });

  it.each([
    ["standard", undefined],
    ["standard", "balanced"],
    ["none", "balanced"],
  ] as const)(
    "is met where values are missing and a feature is a category: scale %s, classWeights %s",
    (scale, weights) => {
      const untidily = { categorical, scale, ...(weights && { classWeights: weights }) };
      const { reactions, sections, states, model } = run(configOf("rollback", untidily), 4 * CONCEPT_ROWS, untidy);
      expect(reactions.map(({ reaction }) => reaction)).toContain("rollback");
      expect(model.state.missing).toBeGreaterThan(CONCEPT_ROWS);
      expect(model.state.undone).toBe(0);
      const scored = model.metrics;
      expect(model.state.monitor?.read()).toMatchObject({ samples: 4 * CONCEPT_ROWS, skipped: 0 });
      expect(Object.values(scored ?? {}).every((value) => value === null || Number.isFinite(value))).toBe(true);
      for (const start of [states[0], states[Math.floor(states.length / 2)]]) {
        if (start !== undefined) expect(replayFrom(start, sections, states)).toBeGreaterThan(3);
      }
      model.state.release();
    },
  );

  // No line through the numbers of the categories tells the middle one: only inputs of their own do.
  const middle: Draw = (random, concept) => {
    const colour = random.uint32() % 3;
    const features = [random.uint32() % 5 === 0 ? Number.NaN : random.normal(), colour];
    return { features, label: (colour === 1) === (concept % 2 === 0) ? 1 : 0 };
  };
  it("is scored beside a logistic regression that is given categories as inputs", () => {
    const { model } = run(configOf("rollback", { categorical }), CONCEPT_ROWS, middle);
    const reading = model.state.monitor?.read();
    if (reading?.kind !== "classes") throw new Error("there are classes");
    expect(reading.window.baselines.logistic).toBeGreaterThan(0.95);
  });

  it("is not seen where there is none", () => {
    const { reactions } = run(
      configOf("rollback"),
      4 * CONCEPT_ROWS,
      numbers((x) => (x > 0 ? 1 : 0)),
    );
    expect(reactions).toEqual([]);
  });

  it("is met in regression too", () => {
    const network = { ...learnerConfig.network, loss: "mse", output: "identity" } as const;
    const value = numbers((x, concept) => (concept % 2 === 0 ? x : 3 - 2 * x));
    const { reactions } = run(configOf("rollback", { network }), 4 * CONCEPT_ROWS, value);
    expect(reactions.map(({ reaction }) => reaction)).toContain("rollback");
  });

  it.each<[string, Partial<LearnerConfig>]>([
    ["a larger mini-batch", { batch: { size: 8 } }],
    ["another optimizer", { optimizer: { kind: "sgd", learningRate: 0.02 } }],
    ["no scaler", { scale: "none" }],
    ["weighed classes", { classWeights: "balanced" }],
  ])("goes on with the race where the configuration changes in the middle of it: %s", (_, change) => {
    const network = { ...learnerConfig.network, seed: 3 };
    const optimizer = { kind: "adagrad", learningRate: 0.02 } as const;
    const config = configOf("background", { network, optimizer });
    const { reactions, sections, states } = run(config, 4 * CONCEPT_ROWS, turning, { ...config, ...change });
    expect(reactions.map(({ reaction }) => reaction)).toContain("promotion");
    for (const start of states.filter((_, s) => s % 3 === 0)) replayFrom(start, sections, states);
  });

  it("gives a fresh learner its place where that is better", () => {
    const network = { ...learnerConfig.network, seed: 3 };
    const optimizer = { kind: "adagrad", learningRate: 0.02 } as const;
    const { reactions } = run(configOf("background", { network, optimizer }), 4 * CONCEPT_ROWS, turning);
    expect(reactions.map(({ reaction }) => reaction)).toContain("promotion");
  });
});
