import {
  asyncScheduler,
  concat,
  defer,
  merge,
  type OperatorFunction,
  of,
  type SchedulerLike,
  Subject,
  takeWhile,
  tap,
} from "rxjs";
import { type AdmitOptions, admit } from "./admit.ts";
import type { CommandItem, Committed, MessagesItem, SettledItem, StopItem } from "./flow.ts";
import { type GroupCommitOptions, groupCommit } from "./group-commit.ts";
import { orderBatches } from "./order-batches.ts";
import { train } from "./train.ts";

export type PipelineOptions = Omit<GroupCommitOptions & AdmitOptions, "gate">;

/**
 * Composes the way of the data: messages and commands in, what became durable out. The first emission says that what the
 * models' drafts held at the start is durable; when the source completes, everything pending is trained, saved and
 * committed, and the last emission says so.
 */
export function pipeline(
  options: PipelineOptions,
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<MessagesItem | CommandItem, Committed> {
  const start: MessagesItem = { kind: "messages", messages: [] };
  const stop: StopItem = { kind: "stop" };
  return (source) =>
    defer(() => {
      const settled$ = new Subject<SettledItem>();
      const gate = { waiting: false };
      return merge(settled$, concat(of(start), source, of(stop))).pipe(
        admit({ ...options, gate }, scheduler),
        orderBatches(options.models, scheduler),
        train(options.models, scheduler),
        groupCommit({ ...options, gate }, scheduler),
        // A slot of the ring and the place of the transaction in flight are free again.
        tap(() => settled$.next({ kind: "settled" })),
        takeWhile((committed) => !committed.last, true),
      );
    });
}
