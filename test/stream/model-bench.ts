import type { Entry, Numbering } from "../../src/learner/entry.ts";
import { categoriesOf, type LearnerConfig } from "../../src/learner/learner-config.ts";
import type { Random } from "../../src/learner/random.ts";
import type { SavedState, Section } from "../../src/learner/transaction.ts";
import { type ANSWER, QUESTION, SAMPLE } from "../../src/sample/rows.ts";
import type { CommandItem } from "../../src/stream/flow.ts";
import { Model } from "../../src/stream/model.ts";
import { type ConfigInForce, configInForce, ModelState } from "../../src/stream/model-state.ts";
import { RingBudget } from "../../src/stream/ring-budget.ts";
import { SnapshotBudget } from "../../src/stream/snapshot-budget.ts";

export const learnerConfig: LearnerConfig = {
  features: ["x1", "x2"],
  label: "y",
  classes: null,
  network: { hidden: [4], activation: ["relu"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 1 },
  scale: "standard",
  optimizer: { kind: "adagrad", learningRate: 0.3 },
  batch: { size: 4 },
};

/** Makes a configuration to put in force; its hash is only as good as a test needs. */
export function inForce(config: LearnerConfig): ConfigInForce {
  return configInForce(JSON.stringify(config), `hash of ${JSON.stringify(config).length}`);
}

/** Makes a live model without a store; commits are numbered by `commit`. */
export function liveModel(options: {
  readonly name?: string;
  readonly config?: LearnerConfig;
  readonly ringRows?: number;
  readonly ringBudget?: RingBudget;
  readonly snapshotBudget?: SnapshotBudget;
  readonly commit?: { filling: number };
  readonly batchAgeMsMax?: number;
  readonly snapshot?: { every: { ms: number } | { steps: number }; minGapMs: number };
}): Model {
  let snapshots = 0;
  return new Model({
    name: options.name ?? "default",
    state: new ModelState(inForce(options.config ?? learnerConfig)),
    ringRows: options.ringRows ?? 64,
    snapshotBudget: options.snapshotBudget ?? new SnapshotBudget({ profile: "eager", bytesPerDay: 0 }),
    ringBudget: options.ringBudget ?? new RingBudget(Number.POSITIVE_INFINITY, 1),
    policy: {
      batchAgeMsMax: options.batchAgeMsMax ?? 20,
      snapshot: options.snapshot ?? { every: { ms: 60_000 }, minGapMs: 10_000 },
    },
    commit: options.commit ?? { filling: 1 },
    nextSnapshot: () => ++snapshots,
    newestSnapshot: null,
    saved: { sequence: 0, ordinal: 0, bytes: 0, step: 0 },
    now: 0,
  });
}

/** Draws a value of a feature: a number, or that of a category. */
function drawn({ state }: Model, random: Random, i: number): number {
  const categories = categoriesOf(state.config.learner)[i] ?? null;
  if (categories === null) return random.normal();
  return categories === "hashed" ? random.uint32() : random.uint32() % categories.length;
}

/** Appends seeded rows as admission does; of `gaps` in a hundred values nothing came. */
export function append(
  model: Model,
  random: Random,
  rows: number,
  numbering: readonly Numbering[] = [],
  gaps = 0,
): void {
  const first = model.ring.head + 1;
  for (let r = 0; r < rows; r++) {
    const slot = model.ring.take();
    for (let i = 0; i < model.ring.featureCount; i++) {
      const value = drawn(model, random, i);
      model.ring.features[slot * model.ring.featureCount + i] = random.uint32() % 100 < gaps ? Number.NaN : value;
    }
    model.ring.labels[slot] = random.uint32() & 1;
    model.ring.weights[slot] = 1;
    model.ring.times[slot] = Number.NaN;
    model.ring.ids[slot] = null;
    model.ring.kinds[slot] = SAMPLE;
  }
  model.draft.appended(first, { hasWeights: false, hasTimes: false, hasIds: false, hasLate: false });
  for (const run of numbering) model.draft.numbered(first + run.offset, run.rows, run.source, run.epoch, run.seq);
  model.state.accept(model.ring.head, numbering);
}

/** Appends a question, or the answer to an open one, as admission does. */
export function appendLate(
  model: Model,
  random: Random,
  kind: typeof QUESTION | typeof ANSWER,
  id: string,
  gaps = 0,
): void {
  const { ring } = model;
  const first = ring.head + 1;
  const slot = ring.take();
  ring.kinds[slot] = kind;
  ring.ids[slot] = id;
  for (let i = 0; i < ring.featureCount; i++) {
    const value = kind === QUESTION ? drawn(model, random, i) : Number.NaN;
    ring.features[slot * ring.featureCount + i] = random.uint32() % 100 < gaps ? Number.NaN : value;
  }
  ring.labels[slot] = kind === QUESTION ? Number.NaN : random.uint32() & 1;
  ring.weights[slot] = 1;
  ring.times[slot] = Number.NaN;
  model.late(slot);
  model.draft.appended(first, { hasWeights: false, hasTimes: false, hasIds: true, hasLate: true });
  model.state.accept(ring.head, []);
}

/** Seals a model's draft and copies what is on loan, as a store does; everything counts as committed. */
export function seal(model: Model): { readonly section: Section | null; readonly states: readonly SavedState[] } {
  const sealed = structuredClone(model.draft.seal(model.name));
  model.durableSequence = model.ring.head;
  model.release();
  return sealed;
}

/** Tells the types of a section's entries. */
export function typesOf(section: Section | null): readonly Entry["type"][] {
  return section?.entries.map((entry) => entry.type) ?? [];
}

/** Makes a command to take a snapshot, for which nobody waits. */
export function takeCommand(model: Model): CommandItem {
  return { kind: "command", model, action: { kind: "take" }, request: () => null, reply: () => {} };
}
