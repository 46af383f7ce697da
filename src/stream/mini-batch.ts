import { asyncScheduler, concatMap, from, type OperatorFunction, type SchedulerLike } from "rxjs";
import { alarm } from "./alarm.ts";
import type { AdmittedItem, BatchesItem, CommandItem, SettledItem, StopItem } from "./flow.ts";
import type { Model } from "./model.ts";

type In = AdmittedItem | CommandItem | SettledItem | StopItem;
type Tick = { readonly kind: "tick" };

/**
 * Orders mini-batches ahead of the items that complete them: full ones by size, a shorter one when its oldest row has
 * waited the model's `batchAgeMsMax`, and what is pending before a command to its model and at the stop.
 */
export function miniBatch(
  models: readonly Model[],
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<In, In | BatchesItem> {
  const dueAt = () => {
    let earliest: number | null = null;
    for (const model of models) {
      if (model.pending === 0) continue;
      const due = model.oldestAt + model.batchAgeMsMax;
      if (earliest === null || due < earliest) earliest = due;
    }
    return earliest;
  };
  return (source) =>
    source.pipe(
      alarm<In, Tick>(dueAt, { kind: "tick" }, scheduler),
      concatMap((item) => from(ordersFor(item, models, scheduler.now()))),
    );
}

function ordersFor(item: In | Tick, models: readonly Model[], now: number): (In | BatchesItem)[] {
  switch (item.kind) {
    case "admitted": {
      const orders: (In | BatchesItem)[] = [];
      for (const model of item.models) {
        const size = model.state.config.learner.batch.size;
        const count = Math.floor(model.pending / size);
        if (count > 0) orders.push({ kind: "batches", model, rows: size, count });
      }
      orders.push(item);
      return orders;
    }
    case "tick":
      return models.filter((model) => now >= model.oldestAt + model.batchAgeMsMax).flatMap(rest);
    case "command":
      return [...rest(item.model), item];
    case "stop":
      return [...models.flatMap(rest), item];
    case "settled":
      return [item];
  }
}

/** Orders whatever is pending: full mini-batches first, then the shorter one. */
function rest(model: Model): BatchesItem[] {
  const size = model.state.config.learner.batch.size;
  const count = Math.floor(model.pending / size);
  const remainder = model.pending - count * size;
  const orders: BatchesItem[] = [];
  if (count > 0) orders.push({ kind: "batches", model, rows: size, count });
  if (remainder > 0) orders.push({ kind: "batches", model, rows: remainder, count: 1 });
  return orders;
}
