import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { type Answer, serveHttp } from "../../src/daemon/http-server.ts";
import { EventHub } from "../../src/http/event-hub.ts";
import { call, listen, order, send } from "./call.ts";
import { connectTo, eventually, onEnd, open, temporaryFolder } from "./open.ts";
import { publishRows, SAMPLE } from "./request.ts";

const SERVED = ["http.port=0"];

describe("the events", () => {
  it("tell how each model stands, at first and as it learns", async () => {
    const yaml = "models: { a: {}, b: {} }";
    const daemon = await open(temporaryFolder(), yaml, SERVED);
    const client = await connectTo(daemon);
    const { told } = await listen(daemon);
    await eventually(() => told.map(({ data }) => data["model"])).toEqual(["a", "b"]);
    expect(told[0]).toMatchObject({ id: null, event: "step", data: { step: 0, sequence: 0, cost: null } });
    for (let i = 0; i < 40; i++) {
      await client.publishAsync("rivulet/b/sample", `{"x1":${i},"x2":1,"y":${i % 2}}`, { qos: 1 });
    }
    const last = () => told.findLast(({ event }) => event === "step")?.data;
    await eventually(() => last()?.["durableSequence"]).toBe(40);
    expect(last()).toMatchObject({ model: "b", pending: 0, cost: expect.any(Number) });
    expect(last()?.["step"]).toBe(daemon.rooms.models.get("b")?.state.step);
    expect(last()?.["metrics"]).toMatchObject({ accuracy: expect.any(Number) });
    expect(told.filter(({ data }) => data["model"] === "a")).toHaveLength(1);
    // Forty commits are told in few steps.
    expect(told.filter(({ event }) => event === "step").length).toBeLessThan(40);
  });

  it("tell a snapshot, a rollback and a refusal, each with an id", async () => {
    const daemon = await open(temporaryFolder(), null, [
      ...SERVED,
      "models.default.snapshot.every=5 steps",
      "models.default.snapshot.minGap=0ms",
    ]);
    const client = await connectTo(daemon);
    const { told } = await listen(daemon);
    await publishRows(client, 40);
    await client.publishAsync(SAMPLE, "{", { qos: 1 });
    await order(daemon, "rollback", { snapshot: "1" });
    const kinds = () => told.filter(({ id }) => id !== null).map(({ event }) => event);
    await eventually(kinds).toEqual(expect.arrayContaining(["snapshot", "rejected", "rollback"]));
    const rollback = told.find(({ event }) => event === "rollback");
    expect(rollback?.data).toMatchObject({ model: "default", event: "rollback", from: 1, at: expect.any(String) });
    const rejected = told.find(({ event }) => event === "rejected");
    expect(rejected?.data).toMatchObject({ model: "default", code: "not-json", topic: SAMPLE });
  });

  it("are told to who comes back as far as they were missed", async () => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    const first = await listen(daemon);
    for (let i = 0; i < 3; i++) await order(daemon, "snapshots-take");
    await order(daemon, "rollback", { snapshot: "1" });
    await order(daemon, "rollback", { snapshot: "2" });
    const rollbacks = () => first.told.filter(({ event }) => event === "rollback");
    await eventually(() => rollbacks().length).toBe(2);
    const [one, two] = rollbacks();
    const again = await listen(daemon, { "last-event-id": one?.id ?? "" });
    await eventually(() => again.told.length).toBeGreaterThanOrEqual(2);
    expect(again.told.filter(({ id }) => id !== null)).toEqual([two]);
    const stranger = await listen(daemon, { "last-event-id": "another-life-1" });
    await eventually(() => stranger.told.length).toBe(1);
    expect(stranger.told[0]?.event).toBe("step");
  });

  it("are told to so many, and to others when one of them has gone", async () => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    const listeners = [];
    for (let i = 0; i < 64; i++) listeners.push(await listen(daemon));
    const refused = await call(daemon, "/api/events");
    expect(refused).toMatchObject({ status: 503, body: { error: { code: "busy" } } });
    listeners[0]?.incoming.destroy();
    await eventually(async () => {
      const incoming = await send(daemon, "/api/events");
      incoming.on("error", () => {}).destroy();
      return incoming.statusCode;
    }).toBe(200);
  });

  it("are kept for nobody who went before they began", async () => {
    const daemon = await open(temporaryFolder(), null, SERVED);
    await call(daemon, "/metrics");
    for (let i = 0; i < 100; i++) {
      const socket = connect(daemon.http?.port ?? 0, "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", () => socket.destroy());
    }
    await eventually(async () => {
      const { text } = await call(daemon, "/metrics").catch(() => ({ text: "" }));
      return /^rivulet_event_listeners (\d+)$/m.exec(text)?.[1];
    }).toBe("0");
  });

  it("are no more told to who does not read them", async () => {
    const hub = new EventHub("life", () => []);
    const answer: Answer = async (_, { push }) => {
      push((listener) => hub.add(listener, null));
      return new Response(null);
    };
    const server = await serveHttp({ host: "127.0.0.1", port: 0, tls: null, answer });
    onEnd(() => server.close());
    const daemon = { http: server } as unknown as Parameters<typeof send>[0];
    const slow = await send(daemon, "/");
    slow.on("error", () => {}).pause();
    const reader = await send(daemon, "/");
    let bytes = 0;
    reader.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    const data = JSON.stringify("x".repeat(100_000));
    let sent = 0;
    await eventually(() => {
      hub.tell({ event: "big", data });
      sent += data.length;
      return hub.dropped;
    }).toBe(1);
    expect(hub.listeners).toBe(1);
    await eventually(() => bytes).toBeGreaterThan(sent);
    let ended = false;
    slow.once("close", () => {
      ended = true;
    });
    slow.resume();
    await eventually(() => ended).toBe(true);
  });
});
