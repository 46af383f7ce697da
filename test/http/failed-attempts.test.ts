import { describe, expect, it } from "vitest";
import { FailedAttempts } from "../../src/http/failed-attempts.ts";

describe("failed attempts", () => {
  it("are forgiven after a while", () => {
    const attempts = new FailedAttempts();
    for (let i = 0; i < 10; i++) {
      expect(attempts.waitSeconds("a", 1000)).toBe(0);
      attempts.failed("a", 1000);
    }
    expect(attempts.waitSeconds("a", 1000)).toBe(60);
    expect(attempts.waitSeconds("a", 60_999)).toBe(1);
    expect(attempts.waitSeconds("b", 1000)).toBe(0);
    expect(attempts.waitSeconds("a", 61_000)).toBe(0);
    attempts.failed("a", 61_000);
    expect(attempts.waitSeconds("a", 61_000)).toBe(0);
  });

  it("of few and far between are never held against anybody", () => {
    const attempts = new FailedAttempts();
    for (let at = 0; at < 1e7; at += 10_000) {
      expect(attempts.waitSeconds("a", at)).toBe(0);
      attempts.failed("a", at);
    }
  });

  it("are remembered of a bounded number of addresses", () => {
    const attempts = new FailedAttempts();
    for (let i = 0; i < 10; i++) attempts.failed("first", 0);
    for (let i = 0; i < 1000; i++) attempts.failed(`other-${i}`, 0);
    expect(attempts.waitSeconds("first", 0)).toBe(0);
  });
});
