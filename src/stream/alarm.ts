import {
  asyncScheduler,
  connect,
  defer,
  EMPTY,
  filter,
  map,
  merge,
  type OperatorFunction,
  of,
  repeat,
  type SchedulerLike,
  switchMap,
  timer,
} from "rxjs";

/**
 * Passes items through and adds `tick` whenever the time that `dueAt` tells has come. `dueAt` is asked anew after each
 * item and each tick; null means that nothing is due. A due time that moves later costs nothing but one early look: the
 * timer that is armed stays armed. `dueAt` must move on, or turn null, in answer to a tick, else it ticks for ever.
 */
export function alarm<T, A>(
  dueAt: () => number | null,
  tick: A,
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<T, T | A> {
  return (source) =>
    defer(() => {
      let armedFor = Number.POSITIVE_INFINITY;
      const isDue = () => {
        const at = dueAt();
        return at !== null && at <= scheduler.now();
      };
      const wait = defer(() => {
        armedFor = dueAt() ?? scheduler.now();
        return timer(Math.max(0, armedFor - scheduler.now()), scheduler);
      });
      const rearm = () => {
        if (dueAt() !== null) return of(0);
        armedFor = Number.POSITIVE_INFINITY;
        return EMPTY;
      };
      const ticks = wait.pipe(
        filter(isDue),
        map(() => tick),
        repeat({ delay: rearm }),
      );
      // Downstream has seen an item before its due time is looked at: `merge` connects the items first.
      return source.pipe(
        connect((item$) =>
          merge(
            item$,
            item$.pipe(
              filter(() => (dueAt() ?? Number.POSITIVE_INFINITY) < armedFor),
              switchMap(() => ticks),
            ),
          ),
        ),
      );
    });
}
