import { asyncScheduler, map, type OperatorFunction, type SchedulerLike } from "rxjs";
import type { Reaction } from "../evaluate/adaptation.ts";
import type {
  AdmittedItem,
  AppliedItem,
  BatchesItem,
  CommandItem,
  NamedEvent,
  SettledItem,
  StopItem,
  TrainedItem,
} from "./flow.ts";
import type { Model } from "./model.ts";

type In = AdmittedItem | BatchesItem | CommandItem | SettledItem | StopItem;
type Out = AdmittedItem | TrainedItem | AppliedItem | SettledItem | StopItem;

/** Runs the mini-batches that it is ordered to, applies commands between two steps, and saves the snapshots that are due. */
export function train(models: readonly Model[], scheduler: SchedulerLike = asyncScheduler): OperatorFunction<In, Out> {
  return map((item) => {
    switch (item.kind) {
      case "batches":
        return run(item, scheduler.now());
      case "command":
        return apply(item, scheduler.now());
      case "stop":
        for (const model of models) if (model.unsaved) model.save("shutdown", scheduler.now());
        return item;
      case "admitted":
      case "settled":
        return item;
    }
  });
}

function run({ model, rows, count }: BatchesItem, now: number): TrainedItem {
  const events: NamedEvent[] = [];
  for (let b = 0; b < count; b++) {
    if (rows === 0) model.pass();
    else model.cut(rows);
    if (rows > 0 && model.state.learner.engine.undone) {
      events.push({ model: model.name, event: { event: "undone", step: model.state.step } });
    }
    const { reaction } = model.state;
    if (rows > 0 && reaction !== null) events.push(...told(model, reaction, now));
    const saved = model.saveIfDue(now);
    if (saved !== null) events.push({ model: model.name, event: { event: "snapshot", ...saved } });
  }
  return { kind: "trained", events };
}

/** Tells a drift and what was done about it; a learner that was changed by it is kept as a snapshot. */
function told(model: Model, reaction: Reaction, now: number): NamedEvent[] {
  const { step, sequence } = model.state;
  const events: NamedEvent[] = [{ model: model.name, event: { event: "drift", step, sequence, action: reaction } }];
  if (reaction === "reset" || reaction === "rollback" || reaction === "promotion") {
    const reason = reaction === "promotion" ? "promotion" : "policy";
    events.push({ model: model.name, event: { event: "snapshot", id: model.save(reason, now), reason } });
  }
  return events;
}

function apply(command: CommandItem, now: number): AppliedItem {
  const { model, action } = command;
  const applied = (snapshot: number, event: NamedEvent["event"]): AppliedItem => ({
    kind: "applied",
    command,
    snapshot,
    events: [{ model: model.name, event }],
  });
  switch (action.kind) {
    case "rollback": {
      const id = model.rollback(action.target, now);
      return applied(id, { event: "rollback", snapshot: id, from: action.target.id });
    }
    case "reset": {
      const id = model.reset(action.config, now);
      return applied(id, { event: "reset", snapshot: id });
    }
    case "import": {
      const id = model.import(action.learner, now);
      return applied(id, { event: "import", snapshot: id });
    }
    case "configure": {
      const id = model.save("config", now);
      model.configure(action.config);
      return applied(id, { event: "config", snapshot: id });
    }
    case "take": {
      const id = model.save("command", now);
      return applied(id, { event: "snapshot", id, reason: "command" });
    }
  }
}
