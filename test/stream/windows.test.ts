import { describe, expect, it } from "vitest";
import { CommitPolicy, type Held } from "../../src/stream/commit-policy.ts";
import { Windows } from "../../src/stream/windows.ts";

const options = { profile: "sd-card", maxDelayMs: 50, maxSamples: 4096, bytesPerDay: 1e9 } as const;
const FLIGHT_MS = 20;

/**
 * Plays a connection: it sends at the times that `next` tells, given when the last one was sent and whether all are
 * acknowledged. Returns how many messages each commit had.
 */
function commits(count: number, next: (sent: number, lastAt: number, unacknowledged: number) => number | null) {
  const policy = new CommitPolicy(options, 0);
  const windows = new Windows();
  const made: number[] = [];
  let held: Held | null = null;
  let firstAt = 0;
  let flyingUntil = Number.NEGATIVE_INFINITY;
  let flying = 0;
  let sent = 0;
  let lastAt = 0;
  for (let now = 0; made.length < count && now < 1e6; now++) {
    if (now === flyingUntil) {
      windows.settled();
      flying = 0;
    }
    const at = next(sent, lastAt, flying + (held?.messages ?? 0));
    if (at !== null && at <= now) {
      const messages: number = held?.messages ?? 0;
      const shown = windows.sends(1, now);
      if (held === null) firstAt = now;
      held = { messages: messages + 1, lastAt: now, shown };
      lastAt = now;
      sent++;
    }
    if (held === null || now < flyingUntil) continue;
    const filling = { rows: held.messages, changes: true, urgent: false, firstAt, lastAt, held: new Map([[1, held]]) };
    if (policy.dueAt(filling) > now) continue;
    made.push(held.messages);
    windows.sealed(filling.held, now);
    flying = held.messages;
    flyingUntil = now + FLIGHT_MS;
    held = null;
  }
  return made;
}

describe("a connection with ten messages that nothing acknowledged", () => {
  it("is waited for no longer than 5 ms where its window is full, however often", () => {
    const window = 20;
    const made = commits(50, (_, lastAt, unacknowledged) => (unacknowledged < window ? lastAt + 1 : null));
    expect(made).toEqual(new Array(50).fill(window));
  });

  it("is grouped once it has shown that it does not wait", () => {
    // A message each 2 ms, and a pause of 8 ms after each 15: on a busy machine a steady stream looks like this.
    const made = commits(60, (sent, lastAt) => lastAt + (sent % 15 === 0 ? 8 : 2));
    expect(made[0]).toBeLessThan(20);
    expect(made.at(-1)).toBeGreaterThan(1000);
  });

  it("is acknowledged within a quarter of a second where it begins to wait after that, and then at once", () => {
    let waitsFrom = Number.POSITIVE_INFINITY;
    const made = commits(70, (sent, lastAt, unacknowledged) => {
      if (sent === 30_000) waitsFrom = sent;
      if (sent >= waitsFrom) return unacknowledged < 20 ? lastAt + 1 : null;
      return lastAt + (sent % 15 === 0 ? 8 : 2);
    });
    expect(made.slice(-10)).toEqual(new Array(10).fill(20));
  });
});
