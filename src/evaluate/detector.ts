// What drift detectors have in common. Each keeps all that it knows in one vector of the caller's, so that it goes on from
// saved numbers bit for bit, and none asks a clock.

export const DETECTORS = ["adwin", "page-hinkley", "ddm"] as const;
export type DetectorKind = (typeof DETECTORS)[number];

/** What a detector says of a value: nothing, that a change may be coming, that there was one. */
export const NONE = 0;
export const WARNING = 1;
export const DRIFT = 2;
export type Signal = typeof NONE | typeof WARNING | typeof DRIFT;

/** Watches the mean of a stream of losses or errors. One drift is one alarm; each class says by which rule. */
export interface Detector {
  /** All that it knows, in a vector of the caller's. */
  readonly state: Float64Array;
  /** Takes the next value, in [0, 1], and tells what it makes of it. */
  update(value: number): Signal;
  /** Tells the way that the mean went at the last drift: 1 up, −1 down, 0 before the first. */
  readonly direction: number;
  /** Starts afresh, as after a rollback. */
  reset(): void;
}
