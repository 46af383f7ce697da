import { RivuletError } from "../error.ts";
import { bytesOf } from "../learner/state-block.ts";
import { ClassScore, type ClassSpan, type ClassTotals, classScoreLength } from "./class-score.ts";
import { CLASSES_MAX } from "./class-tally.ts";
import { createDetector, detectorLength } from "./create-detector.ts";
import { DETECTORS, type Detector, type DetectorKind, DRIFT, NONE, type Signal, WARNING } from "./detector.ts";
import type { Scored, ScoreOptions } from "./score.ts";
import { ValueScore, valueScoreLength } from "./value-score.ts";
import type { ValueMetrics } from "./value-tally.ts";

export interface MonitorOptions extends ScoreOptions {
  readonly detector: DetectorKind | null;
  /** What the detector watches: whether the class was wrong, or the squared error of the probabilities. Of values both are the absolute error. */
  readonly watch: "error" | "loss";
}

export const MONITOR_DEFAULTS = { window: 1000, fading: 0.999, detector: "adwin", watch: "error" } as const;

/** What the detector told so far; rows are counted from 1 over those that were scored, 0 is none. */
export interface DriftReport {
  readonly detector: DetectorKind | null;
  readonly drifts: number;
  readonly lastDriftAt: number;
  readonly warnings: number;
  readonly lastWarningAt: number;
}

export type MonitorReading =
  | ({ readonly kind: "classes"; readonly drift: DriftReport } & Scored<ClassTotals, ClassSpan>)
  | ({ readonly kind: "values"; readonly drift: DriftReport } & Scored<ValueMetrics, ValueMetrics>);

const VERSION = 1;
// Positions of the header, which says what the rest belongs to, and of single numbers behind it.
const HEADER = 7;
const ROWS = 7;
const DRIFTS = 8;
const LAST_DRIFT = 9;
const WARNINGS = 10;
const LAST_WARNING = 11;
const LAST_SIGNAL = 12;
const HEAD = 13;

/**
 * Watches one model: metrics, baselines and a drift detector, fed with predictions and the labels that came for them. All
 * that it knows is one vector, a pure function of the rows in their order, however they are cut into blocks.
 */
export class Monitor {
  readonly options: MonitorOptions;
  readonly #state: Float64Array;
  readonly #header: Float64Array;
  readonly #score: ClassScore | ValueScore;
  readonly #detector: Detector | null;

  constructor(options: MonitorOptions) {
    assertOptions(options);
    this.options = options;
    this.#header = headerOf(options);
    const scores = options.classes > 0 ? classScoreLength(options) : valueScoreLength(options);
    const detector = options.detector === null ? 0 : detectorLength(options.detector);
    this.#state = new Float64Array(HEAD + detector + scores);
    this.#state.set(this.#header);
    const rest = this.#state.subarray(HEAD + detector);
    this.#score = options.classes > 0 ? new ClassScore(options, rest) : new ValueScore(options, rest);
    this.#detector =
      options.detector === null ? null : createDetector(options.detector, this.#state.subarray(HEAD, HEAD + detector));
  }

  /** Counts the bytes of a saved state. */
  get stateBytes(): number {
    return this.#state.byteLength;
  }

  /**
   * Scores `rows` rows: features (rows, I), labels (rows), and the predictions (rows, K) made before these labels were known.
   * Returns the gravest signal of the detector. Nothing is allocated. A mean that falls is a drift of the stream, but no
   * harm: the detector goes with it and nothing is told.
   */
  score(x: Float64Array, labels: Float64Array, outputs: Float32Array | Float64Array, rows: number): Signal {
    const state = this.#state;
    const score = this.#score;
    const detector = this.#detector;
    const byLoss = this.options.watch === "loss";
    let gravest: Signal = NONE;
    for (let r = 0; r < rows; r++) {
      if (!score.row(x, labels, outputs, r)) continue;
      const row = state[ROWS]! + 1;
      state[ROWS] = row;
      if (detector === null) continue;
      const signal = detector.update(byLoss ? score.boundedLoss : score.error);
      if (signal === DRIFT && detector.direction > 0) {
        state[DRIFTS] = state[DRIFTS]! + 1;
        state[LAST_DRIFT] = row;
        gravest = DRIFT;
      } else if (signal === WARNING && state[LAST_SIGNAL] !== WARNING) {
        state[WARNINGS] = state[WARNINGS]! + 1;
        state[LAST_WARNING] = row;
        if (gravest === NONE) gravest = WARNING;
      }
      state[LAST_SIGNAL] = signal;
    }
    return gravest;
  }

  /** Starts the detector afresh, as a rollback does; metrics and baselines stay. */
  resetDetector(): void {
    this.#detector?.reset();
    this.#state[LAST_SIGNAL] = NONE;
  }

  /** Computes all metrics: some tens of microseconds, the most of it for sorting the window (AUC). */
  read(): MonitorReading {
    const { drift } = this;
    const score = this.#score;
    return score instanceof ClassScore
      ? { kind: "classes", ...score.read(), drift }
      : { kind: "values", ...score.read(), drift };
  }

  /** What the detector told so far: of a reading the part that costs nothing. */
  get drift(): DriftReport {
    const state = this.#state;
    return {
      detector: this.options.detector,
      drifts: state[DRIFTS]!,
      lastDriftAt: state[LAST_DRIFT]!,
      warnings: state[WARNINGS]!,
      lastWarningAt: state[LAST_WARNING]!,
    };
  }

  /** Rows that were scored. */
  get rows(): number {
    return this.#state[ROWS]!;
  }

  /** Copies the state, little-endian, into new bytes. */
  save(): Uint8Array {
    return bytesOf(this.#state);
  }

  /** Takes over a state that `save` wrote for the same options. Throws `state-damaged` and stays as it was for another. */
  restore(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const fits =
      bytes.length === this.#state.byteLength &&
      this.#header.every((value, i) => Object.is(value, view.getFloat64(8 * i, true)));
    if (!fits) {
      throw new RivuletError("state-damaged", "the saved metrics belong to another kind of model or monitor", {
        hint: "Metrics begin anew with `rivulet models reset`; the learner state is not concerned.",
      });
    }
    for (let i = 0; i < this.#state.length; i++) this.#state[i] = view.getFloat64(8 * i, true);
  }
}

/** A factor below one half would let weights outgrow a double within a batch. */
function assertOptions({ classes, window, fading }: MonitorOptions): void {
  const fits = classes !== 1 && classes <= CLASSES_MAX && window >= 1 && fading >= 0.5 && fading <= 1;
  if (!fits) throw new Error(`no monitor has ${classes} classes, a window of ${window} and a factor of ${fading}`);
}

function headerOf({ classes, features, window, fading, detector, watch }: MonitorOptions): Float64Array {
  const kind = detector === null ? 0 : 1 + DETECTORS.indexOf(detector);
  const header = new Float64Array(HEADER);
  header.set([VERSION, classes, features, window, fading, kind, watch === "loss" ? 1 : 0]);
  return header;
}
