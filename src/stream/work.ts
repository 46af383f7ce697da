import type { ModelState } from "./model-state.ts";

// Work is counted, never timed: in multiply-adds of a forward pass.

/** What a step costs for each parameter, beside its rows: a square root and a division in the update. */
const UPDATE_WORK = 3;

/** Counts what training so many rows costs. */
export function workOf({ learner, config }: ModelState, rows: number): number {
  const { multiplyAdds, parameterCount } = learner.engine.layout;
  const { batch, replay } = config.learner;
  const steps = Math.ceil(rows / batch.size);
  const replayed = steps * (replay?.batches ?? 0);
  return (rows + replayed * (replay?.size ?? 0)) * multiplyAdds + (steps + replayed) * UPDATE_WORK * parameterCount;
}
