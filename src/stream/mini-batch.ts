import {
  asyncScheduler,
  concatMap,
  defer,
  EMPTY,
  endWith,
  map,
  type OperatorFunction,
  of,
  type SchedulerLike,
  takeWhile,
} from "rxjs";
import { alarm } from "./alarm.ts";

type Item<T> = { readonly kind: "one"; readonly value: T } | { readonly kind: "tick" } | { readonly kind: "end" };

/**
 * Gathers values into mini-batches: full ones of `size`, a shorter one when its oldest value has waited `ageMsMax`, and
 * what is left when the source completes. An emission is the receiver's.
 */
export function miniBatch<T>(
  size: number,
  ageMsMax: number = Number.POSITIVE_INFINITY,
  scheduler: SchedulerLike = asyncScheduler,
): OperatorFunction<T, readonly T[]> {
  return (source) =>
    defer(() => {
      let batch: T[] = [];
      let oldestAt = 0;
      const take = () => {
        const taken = batch;
        batch = [];
        return of(taken);
      };
      const dueAt = () => (batch.length === 0 || ageMsMax === Number.POSITIVE_INFINITY ? null : oldestAt + ageMsMax);
      return source.pipe(
        map((value): Item<T> => ({ kind: "one", value })),
        endWith<Item<T>>({ kind: "end" }),
        alarm<Item<T>, Item<T>>(dueAt, { kind: "tick" }, scheduler),
        // An alarm that is still armed must not hold up the end.
        takeWhile(({ kind }) => kind !== "end", true),
        concatMap((item) => {
          if (item.kind === "one") {
            if (batch.length === 0) oldestAt = scheduler.now();
            batch.push(item.value);
            return batch.length >= size ? take() : EMPTY;
          }
          return batch.length > 0 ? take() : EMPTY;
        }),
      );
    });
}
