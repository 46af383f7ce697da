import { describe, expect, it } from "vitest";
import { BackOff } from "../../src/mqtt/back-off.ts";

const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));

describe("the wait before the next attempt", () => {
  it("doubles from 0.1 s to 10 s while attempts fail, and is never quite the same", () => {
    const backOff = new BackOff(() => 1);
    expect(times(9, () => backOff.failed())).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(new BackOff(() => 0).failed()).toBe(50);
  });

  it("begins anew once a connection was granted, however short it was", () => {
    const backOff = new BackOff(() => 1);
    times(9, () => backOff.failed());
    expect(backOff.lost(10)).toBe(100);
    expect([backOff.failed(), backOff.failed()]).toEqual([100, 200]);
  });

  it("stays short however often a broker restarts, once a second for ever or a hundred times in a row", () => {
    const [steady, burst] = [new BackOff(() => 1), new BackOff(() => 1)];
    expect(Math.max(...times(10_000, (i) => steady.lost(1000 * i)))).toBe(100);
    expect(Math.max(...times(100, (i) => burst.lost(10 * i)))).toBe(100);
  });

  it("lets two daemons with one name not fight at full speed", () => {
    const backOffs = [new BackOff(), new BackOff()];
    const takeovers: number[] = [];
    // Each throws the other out when it comes back.
    let [now, turn] = [0, 0];
    while (now < 600_000) {
      now += backOffs[turn]?.lost(now) ?? 0;
      takeovers.push(now);
      turn = 1 - turn;
    }
    // The reserve of both, and then about two a second.
    expect(takeovers.filter((at) => at < 60_000).length).toBeLessThan(2 * 120 + 4 * 60);
    expect(takeovers.filter((at) => at >= 540_000).length).toBeLessThan(4 * 60);
  });
});
