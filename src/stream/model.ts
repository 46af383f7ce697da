import type { Command, Decision, RowsEntry } from "../learner/entry.ts";
import { NUMERICS } from "../learner/numerics.ts";
import type { SnapshotReason } from "../learner/transaction.ts";
import { ANSWER, QUESTION, SAMPLE } from "../sample/rows.ts";
import { type CommitNumber, Draft } from "./draft.ts";
import { metricsOf } from "./metrics-of.ts";
import type { ConfigInForce, ModelState } from "./model-state.ts";
import type { Replay } from "./replay.ts";
import { Ring } from "./ring.ts";
import type { RingBudget } from "./ring-budget.ts";
import type { SnapshotBudget } from "./snapshot-budget.ts";
import { workOf } from "./work.ts";

/** Work after which a recovery checkpoint is due, so that a restart replays no more than that. */
const CHECKPOINT_ROWS = 65_536;
const CHECKPOINT_MULTIPLY_ADDS = 2e9;

/** Says when snapshots are due. Times are ms of the scheduler's clock. */
export interface SnapshotPolicy {
  readonly every: { readonly ms: number } | { readonly steps: number };
  readonly minGapMs: number;
}

/** Says when a model trains and saves: what may change while it is live without changing what it learns from. */
export interface ModelPolicy {
  readonly batchAgeMsMax: number;
  readonly snapshot: SnapshotPolicy;
}

/** Tells how far a model is saved: what came after it is not saved yet. */
export interface Saved {
  readonly sequence: number;
  readonly ordinal: number;
  /** Of learner and monitor state together. */
  readonly bytes: number;
  readonly step: number;
}

export interface ModelOptions {
  readonly name: string;
  readonly state: ModelState;
  /** Most rows of its ring. */
  readonly ringRows: number;
  /** Shared by all models. */
  readonly ringBudget: RingBudget;
  /** Shared by all models. */
  readonly snapshotBudget: SnapshotBudget;
  readonly policy: ModelPolicy;
  readonly commit: CommitNumber;
  /** Hands out snapshot ids; shared by all models. */
  readonly nextSnapshot: () => number;
  /** The newest snapshot of the model; null before its first. */
  readonly newestSnapshot: number | null;
  /** Where the newest saved state stands and how many bytes it has, and the step of the newest snapshot. */
  readonly saved: Saved;
  /** Now, by the scheduler's clock. */
  readonly now: number;
}

/** Holds one live model: its state, its ring, and what it adds to the transaction being filled. */
export class Model {
  readonly name: string;
  readonly state: ModelState;
  readonly ring: Ring;
  readonly draft: Draft;
  /** When the oldest pending row came, and the newest. */
  #oldestAt = 0;
  #newestAt = 0;
  /** Questions among the pending rows: no step trains them. */
  #questionsPending = 0;
  /** The last row committed: what is durable. */
  durableSequence: number;
  /** Counts fields of samples that the model does not know, since the start. */
  ignoredFields = 0;
  /** Counts messages that found no room in the ring, since the start. */
  ringWaits = 0;
  #policy: ModelPolicy;
  readonly #nextSnapshot: () => number;
  #newestSnapshot: number | null;
  #snapshotAt: number;
  #saved: Saved;
  readonly #snapshotBudget: SnapshotBudget;

  constructor(options: ModelOptions) {
    const { state } = options;
    this.name = options.name;
    this.state = state;
    const { ringRows, ringBudget } = options;
    const willFree = () => this.ring.used > this.pending || this.trainable >= this.state.config.learner.batch.size;
    this.ring = new Ring(state.config.learner.features.length, ringRows, state.sequence, ringBudget, willFree);
    this.draft = new Draft(this.ring, options.commit, state.ordinal + 1);
    this.durableSequence = state.accepted;
    this.#policy = options.policy;
    this.#nextSnapshot = options.nextSnapshot;
    this.#newestSnapshot = options.newestSnapshot;
    this.#snapshotAt = options.now;
    this.#saved = options.saved;
    this.#snapshotBudget = options.snapshotBudget;
  }

  get batchAgeMsMax(): number {
    return this.#policy.batchAgeMsMax;
  }

  /** Takes over another policy from now on. */
  setPolicy(policy: ModelPolicy): void {
    this.#policy = policy;
  }

  /** Rows accepted, and neither trained nor passed over. */
  get pending(): number {
    return this.ring.head - this.state.sequence;
  }

