import type { ModelState } from "./model-state.ts";

// Work is counted, never timed: in multiply-adds of a forward pass.

/** What a step costs for each parameter, beside its rows: a square root and a division in the update. */
const UPDATE_WORK = 3;

/** Counts what training so many rows costs. */
export function workOf({ learner, config }: ModelState, rows: number): number {
  const { multiplyAdds, parameterCount } = learner.engine.layout;
  return rows * multiplyAdds + Math.ceil(rows / config.learner.batch.size) * UPDATE_WORK * parameterCount;
}
