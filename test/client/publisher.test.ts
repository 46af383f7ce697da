import { describe, expect, it } from "vitest";
import { type PublishOptions, publish } from "../../src/client/publisher.ts";
import { connect, listen, open } from "../mqtt/open.ts";

function options(port: number, extra: Partial<PublishOptions> = {}): PublishOptions {
  return {
    url: `mqtt://127.0.0.1:${port}`,
    username: null,
    password: null,
    topic: "rivulet/default/sample",
    qos: 1,
    rate: 0,
    payloads: [],
    signal: new AbortController().signal,
    onProgress: () => {},
    ...extra,
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

describe("publish", () => {
  it.each([0, 1, 2] as const)("sends everything in order and resolves when it is taken, QoS %i", async (qos) => {
    const broker = await open();
    const intake = listen(broker, (message) => message.ack());
    const published = await publish(options(broker.address.port, { payloads: numbers(3000), qos }));
    expect(published).toMatchObject({ sent: 3000, acknowledged: 3000 });
    await intake.until(3000);
    expect(intake.messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual(numbers(3000));
  });

  it("does not resolve before the last acknowledgement", async () => {
    const broker = await open();
    const intake = listen(broker);
    let resolved = false;
    const publishing = publish(options(broker.address.port, { payloads: numbers(5) })).then(() => {
      resolved = true;
    });
    await intake.until(5);
    for (const message of intake.messages.slice(0, 4)) message.ack();
    await connect(broker);
    expect(resolved).toBe(false);
    intake.messages[4]?.ack();
    await publishing;
  });

  it("has a bounded number of messages under way", async () => {
    const broker = await open();
    listen(broker, (message) => setImmediate(() => message.ack()));
    let most = 0;
    const published = await publish(
      options(broker.address.port, {
        payloads: numbers(5000),
        onProgress: ({ sent, acknowledged }) => {
          most = Math.max(most, sent - acknowledged);
        },
      }),
    );
    expect(published).toMatchObject({ sent: 5000, acknowledged: 5000 });
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(1000);
  });

  it("stops sending at the signal, and waits for what is under way", async () => {
    const broker = await open();
    const stop = new AbortController();
    listen(broker, (message) => message.ack());
    const published = await publish(
      options(broker.address.port, {
        payloads: numbers(100_000),
        signal: stop.signal,
        rate: 2000,
        onProgress: ({ acknowledged }) => {
          if (acknowledged === 10) stop.abort();
        },
      }),
    );
    expect(published.sent).toBeLessThan(100_000);
    expect(published.acknowledged).toBe(published.sent);
  });

  it("sends again what was not acknowledged when the broker came back", async () => {
    const broker = await open();
    const { port } = broker.address;
    const intake = listen(broker);
    const publishing = publish(options(port, { payloads: numbers(20) }));
    await intake.until(5);
    await broker.close();
    const next = await open({ port });
    const again = listen(next, (message) => message.ack());
    expect(await publishing).toMatchObject({ sent: 20, acknowledged: 20 });
    const seen = new Set(again.messages.map(({ payload }) => Buffer.from(payload).toString()));
    expect([...seen].sort()).toEqual(numbers(20).sort());
  });

  it("says that the daemon may not run where nobody listens", async () => {
    const broker = await open();
    const { port } = broker.address;
    await broker.close();
    await expect(publish(options(port, { payloads: ["x"] }))).rejects.toMatchObject({
      code: "broker-failed",
      hint: expect.stringContaining("daemon"),
    });
  });

  it("says so where the password is wrong", async () => {
    const broker = await open({ credentials: { username: null, password: "secret", tls: null } });
    listen(broker);
    await expect(publish(options(broker.address.port, { payloads: ["x"] }))).rejects.toMatchObject({
      code: "broker-failed",
    });
  });
});