  /** Pending rows that a step can train. */
  get trainable(): number {
    return this.pending - this.#questionsPending;
  }

  /** When the oldest pending row came. */
  get oldestAt(): number {
    return this.#oldestAt;
  }

  /** Notes when the rows that are about to be appended came. */
  arrive(now: number): void {
    if (this.pending === 0) this.#oldestAt = now;
    this.#newestAt = now;
  }

  /** What its newest rows say of it, for a snapshot or a state; null where it is not scored, or nothing was yet. */
  get metrics(): Readonly<Record<string, number | null>> | null {
    const reading = this.state.monitor?.read();
    return reading === undefined || reading.samples === 0 ? null : metricsOf(reading);
  }

  /** Drift alarms so far, and the rows scored since the last one; null where nothing is watched for drift. */
  get drift(): { readonly alarms: number; readonly rowsSince: number | null } | null {
    const { monitor } = this.state;
    if (monitor === null || monitor.drift.detector === null) return null;
    const { drifts, lastDriftAt } = monitor.drift;
    return { alarms: drifts, rowsSince: lastDriftAt === 0 ? null : monitor.rows - lastDriftAt };
  }

  get newestSnapshot(): number | null {
    return this.#newestSnapshot;
  }

  /** Puts the rows that an earlier run committed and never trained back into the ring. */
  recover(replay: Replay, commit: number, now: number): void {
    this.ring.makeRoom(replay.pendingRows, true);
    for (const block of replay.pending) {
      for (let r = Math.max(0, this.ring.head + 1 - block.firstSequence); r < block.rows; r++) {
        const slot = this.ring.take();
        const features = this.ring.featureCount;
        for (let i = 0; i < features; i++) this.ring.features[slot * features + i] = block.features[r * features + i]!;
        this.ring.labels[slot] = block.labels?.[r] ?? Number.NaN;
        this.ring.weights[slot] = block.weights?.[r] ?? 1;
        this.#recoverLate(block, r, slot);
      }
    }
    if (this.pending > 0) this.draft.recovered(commit, this.state.sequence + 1);
    this.#oldestAt = now;
  }

  /** Completes a row that asks, with the prediction as it is made, or that answers, with what it was asked of. */
  late(slot: number): void {
    const { ring, state } = this;
    const { learner, questions } = state;
    const id = ring.ids[slot];
    const outputs = learner.engine.outputCount;
    const predictions = ring.predictionsOf(outputs);
    const features = ring.features.subarray(slot * ring.featureCount, (slot + 1) * ring.featureCount);
    if (id == null) throw new Error("a late row has no id");
    if (ring.kinds[slot] === QUESTION) {
      this.#questionsPending++;
      const prediction = Float64Array.from(learner.outputsFor(features));
      predictions.set(prediction, slot * outputs);
      questions.ask(id, { features: features.slice(), prediction });
      return;
    }
    const found = questions.find(id);
    if (found.kind !== "open") throw new Error(`an answer to ${id} was admitted, which is ${found.kind}`);
    features.set(found.asked.features);
    predictions.set(found.asked.prediction, slot * outputs);
    questions.answer(id);
  }

