import { exp, log } from "./elementary.ts";

export const SCHEDULES = ["constant", "inverse", "exponential", "step"] as const;
export type ScheduleKind = (typeof SCHEDULES)[number];

/**
 * Describes how the learning rate falls with the steps applied, t. `inverse`: rate / (1 + t / steps). `exponential`:
 * rate · factor^(t / steps), steadily. `step`: the same in jumps, at every `steps` steps. Steps that were undone do not count.
 */
export type Schedule =
  | { readonly kind: "inverse"; readonly steps: number }
  | { readonly kind: "exponential" | "step"; readonly steps: number; readonly factor: number };

/** Follows a schedule. What it cannot tell from the steps applied alone is a running product, and part of the state. */
export class RateSchedule {
  /** The product (1), or nothing (0). */
  readonly state: Float64Array;
  readonly #schedule: Schedule | null;
  /** What one step multiplies the rate by. */
  readonly #perStep: number;

  constructor(schedule: Schedule | null) {
    this.#schedule = schedule;
    const keepsProduct = schedule?.kind === "exponential" || schedule?.kind === "step";
    this.state = new Float64Array(keepsProduct ? 1 : 0).fill(1);
    this.#perStep = schedule?.kind === "exponential" ? exp(log(schedule.factor) / schedule.steps) : 1;
  }

  /** Tells by what the rate is multiplied at the step after `applied` ones. */
  factor(applied: number): number {
    if (this.#schedule?.kind === "inverse") return 1 / (1 + applied / this.#schedule.steps);
    return this.state.length > 0 ? this.state[0]! : 1;
  }

  /** Notes that a step was applied: `applied` of them now. */
  advance(applied: number): void {
    const schedule = this.#schedule;
    if (schedule?.kind === "exponential") this.state[0] = this.state[0]! * this.#perStep;
    else if (schedule?.kind === "step" && applied % schedule.steps === 0) {
      this.state[0] = this.state[0]! * schedule.factor;
    }
  }
}
