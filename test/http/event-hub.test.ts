import { afterEach, describe, expect, it, vi } from "vitest";
import { EventHub, type Listener } from "../../src/http/event-hub.ts";

afterEach(() => vi.useRealTimers());

/** Listens, and keeps what it is told. */
class Ear implements Listener {
  told = "";
  hasEnded = false;
  isDeaf = false;

  send(bytes: Uint8Array): boolean {
    this.told += new TextDecoder().decode(bytes);
    return !this.isDeaf;
  }

  end(): void {
    this.hasEnded = true;
  }
}

describe("an event hub", () => {
  it("reads nothing of what changes while nobody listens", () => {
    const hub = new EventHub("life", () => []);
    const read = vi.fn(() => ({ event: "step", data: "1" }));
    hub.changed("a", read);
    hub.changed("a", read);
    expect(read).not.toHaveBeenCalled();
  });

  it.each([
    [1, 10],
    [20, 5],
    [60, 2],
  ])("reads what changes once for all %i who listen, and the less often the more they are", (count, times) => {
    vi.useFakeTimers();
    const hub = new EventHub("life", () => []);
    const ears = Array.from({ length: count }, () => new Ear());
    for (const ear of ears) hub.add(ear, null);
    let value = 0;
    const read = vi.fn(() => ({ event: "step", data: String(value) }));
    for (value = 1; value <= 240; value++) {
      hub.changed("a", read);
      vi.advanceTimersByTime(10);
    }
    expect(read).toHaveBeenCalledTimes(times);
    expect(ears.every(({ told }) => told === ears[0]?.told)).toBe(true);
    expect(ears[0]?.told).toMatch(/^retry: \d+\n\nevent: step\ndata: 1\n\n(event: step\ndata: \d+\n\n)*$/);
    hub.close();
    expect(ears.every(({ hasEnded }) => hasEnded)).toBe(true);
  });

  it("tells all of several models that changed in one piece", () => {
    vi.useFakeTimers();
    const hub = new EventHub("life", () => [{ event: "step", data: "0" }]);
    const ear = new Ear();
    const send = vi.spyOn(ear, "send");
    hub.add(ear, null);
    for (const name of ["a", "b", "a", "c"]) hub.changed(name, () => ({ event: "step", data: `"${name}"` }));
    vi.advanceTimersByTime(1000);
    expect(send).toHaveBeenCalledTimes(2);
    expect(ear.told.match(/^data: .*$/gm)).toEqual(["data: 0", 'data: "a"', 'data: "b"', 'data: "c"']);
    hub.close();
  });

  it("says something now and then, so that the connection is not taken for dead", () => {
    vi.useFakeTimers();
    const hub = new EventHub("life", () => []);
    const ear = new Ear();
    const remove = hub.add(ear, null);
    vi.advanceTimersByTime(15_000);
    expect(ear.told).toMatch(/\n\n:\n\n$/);
    remove();
    expect(hub.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("lets those go who do not read", () => {
    const hub = new EventHub("life", () => []);
    const [deaf, other] = [new Ear(), new Ear()];
    for (const ear of [deaf, other]) hub.add(ear, null);
    deaf.isDeaf = true;
    hub.tell({ event: "a", data: "1" });
    hub.tell({ event: "b", data: "2" });
    expect(deaf).toMatchObject({ hasEnded: true, told: expect.not.stringContaining("event: b") });
    expect(other).toMatchObject({ hasEnded: false, told: expect.stringContaining("event: b") });
    expect([hub.listeners, hub.dropped]).toEqual([1, 1]);
    hub.close();
  });

  it("keeps a bounded number of events for those who come back", () => {
    const hub = new EventHub("life", () => []);
    for (let i = 1; i <= 1000; i++) hub.tell({ event: "n", data: String(i) });
    const [late, punctual] = [new Ear(), new Ear()];
    hub.add(late, "life-0");
    hub.add(punctual, "life-1000");
    expect(late.told.match(/^id: /gm)).toHaveLength(256);
    expect(late.told).toContain("id: life-1000\nevent: n\ndata: 1000\n\n");
    expect(punctual.told).not.toContain("id: ");
    hub.close();
  });
});
