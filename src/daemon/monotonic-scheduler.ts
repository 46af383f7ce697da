import { asyncScheduler, type SchedulerLike } from "rxjs";

/**
 * Schedules by a clock that only goes forward. A Pi has none of its own: its time of day jumps by years when the network
 * tells it, and a commit that waits for a time of day might then wait for years.
 */
export const monotonicScheduler: SchedulerLike = {
  now: () => performance.now(),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};