  #recoverLate(block: RowsEntry, r: number, slot: number): void {
    this.ring.kinds[slot] = block.rowKind === "sample" ? SAMPLE : block.rowKind === "question" ? QUESTION : ANSWER;
    if (block.rowKind === "question") this.#questionsPending++;
    if (block.predictions === null) return;
    const outputs = block.predictions.length / block.rows;
    const made = block.predictions.subarray(r * outputs, (r + 1) * outputs);
    this.ring.predictionsOf(outputs).set(made, slot * outputs);
  }

  /** Trains the oldest `rows` pending rows that can be, at most a mini-batch, as one step. */
  cut(rows: number): void {
    const { state, ring } = this;
    const { engine, raw } = state.learner;
    const first = state.sequence + 1;
    const taken = ring.copy(first, rows, raw, engine.labels, engine.sampleWeights);
    state.train(rows, taken, ring.made(first, taken));
    this.#questionsPending -= taken - rows;
    this.draft.cut(state.step, first, taken, engine.cost, engine.undone);
    // Fewer rows than a mini-batch are pending when a chunk comes, so what is left after a cut came with the newest one.
    this.#oldestAt = this.#newestAt;
    this.release();
  }

  /** Passes over the questions that are the oldest pending rows: else they would hold their slots until a row is trained. */
  pass(): void {
    const { ring, state } = this;
    let rows = 0;
    while (rows < this.pending && ring.kinds[ring.slotOf(state.sequence + 1 + rows)] === QUESTION) rows++;
    if (rows === 0) return;
    this.decide({ kind: "passed", rows });
    this.#questionsPending -= rows;
    this.#oldestAt = this.#newestAt;
    this.release();
  }

  /** Frees the slots whose rows are both trained and committed. */
  release(): void {
    this.ring.released = Math.min(this.state.sequence, this.durableSequence);
  }

  /** Makes the learner state of a snapshot current. No row may be pending. Returns the id of the new snapshot. */
  rollback(
    target: { readonly id: number; readonly checksum: string; readonly learner: Uint8Array },
    now: number,
  ): number {
    this.#command({ kind: "rollback", snapshot: target.id, checksum: target.checksum });
    this.state.rollback(target.learner);
    return this.save("rollback", now, target.id);
  }

  /** Begins anew under a configuration. No row may be pending. Returns the id of the new snapshot. */
  reset(config: ConfigInForce, now: number): number {
    this.state.reset(config);
    this.#command({ kind: "reset", config: config.json, hash: config.hash, numerics: NUMERICS });
    return this.save("command", now);
  }

  /** Makes what another program learned the current learner state. No row may be pending. Returns the id of the new snapshot. */
  import(learner: string, now: number): number {
    this.#command({ kind: "import", learner });
    this.state.import(learner);
    return this.save("import", now);
  }

  /** Puts another configuration in force, or the first one; a snapshot of what was before it is kept. */
  configure(config: ConfigInForce): void {
    this.state.configure(config);
    this.draft.add({ type: "config", config: config.json, hash: config.hash, numerics: NUMERICS });
  }

  /** Applies and notes what was decided; returns how many numbers were given up as missing. */
  decide(decision: Decision): number {
    this.draft.decided(decision);
    return this.state.decide(decision);
  }

  /** Saves a snapshot of the state as it stands and returns its id. */
  save(reason: SnapshotReason, now: number, parent: number | null = this.#newestSnapshot): number {
    const id = this.#nextSnapshot();
    this.#write({ id, parent, reason, metrics: this.metrics });
    this.#newestSnapshot = id;
    this.#snapshotAt = now;
    this.#saved = { ...this.#saved, step: this.state.step };
    return id;
  }

  /** Saves what is due by now: a snapshot by time or steps, else a recovery checkpoint by work done. Tells the snapshot. */
  saveIfDue(now: number): { readonly id: number; readonly reason: SnapshotReason } | null {
    const { every, minGapMs } = this.#policy.snapshot;
    const steps = this.state.step - this.#saved.step;
    const gap = now - this.#snapshotAt;
    const due = "ms" in every ? gap >= every.ms : steps >= every.steps;
    const reason = "ms" in every ? "time" : "steps";
    const isDue = steps > 0 && due && gap >= minGapMs;
    if (isDue && (reason === "steps" || this.#snapshotBudget.allows(this.name, this.#saved.bytes, now))) {
      return { id: this.save(reason, now), reason };
    }
    const rows = this.state.sequence - this.#saved.sequence;
    const work = workOf(this.state, rows);
    if (rows >= CHECKPOINT_ROWS || work >= CHECKPOINT_MULTIPLY_ADDS) this.#write(null);
    return null;
  }

  /** Tells whether anything happened after the newest saved state. */
  get unsaved(): boolean {
    return this.state.ordinal > this.#saved.ordinal || this.state.step > this.#saved.step;
  }

  #command(command: Command): void {
    this.draft.add({ type: "command", command });
  }

  #write(
    snapshot: {
      id: number;
      parent: number | null;
      reason: SnapshotReason;
      metrics: Readonly<Record<string, number | null>> | null;
    } | null,
  ): void {
    const { state } = this;
    const [learner, monitor] = [state.learner.save(), state.saveMonitor()];
    const bytes = learner.length + monitor.length;
    this.#saved = { ...this.#saved, sequence: state.sequence, ordinal: state.ordinal, bytes };
    this.draft.save(
      {
        model: this.name,
        step: state.step,
        sequence: state.sequence,
        ordinal: state.ordinal,
        numerics: NUMERICS,
        config: state.config.json,
        configHash: state.config.hash,
        cost: state.cost,
        learner,
        monitor,
        snapshot,
      },
      state.sequence,
    );
  }
}
