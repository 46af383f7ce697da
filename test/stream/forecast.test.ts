import { describe, expect, it } from "vitest";
import type { CommitOptions } from "../../src/stream/commit-policy.ts";
import { forecastCommits } from "../../src/stream/forecast.ts";

const DAY_S = 86_400;
const base: Omit<CommitOptions, "profile"> = { maxDelayMs: 50, maxSamples: 4096, bytesPerDay: 1e9 };

function forecast(profile: CommitOptions["profile"], rate: number, qos: 0 | 1 = 0, flushMs = 10) {
  return forecastCommits({ ...base, profile }, rate, qos, flushMs);
}

describe("the forecast of commits", () => {
  it("of eager is one for each row, while flushes keep up", () => {
    const { commitsPerDay, waitMs } = forecast("eager", 10);
    expect(commitsPerDay).toBeCloseTo(10 * DAY_S, 0);
    expect(waitMs).toEqual({ median: 10, p99: 10, max: 10 });
  });

  it("of eager groups what comes during a flush", () => {
    const { commitsPerDay, waitMs } = forecast("eager", 10_000);
    expect(commitsPerDay).toBeCloseTo(100 * DAY_S, -4);
    expect(waitMs.max).toBeLessThanOrEqual(20);
  });

  it.each([0.1, 1, 10, 100])(
    "of balanced stays within its budget while groups of a second fit into it: %d a second",
    (rate) => {
      const { bytesPerDay, waitMs } = forecast("balanced", rate);
      expect(bytesPerDay).toBeLessThanOrEqual(1.01 * Math.max(base.bytesPerDay, DAY_S * (8300 + 26 * rate)));
      expect(waitMs.max).toBeLessThanOrEqual(1010);
    },
  );

  it("of balanced does not group a trickle that the budget lasts for", () => {
    expect(forecast("balanced", 1).waitMs.max).toBeLessThanOrEqual(11);
  });

  it("of sd-card groups ten seconds", () => {
    const { commitsPerDay, waitMs } = forecast("sd-card", 10);
    expect(commitsPerDay).toBeCloseTo(DAY_S / 10, -3);
    expect(waitMs.max).toBeCloseTo(10_010, 0);
  });

  it("tells that ten unacknowledged messages of a silent producer are enough for a commit", () => {
    expect(forecast("sd-card", 10, 1).commitsPerDay).toBeCloseTo(DAY_S, -3);
  });
});
