// The producer's side of the protocol, against a real broker on which the test tells what a daemon would.

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type NumberedOutbox,
  type OutboxOptions,
  openOutbox,
  type Restored,
} from "../../src/client/numbered-outbox.ts";
import type { EmbeddedBroker } from "../../src/mqtt/embedded.ts";
import type { Message } from "../../src/mqtt/message.ts";
import { onEnd, temporaryFolder } from "../daemon/open.ts";
import { type Intake, listen, open } from "../mqtt/open.ts";

const COMMITTED = "rivulet/default/committed/pump";

interface Sample {
  readonly x1?: number;
  readonly epoch: string;
  readonly seq: number;
  readonly weight?: readonly number[];
}

/** Is a broker, and what the test says on it in the daemon's name. */
class Bridge {
  readonly broker: EmbeddedBroker;
  readonly intake: Intake;

  constructor(broker: EmbeddedBroker, onMessage: (message: Message) => void = (message) => message.ack()) {
    this.broker = broker;
    this.intake = listen(broker, onMessage);
  }

  tell(topic: string, payload: unknown): void {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    this.broker.publish({ topic, payload: text, retain: true, qos: 1 });
  }

  state(state: "online" | "offline"): void {
    this.tell("rivulet/bridge/state", state);
  }

  committed(seq: number, epoch = "e1", extra: object = {}): void {
    this.tell(COMMITTED, { epoch, seq, gaps: 0, ...extra });
  }

  get samples(): readonly Sample[] {
    return this.intake.messages.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
  }

  get seqs(): readonly number[] {
    return this.samples.map(({ seq }) => seq);
  }

  async until(count: number): Promise<void> {
    await this.intake.until(count);
  }
}

async function bridge(onMessage?: (message: Message) => void, port = 0): Promise<Bridge> {
  return new Bridge(await open({ port }), onMessage);
}

async function outboxOn(
  { broker }: Bridge,
  extra: Partial<OutboxOptions> = {},
): Promise<NumberedOutbox & { readonly restored: readonly Restored[] }> {
  const restored: Restored[] = [];
  const outbox = await openOutbox({
    url: `mqtt://127.0.0.1:${broker.address.port}`,
    model: "default",
    source: "pump",
    file: null,
    epoch: "e1",
    onRestored: (told) => restored.push(told),
    ...extra,
  });
  onEnd(() => outbox.close());
  return Object.assign(outbox, { restored });
}

