import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { NUMERICS } from "../../src/learner/numerics.ts";
import { Random } from "../../src/learner/random.ts";
import type { SavedState, Section } from "../../src/learner/transaction.ts";
import { ANSWER, QUESTION } from "../../src/sample/rows.ts";
import { acceptedOf, configInForce, ModelState } from "../../src/stream/model-state.ts";
import { Replay } from "../../src/stream/replay.ts";
import { append, appendLate, inForce, learnerConfig, liveModel, seal, typesOf } from "./model-bench.ts";

type Act =
  | { readonly do: "rows"; readonly rows: number; readonly skip: number; readonly gaps: number }
  | { readonly do: "ask"; readonly gaps: number }
  | { readonly do: "answer" }
  | { readonly do: "cut"; readonly rows: number }
  | { readonly do: "rollback" }
  | { readonly do: "reset" }
  | {
      readonly do: "configure";
      readonly rate: number;
      readonly kind: "sgd" | "adagrad";
      readonly scale: "standard" | "none";
      readonly classWeights: "balanced" | readonly number[] | null;
    }
  | { readonly do: "refuse" }
  | { readonly do: "save" }
  | { readonly do: "absurd" }
  | { readonly do: "seal" };

const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("rows" as const),
      rows: fc.integer({ min: 1, max: 9 }),
      skip: fc.constantFrom(0, 0, 0, 1, 3),
      gaps: fc.constantFrom(0, 0, 0, 30, 100),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("ask" as const), gaps: fc.constantFrom(0, 0, 50) }) },
  { weight: 3, arbitrary: fc.constant({ do: "answer" as const }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("cut" as const), rows: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: "rollback" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "reset" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("configure" as const),
      rate: fc.constantFrom(0.01, 0.1),
      kind: fc.constantFrom("sgd" as const, "adagrad" as const),
      scale: fc.constantFrom("standard" as const, "none" as const),
      classWeights: fc.constantFrom(null, "balanced" as const, [1, 3]),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "refuse" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "save" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "absurd" as const }) },
  { weight: 3, arbitrary: fc.constant({ do: "seal" as const }) },
);

/** What a model may be besides the one with two numbers; categories take the place of features. */
const kinds: readonly Partial<LearnerConfig>[] = [
  {},
  { categorical: { x1: ["a", "b", "c"], x2: 5 } },
  { categorical: { x2: 3 }, classWeights: "balanced" },
  { classWeights: "balanced" },
  { averaging: { decay: 0.9 }, replay: { kind: "window", rows: 9, batches: 2, size: 6 } },
  { classWeights: "balanced", replay: { kind: "reservoir", rows: 9, batches: 1, size: 3 } },
];

