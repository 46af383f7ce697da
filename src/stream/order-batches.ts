import {
  asyncScheduler,
  concat,
  concatMap,
  defer,
  from,
  type Observable,
  type OperatorFunction,
  of,
  type SchedulerLike,
  timer,
} from "rxjs";
import { alarm } from "./alarm.ts";
import type { AdmittedItem, BatchesItem, CommandItem, SettledItem, StopItem } from "./flow.ts";
import type { Model } from "./model.ts";
import { workOf } from "./work.ts";

type In = AdmittedItem | CommandItem | SettledItem | StopItem;
type Tick = { readonly kind: "tick" };

// Work is counted, never timed (work.ts).
/** What is ordered in one go; then the event loop has its turn, or a broker would think that we are gone. */
const TURN_WORK = 5e6;
/** What a stop still trains. More stays pending: it is in the journal, and the next start goes on with it. */
const STOP_WORK = 2.5e8;

/**
 * Orders mini-batches ahead of the items that complete them: full ones by size, a shorter one when its oldest row has
 * waited the model's `batchAgeMsMax`, and what is pending before a command to its model and at the stop. A slow model
 * gets its orders in pieces, between which the event loop turns.
 */
export function orderBatches(
  models: readonly Model[],
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<In, In | BatchesItem> {
  return (source) =>
    defer(() => {
      let draining = false;
      const dueAt = () => (draining ? null : earliestDue(models));
      /** Trains all that is pending, in pieces, and lets the item follow. */
      const drain = (which: readonly Model[], item: In): Observable<In | BatchesItem> =>
        concat(
          from(turn(which, () => true)),
          defer(() => {
            draining = which.some((model) => model.pending > 0);
            return draining ? timer(0, scheduler).pipe(concatMap(() => drain(which, item))) : of(item);
          }),
        );
      return source.pipe(
        alarm<In, Tick>(dueAt, { kind: "tick" }, scheduler),
        concatMap((item): Observable<In | BatchesItem> => {
          switch (item.kind) {
            case "admitted":
              return from([...atOnce([...item.models]), item]);
            case "tick":
              return from(turn(models, (model) => scheduler.now() >= model.oldestAt + model.batchAgeMsMax));
            case "command":
              return drain([item.model], item);
            case "stop":
              return models.some((model) => workOf(model.state, model.pending) > STOP_WORK)
                ? of(item)
                : drain(models, item);
            case "settled":
              return of(item);
          }
        }),
      );
    });
}

function earliestDue(models: readonly Model[]): number | null {
  let earliest: number | null = null;
  for (const model of models) {
    if (model.pending === 0) continue;
    const isFull = model.trainable >= model.state.config.learner.batch.size;
    const due = isFull ? Number.NEGATIVE_INFINITY : model.oldestAt + model.batchAgeMsMax;
    if (earliest === null || due < earliest) earliest = due;
  }
  return earliest;
}

/** Orders all full mini-batches where they are less than a turn. More is left to the ticks: a commit may bring the next item at once. */
function atOnce(models: readonly Model[]): BatchesItem[] {
  const work = models.reduce((sum, model) => sum + workOf(model.state, model.trainable), 0);
  return work <= TURN_WORK ? turn(models, () => false) : [];
}

/**
 * Orders what is pending, as far as one turn goes: full mini-batches first, then, where it is `due`, the shorter one; one
 * of no rows where only questions are left.
 */
function turn(models: readonly Model[], due: (model: Model) => boolean): BatchesItem[] {
  const orders: BatchesItem[] = [];
  let left = TURN_WORK;
  for (const model of models) {
    const { size } = model.state.config.learner.batch;
    const full = Math.floor(model.trainable / size);
    const count = Math.min(full, Math.max(1, Math.floor(left / workOf(model.state, size))));
    if (count > 0) orders.push({ kind: "batches", model, rows: size, count });
    left -= workOf(model.state, count * size);
    const remainder = model.trainable - full * size;
    if (count === full && (remainder > 0 || (full === 0 && model.pending > 0)) && due(model))
      orders.push({ kind: "batches", model, rows: remainder, count: 1 });
  }
  return orders;
}