const row = (x1: number) => ({ x1, x2: 0, y: x1 % 2 });
const rows = (from: number, to: number) => numbers(from, to).map(row);
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("a numbered outbox", () => {
  it("sends nothing before the bridge is online, then one row, and the others when its epoch is known", async () => {
    const daemon = await bridge();
    const outbox = await outboxOn(daemon);
    await outbox.send(rows(1, 3));
    await expect.poll(() => outbox.reason).toContain("does not say online");
    expect(daemon.seqs).toEqual([]);
    daemon.state("online");
    await daemon.until(1);
    daemon.committed(40, "another");
    await expect.poll(() => outbox.reason).toContain("epoch another");
    expect(daemon.seqs).toEqual([1]);
    daemon.committed(1);
    await daemon.until(3);
    expect(daemon.samples).toEqual(rows(1, 3).map((one, i) => ({ ...one, source: "pump", epoch: "e1", seq: i + 1 })));
    expect(outbox.settledTo).toBe(1);
    daemon.committed(3);
    await outbox.settled();
    expect([outbox.settledTo, outbox.reason]).toEqual([3, null]);
  });

  it("has at most 1024 numbers under way, and goes on when the lowest is settled", async () => {
    const daemon = await bridge();
    const outbox = await outboxOn(daemon);
    daemon.state("online");
    daemon.committed(0);
    await outbox.send(rows(1, 2000));
    await daemon.until(1024);
    // All but the lowest: the window must not slide past that one.
    daemon.committed(0, "e1", { above: [[2, 1024]] });
    daemon.committed(1024);
    await daemon.until(2000);
    expect(daemon.seqs).toEqual(numbers(1, 2000));
    expect(outbox.settledTo).toBe(1024);
  });

  it("lets go of what is settled above the mark, and sends the others again, lowest first, when the bridge comes", async () => {
    const daemon = await bridge();
    const outbox = await outboxOn(daemon);
    daemon.state("online");
    daemon.committed(0);
    await outbox.send(rows(1, 10));
    await daemon.until(10);
    daemon.committed(2, "e1", {
      above: [
        [4, 6],
        [9, 9],
      ],
      restored: null,
    });
    await expect.poll(() => outbox.settledTo).toBe(2);
    daemon.state("offline");
    daemon.state("online");
    daemon.committed(2, "e1", {
      above: [
        [4, 6],
        [9, 9],
      ],
    });
    await daemon.until(10 + 4);
    expect(daemon.seqs.slice(10)).toEqual([3, 7, 8, 10]);
    expect(outbox.restored).toEqual([]);
  });

  it("sends what is not settled again on another connection, in order, and nothing new before it", async () => {
    const first = await bridge(() => {});
    const { port } = first.broker.address;
    first.state("online");
    first.committed(0);
    const outbox = await outboxOn(first);
    await outbox.send(rows(1, 5));
    await first.until(5);
    await first.broker.close();
    await outbox.send(rows(6, 7));
    const second = await bridge(undefined, port);
    second.committed(2);
    second.state("online");
    await second.until(5);
    expect(second.seqs).toEqual([3, 4, 5, 6, 7]);
    second.committed(7);
    await outbox.settled();
  });

  it("does not take an acknowledgement for a commit, unless it is told that it is one", async () => {
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(0);
    const careful = await outboxOn(daemon);
    await careful.send(rows(1, 5));
    await daemon.until(5);
    const direct = await outboxOn(daemon, { source: "other", epoch: "e2", acknowledges: "durable" });
    await direct.send(rows(1, 3000));
    await direct.settled();
    expect([direct.settledTo, careful.settledTo]).toEqual([3000, 0]);
  });

  it("sends again what a broker has acknowledged and lost without a word", async () => {
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(0);
    const outbox = await outboxOn(daemon, { resendMs: 50 });
    await outbox.send(rows(1, 3));
    await daemon.until(6);
    expect(daemon.seqs.slice(0, 6)).toEqual([1, 2, 3, 1, 2, 3]);
    daemon.committed(3);
    await outbox.settled();
  });

  it("sends the row that begins an epoch again, where it is lost", async () => {
    const daemon = await bridge();
    daemon.state("online");
    const outbox = await outboxOn(daemon, { resendMs: 50 });
    await outbox.send(rows(1, 3));
    await daemon.until(2);
    expect(daemon.seqs.slice(0, 2)).toEqual([1, 1]);
    daemon.committed(1);
    await expect.poll(() => daemon.seqs).toContain(3);
  });

  it("takes one row after another while no daemon is there", async () => {
    const daemon = await bridge();
    const outbox = await outboxOn(daemon, { file: join(temporaryFolder(), "outbox") });
    for (let x1 = 1; x1 <= 50; x1++) await outbox.send(row(x1));
    expect([outbox.last, outbox.settledTo]).toEqual([50, 0]);
    daemon.state("online");
    await daemon.until(1);
    daemon.committed(1);
    await daemon.until(50);
    expect(daemon.seqs).toEqual(numbers(1, 50));
  });

  it("has room when all that its file holds is settled, which it finds when it reads it", async () => {
    const daemon = await bridge();
    const file = join(temporaryFolder(), "outbox");
    daemon.state("online");
    daemon.committed(0);
    const first = await outboxOn(daemon, { file });
    for (let x1 = 1; x1 <= 50; x1++) await first.send({ x1, x2: "x".repeat(1000) });
    daemon.committed(50);
    await first.settled();
    await first.close();
    daemon.state("offline");
    const again = await outboxOn(daemon, { file, bytesMax: 10_000 });
    await again.send(row(51));
    expect([again.last, again.settledTo]).toEqual([51, 50]);
  });

  it("is settled when all is that was given to it, be it written by then or not", async () => {
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(10_000);
    const outbox = await outboxOn(daemon, { file: join(temporaryFolder(), "outbox") });
    await outbox.send([]);
    await outbox.settled();
    // Their numbers are settled already, so each flush brings news while the next one is under way.
    const wide = new Array(20).fill({ x1: "x".repeat(50_000) });
    await outbox.send(row(1));
    await outbox.settled();
    const sending = [outbox.send(wide), outbox.send(wide), outbox.send(row(42))];
    await outbox.settled();
    expect(outbox.last).toBe(42);
    await Promise.all(sending);
  });

  it("passes over what cannot be read, and hears what it is to listen to", async () => {
    const daemon = await bridge();
    const heard: string[] = [];
    const topic = "rivulet/default/event";
    const outbox = await outboxOn(daemon, { listen: { topic, onMessage: (text) => heard.push(text) } });
    for (const text of ["", "[", "1", '{"epoch":"e1","seq":"2"}', '{"epoch":"e1","seq":1,"above":[[1],5,["a","b"]]}']) {
      daemon.tell(COMMITTED, text);
    }
    daemon.tell("rivulet/bridge/info", "no JSON");
    daemon.tell(topic, "word");
    daemon.state("online");
    await outbox.send(rows(1, 2));
    await daemon.until(1);
    expect([daemon.seqs, heard]).toEqual([[2], ["word"]]);
  });
});