/** Runs acts on a live model and returns what its journal and snapshots hold. */
function live(
  script: readonly Act[],
  seed: number,
  more: Partial<LearnerConfig>,
): { sections: (Section | null)[]; states: SavedState[]; model: ReturnType<typeof liveModel> } {
  const commit = { filling: 1 };
  const config = { ...learnerConfig, ...more, late: { keep: 4 } };
  const model = liveModel({ commit, ringRows: 48, config });
  const random = new Random(seed);
  const sections: (Section | null)[] = [];
  const states: SavedState[] = [];
  let seq = 0;
  const close = () => {
    const sealed = seal(model);
    sections.push(sealed.section);
    states.push(...sealed.states);
    commit.filling++;
  };
  let asked = 0;
  const drain = () => {
    while (model.trainable > 0) model.cut(Math.min(4, model.trainable));
    model.pass();
  };
  const room = (rows: number) => {
    if (model.ring.free >= rows) return;
    drain();
    close();
  };
  model.configure(model.state.config);
  model.save("created", 0);
  close();
  for (const act of script) {
    if (act.do === "rows") {
      room(act.rows);
      seq += act.skip;
      append(model, random, act.rows, [{ offset: 0, rows: act.rows, source: "s", epoch: "e", seq }], act.gaps);
      seq += act.rows;
    } else if (act.do === "cut") {
      if (model.trainable > 0) model.cut(Math.min(act.rows, model.trainable));
      else model.pass();
    } else if (act.do === "ask") {
      room(1);
      appendLate(model, random, QUESTION, `q${asked++ % 7}`, act.gaps);
    } else if (act.do === "answer") {
      const id = `q${random.uint32() % 7}`;
      if (model.state.questions.find(id).kind !== "open") continue;
      room(1);
      appendLate(model, random, ANSWER, id);
    } else if (act.do === "absurd") {
      if (model.ring.free === 0) continue;
      append(model, random, 1);
      model.ring.features[model.ring.slotOf(model.ring.head) * 2] = 1e300;
    } else if (act.do === "seal") close();
    else if (act.do === "save") model.save("command", 0);
    else if (act.do === "refuse") model.decide({ kind: "settled", source: "s", epoch: "e", seq: seq++, rows: 1 });
    else {
      drain();
      if (act.do === "rollback") {
        const target = states[random.uint32() % states.length];
        if (target?.snapshot) model.rollback({ id: target.snapshot.id, checksum: "c", learner: target.learner }, 0);
      } else if (act.do === "reset") model.reset(inForce(config), 0);
      else {
        const { classWeights: _, averaging, replay, ...rest } = config;
        const weighed = act.classWeights === null ? {} : { classWeights: act.classWeights };
        const optimizer = { kind: act.kind, learningRate: act.rate };
        const kept = act.scale === "none" ? {} : { ...(averaging && { averaging }), ...(replay && { replay }) };
        model.configure(inForce({ ...rest, ...weighed, ...kept, scale: act.scale, optimizer }));
      }
    }
  }
  drain();
  model.save("shutdown", 0);
  close();
  return { sections, states, model };
}

function stateFrom(saved: SavedState): ModelState {
  const state = new ModelState(configInForce(saved.config, saved.configHash));
  state.restore(saved);
  return state;
}

