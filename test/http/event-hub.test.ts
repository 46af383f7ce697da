import { afterEach, describe, expect, it, vi } from "vitest";
import { EventHub } from "../../src/http/event-hub.ts";

afterEach(() => vi.useRealTimers());

/** Reads what was sent so far. */
async function sent(stream: ReadableStream<Uint8Array> | null, pieces: number): Promise<string> {
  const reader = stream?.getReader();
  let text = "";
  for (let i = 0; i < pieces; i++) text += new TextDecoder().decode((await reader?.read())?.value);
  reader?.releaseLock();
  return text;
}

describe("an event hub", () => {
  it("reads nothing of what changes while nobody listens", () => {
    const hub = new EventHub("life", () => []);
    const read = vi.fn(() => ({ event: "step", data: "1" }));
    hub.changed("a", read);
    hub.changed("a", read);
    expect(read).not.toHaveBeenCalled();
  });

  it("reads what changes once for all who listen, and not more often than its pace allows", async () => {
    vi.useFakeTimers();
    const hub = new EventHub("life", () => []);
    const streams = Array.from({ length: 20 }, () => hub.listen(null));
    let value = 0;
    const read = vi.fn(() => ({ event: "step", data: String(value) }));
    for (value = 1; value <= 100; value++) {
      hub.changed("a", read);
      vi.advanceTimersByTime(10);
    }
    expect(read.mock.calls.length).toBeLessThanOrEqual(5);
    const [first, last] = [await sent(streams[0] ?? null, 5), await sent(streams[19] ?? null, 5)];
    expect(first).toBe(last);
    expect(first).toMatch(/^retry: \d+\n\nevent: step\ndata: 1\n\nevent: step\ndata: \d+\n\n/);
    hub.close();
  });

  it("says something now and then, so that the connection is not taken for dead", async () => {
    vi.useFakeTimers();
    const hub = new EventHub("life", () => []);
    const stream = hub.listen(null);
    vi.advanceTimersByTime(15_000);
    expect(await sent(stream, 2)).toMatch(/\n\n:\n\n$/);
    await stream?.cancel();
    expect(hub.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("keeps a bounded number of events for those who come back", async () => {
    const hub = new EventHub("life", () => []);
    for (let i = 1; i <= 1000; i++) hub.tell({ event: "n", data: String(i) });
    const text = await sent(hub.listen("life-0"), 1);
    expect(text.match(/^id: /gm)).toHaveLength(256);
    expect(text).toContain("id: life-1000\nevent: n\ndata: 1000\n\n");
    const none = await sent(hub.listen("life-1000"), 1);
    expect(none).not.toContain("id: ");
    hub.close();
  });
});