describe("a store that went back", () => {
  it("gets the numbers given up whose rows are gone, once, and what is held; and it is told which may be missing", async () => {
    const file = join(temporaryFolder(), "outbox");
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(0);
    const outbox = await outboxOn(daemon, { file });
    await outbox.send(rows(1, 100));
    await daemon.until(100);
    daemon.committed(90);
    await expect.poll(() => outbox.settledTo).toBe(90);
    daemon.state("offline");
    daemon.state("online");
    daemon.committed(60, "e1", { above: [[70, 74]], restored: "2026-01-02T03:04:05Z" });
    await daemon.until(100 + 10 + 2);
    const later = daemon.samples.slice(100);
    expect(later.filter(({ x1 }) => x1 !== undefined).map(({ seq }) => seq)).toEqual(numbers(91, 100));
    const lost = later.filter(({ x1 }) => x1 === undefined);
    expect(lost.flatMap(({ seq, weight = [] }) => weight.map((_, i) => seq + i))).toEqual([
      ...numbers(61, 69),
      ...numbers(75, 90),
    ]);
    expect(outbox.restored).toEqual([{ epoch: "e1", from: 61, to: 90, restored: "2026-01-02T03:04:05Z" }]);
    daemon.committed(60, "e1", { above: [[70, 100]] });
    daemon.committed(100);
    await outbox.settled();
    expect(daemon.seqs).toHaveLength(112);
  });

  it("is told where its window has slid past what is missing before it said so", async () => {
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(0);
    const outbox = await outboxOn(daemon);
    await outbox.send(rows(1, 10));
    await daemon.until(10);
    daemon.committed(8);
    await expect.poll(() => outbox.settledTo).toBe(8);
    const { port } = daemon.broker.address;
    await daemon.broker.close();
    const other = new Bridge(await open({ port }));
    other.committed(3, "e1", { gaps: 2 });
    other.state("online");
    await other.until(2);
    other.committed(10, "e1", { gaps: 7 });
    await outbox.settled();
    expect([other.seqs, outbox.restored]).toEqual([[9, 10], [{ epoch: "e1", from: 4, to: 8, restored: null }]]);
  });

  it("is not suspected where a broker only kept an old mark", async () => {
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(0);
    const outbox = await outboxOn(daemon);
    await outbox.send(rows(1, 10));
    await daemon.until(10);
    daemon.committed(8);
    await expect.poll(() => outbox.settledTo).toBe(8);
    const { port } = daemon.broker.address;
    await daemon.broker.close();
    const forgetful = new Bridge(await open({ port }));
    forgetful.committed(5);
    forgetful.state("online");
    await forgetful.until(2);
    forgetful.committed(8);
    forgetful.committed(10);
    await outbox.settled();
    expect([forgetful.seqs, outbox.restored]).toEqual([[9, 10], []]);
  });

  it("that knows the epoch no more begins it with the lowest row that is held", async () => {
    const file = join(temporaryFolder(), "outbox");
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(0);
    const outbox = await outboxOn(daemon, { file });
    await outbox.send(rows(1, 10));
    await daemon.until(10);
    daemon.committed(8);
    await expect.poll(() => outbox.settledTo).toBe(8);
    daemon.state("offline");
    daemon.tell(COMMITTED, "");
    daemon.state("online");
    await daemon.until(11);
    expect(outbox.restored).toEqual([{ epoch: "e1", from: 1, to: 8, restored: null }]);
    daemon.committed(9);
    await daemon.until(12);
    expect(daemon.seqs.slice(10)).toEqual([9, 10]);
    daemon.committed(10);
    await outbox.settled();
  });
});