describe("the fold", () => {
  it("gives, from any saved state, the very bits of every later one", () => {
    fc.assert(
      fc.property(
        fc.array(acts, { minLength: 5, maxLength: 60 }),
        fc.nat(),
        fc.constantFrom(...kinds),
        (script, seed, more) => {
          const { sections, states } = live(script, seed, more);
          const byId = new Map(states.map((state) => [state.snapshot?.id, state]));
          for (const [index, start] of states.entries()) {
            let next = index + 1;
            const replay = new Replay(stateFrom(start), {
              learnerStateOf: (id) => byId.get(id)?.learner ?? new Uint8Array(),
              beforeOrdinal: (at) => {
                for (; states[next]?.ordinal === at.state.ordinal; next++) {
                  const expected = states[next];
                  if (expected === undefined) break;
                  at.settleTo(acceptedOf(expected.monitor));
                  expect(at.state.learner.save()).toEqual(expected.learner);
                  expect(at.state.saveMonitor()).toEqual(expected.monitor);
                  expect([at.state.step, at.state.sequence]).toEqual([expected.step, expected.sequence]);
                }
                return null;
              },
            });
            for (const [i, section] of sections.entries()) {
              if (section !== null && i + 1 >= start.commitFrom) replay.apply(section);
            }
            expect(replay.difference).toBeNull();
            const last = states.at(-1);
            replay.settleTo(Number.POSITIVE_INFINITY);
            expect(replay.state.learner.save()).toEqual(last?.learner);
            expect(replay.state.saveMonitor()).toEqual(last?.monitor);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("keeps what is pending after the last cut", () => {
    const model = liveModel({});
    model.configure(model.state.config);
    model.save("created", 0);
    const start = seal(model).states[0];
    append(model, new Random(1), 4);
    append(model, new Random(1), 3, [], 60);
    model.cut(4);
    const { section } = seal(model);
    const replay = new Replay(stateFrom(start as SavedState), { learnerStateOf: () => new Uint8Array() });
    replay.apply(section as Section);
    expect(replay.state.sequence).toBe(4);
    expect(replay.pending.map((block) => [block.firstSequence, block.rows])).toEqual([[1, 7]]);
    const again = liveModel({});
    again.state.restore({
      numerics: NUMERICS,
      ...replay.state,
      learner: replay.state.learner.save(),
      monitor: replay.state.saveMonitor(),
      cost: null,
    });
    again.ring.head = 4;
    again.recover(replay, 2, 0);
    expect(again.pending).toBe(3);
    model.cut(3);
    again.cut(3);
    expect(model.state.missing).toBeGreaterThan(0);
    expect(again.state.missing).toBe(model.state.missing);
    expect(again.state.learner.save()).toEqual(model.state.learner.save());
  });

  it("finds what is missing in the answer to a question that was passed over", () => {
    const model = liveModel({});
    appendLate(model, new Random(1), QUESTION, "q", 100);
    model.pass();
    appendLate(model, new Random(1), ANSWER, "q");
    model.cut(1);
    expect([model.state.missing, model.state.undone]).toEqual([2, 0]);
  });

  it.each([
    ["a cost", (section: Section) => cuts(section).costs.fill(0.5)],
    ["a step that was undone", (section: Section) => cuts(section).undone.fill(1)],
  ])("tells where %s differs from the journal", (_, forge) => {
    const { section, start } = oneCut();
    forge(section);
    const replay = new Replay(start, { learnerStateOf: () => new Uint8Array() });
    replay.apply(section);
    expect(replay.difference).toMatchObject({ step: 1, sequence: 4 });
  });

  it.each([
    [
      "rows that are missing",
      (section: Section) => cuts(section).rows.fill(4, 0, 1) && { ...section, entries: section.entries.slice(1) },
    ],
    [
      "a cut that is too large",
      (section: Section) => ({
        ...section,
        entries: section.entries.map((e) => (e.type === "cuts" ? { ...e, rows: Uint32Array.of(9) } : e)),
      }),
    ],
  ])("refuses %s", (_, forge) => {
    const { section, start } = oneCut();
    const replay = new Replay(start, { learnerStateOf: () => new Uint8Array() });
    expect(() => replay.apply(forge(section) as Section)).toThrow(expect.objectContaining({ code: "journal-damaged" }));
  });

  it("refuses entries of other numerics with a code of its own", () => {
    const { start } = oneCut();
    const replay = new Replay(start, { learnerStateOf: () => new Uint8Array() });
    const config = { ...inForce(learnerConfig) };
    const section: Section = {
      model: "default",
      firstSequence: 1,
      rows: 0,
      firstOrdinal: 2,
      ordinals: 1,
      entries: [{ type: "config", config: config.json, hash: config.hash, numerics: 999 }],
    };
    expect(() => replay.apply(section)).toThrow(expect.objectContaining({ code: "numerics-differ" }));
  });
});

describe("the draft", () => {
  it("puts a command between what came before and what came after it", () => {
    const model = liveModel({});
    const random = new Random(1);
    append(model, random, 4);
    model.cut(4);
    model.configure(model.state.config);
    append(model, random, 4);
    model.cut(4);
    const { section } = seal(model);
    expect(typesOf(section)).toEqual(["rows", "cuts", "config", "rows", "cuts"]);
    expect(section).toMatchObject({ firstSequence: 1, rows: 8, firstOrdinal: 1, ordinals: 3 });
  });

  it("makes one block of rows and one of cuts of a flood, two of rows where the ring wraps", () => {
    const model = liveModel({ ringRows: 16 });
    const random = new Random(1);
    const fill = () => {
      for (let i = 0; i < 3; i++) {
        append(model, random, 4);
        model.cut(4);
      }
      return seal(model).section;
    };
    expect(typesOf(fill())).toEqual(["rows", "cuts"]);
    const wrapped = fill();
    expect(typesOf(wrapped)).toEqual(["rows", "rows", "cuts"]);
    expect(wrapped?.rows).toBe(12);
  });

  it("says nothing when nothing happened", () => {
    expect(seal(liveModel({}))).toEqual({ section: null, states: [] });
  });
});

function oneCut(): { section: Section; start: ModelState } {
  const model = liveModel({});
  model.configure(model.state.config);
  model.save("created", 0);
  const start = stateFrom(seal(model).states[0] as SavedState);
  append(model, new Random(1), 4);
  model.cut(4);
  return { section: seal(model).section as Section, start };
}

function cuts(section: Section) {
  const entry = section.entries.find((candidate) => candidate.type === "cuts");
  if (entry?.type !== "cuts") throw new Error("no cuts");
  return entry;
}
