import type { CommitOptions } from "../stream/commit-policy.ts";
import { type CommitForecast, forecastCommits } from "../stream/forecast.ts";

const PROFILES = ["eager", "balanced", "sd-card"] as const;

/** What a commit is taken to last: between a disk and a card. */
export const FORECAST_FLUSH_MS = 10;

/** Is what a profile would do at some rate, with messages of each quality of service. */
export interface ProfileForecast extends CommitForecast {
  readonly profile: CommitOptions["profile"];
  readonly qos: 0 | 1;
}

/** Tells for every profile what it would write in a day and how long producers would wait. */
export function forecastProfiles(commit: CommitOptions, ratePerSecond: number): readonly ProfileForecast[] {
  return PROFILES.flatMap((profile) =>
    ([0, 1] as const).map((qos) => ({
      profile,
      qos,
      ...forecastCommits({ ...commit, profile }, ratePerSecond, qos, FORECAST_FLUSH_MS),
    })),
  );
}