describe("what an outbox refuses", () => {
  it.each([
    [{}, "no fields"],
    [{ x1: undefined }, "no fields"],
    [{ x1: 1, seq: 4 }, "seq"],
    [{ x1: [1, 2] }, "x1"],
    [{ x1: { a: 1 } }, "x1"],
    [{ x1: 1n }, "x1"],
  ])("is a row like %o", async (odd, told) => {
    const outbox = await outboxOn(await bridge());
    await expect(outbox.send(odd as never)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(told),
    });
    expect(outbox.last).toBe(0);
  });

  it("is a name that the daemon would refuse", async () => {
    const daemon = await bridge();
    for (const names of [{ source: "a/b" }, { epoch: "" }]) {
      await expect(outboxOn(daemon, names)).rejects.toMatchObject({ code: "usage" });
    }
  });

  it("is a row, or a batch, that is too large", async () => {
    const outbox = await outboxOn(await bridge());
    const long = { x1: "x".repeat(65_536) };
    await expect(outbox.send(long)).rejects.toMatchObject({ code: "too-large" });
    const many = new Array(20).fill({ x1: "x".repeat(60_000) });
    await expect(outbox.send(many)).rejects.toMatchObject({ code: "too-large" });
  });

  it("is a row that the daemon says it does not take; the row stays in the file", async () => {
    const file = join(temporaryFolder(), "outbox");
    const daemon = await bridge();
    daemon.tell("rivulet/bridge/info", { limits: { payloadBytesMax: 300 } });
    daemon.state("online");
    const failures: string[] = [];
    const outbox = await outboxOn(daemon, { file, onFailure: ({ code }) => failures.push(code) });
    await outbox.send({ x1: "x".repeat(300) });
    await expect(outbox.settled()).rejects.toMatchObject({
      code: "too-large",
      hint: expect.stringContaining("payloadBytesMax"),
    });
    await expect(outbox.send(row(2))).rejects.toMatchObject({ code: "too-large" });
    await outbox.close();
    expect([failures, daemon.seqs, (await outboxOn(daemon, { file })).last]).toEqual([["too-large"], [], 1]);
  });

  it("is more than it may hold, when too much waits already; and it takes the rest when there is room", async () => {
    const daemon = await bridge();
    const outbox = await outboxOn(daemon, { file: join(temporaryFolder(), "outbox"), bytesMax: 10_000 });
    const wide = { x1: "x".repeat(60_000) };
    await outbox.send(wide);
    const waiting: Promise<void>[] = [];
    let error: unknown = null;
    while (error === null) {
      const sending = outbox.send(wide);
      await Promise.race([sending, new Promise((resolve) => setImmediate(resolve))]).catch((reason) => {
        error = reason;
      });
      if (error === null) waiting.push(sending);
    }
    expect(error).toMatchObject({ code: "outbox-full", hint: expect.stringContaining("Wait") });
    expect([waiting.length > 20, outbox.last]).toEqual([true, 1]);
    daemon.state("online");
    daemon.committed(1);
    await waiting[0];
    expect(outbox.last).toBeGreaterThan(1);
  });

  it("is to go on with an old copy of its file", async () => {
    const daemon = await bridge();
    daemon.state("online");
    daemon.committed(5, "e1");
    const outbox = await outboxOn(daemon, { file: join(temporaryFolder(), "outbox") });
    // Its epoch was named: numbers of it may be settled before it has any.
    await outbox.send(rows(1, 5));
    await outbox.settled();
    const own = await openOutbox({
      url: `mqtt://127.0.0.1:${daemon.broker.address.port}`,
      model: "default",
      source: "own",
      file: join(temporaryFolder(), "own"),
    });
    onEnd(() => own.close());
    await own.send(rows(1, 3));
    daemon.tell("rivulet/default/committed/own", { epoch: own.epoch, seq: 4, gaps: 0 });
    await expect(own.settled()).rejects.toMatchObject({
      code: "outbox-outdated",
      hint: expect.stringContaining("newest"),
    });
  });

  it("is to wait longer than it has patience", async () => {
    const daemon = await bridge();
    const outbox = await outboxOn(daemon, { patienceMs: 50 });
    await outbox.send(row(1));
    await expect(outbox.settled()).rejects.toMatchObject({
      code: "not-committed",
      message: expect.stringContaining("does not say online"),
      hint: expect.stringContaining("status"),
    });
  });

  it("is to begin without a broker where it must have one", async () => {
    const daemon = await bridge();
    await daemon.broker.close();
    const file = join(temporaryFolder(), "outbox");
    await expect(outboxOn(daemon, { file, mustConnect: true })).rejects.toMatchObject({ code: "broker-failed" });
    // It let go of the file.
    const outbox = await outboxOn(daemon, { file });
    await expect.poll(() => outbox.reason).toContain("ECONNREFUSED");
  });

  it("is anything once it is closed", async () => {
    const outbox = await outboxOn(await bridge());
    const settled = outbox.send(row(1)).then(() => outbox.settled());
    await outbox.close();
    await expect(settled).rejects.toMatchObject({ code: "usage" });
    await expect(outbox.send(row(2))).rejects.toMatchObject({ code: "usage" });
  });
});
