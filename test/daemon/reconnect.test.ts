import { expect, it } from "vitest";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import type { Mosquitto } from "../mqtt/mosquitto-process.ts";
import { programs } from "../programs.ts";
import { ask, journalOf, openOn, temporaryFolder } from "./open.ts";

const RESTARTS = 100;

/** Publishes a row, and waits until the broker shows the whole retained set, told by a daemon that is there. */
async function visit(mosquitto: Mosquitto, row: object): Promise<void> {
  const client = await mosquitto.connect();
  const retained = new Map<string, string>();
  const complete = new Promise<void>((resolve) => {
    client.on("message", (topic, payload) => {
      retained.set(topic, payload.toString());
      const topics = ["rivulet/bridge/info", "rivulet/bridge/state", "rivulet/default/state"];
      if (topics.every((name) => retained.has(name)) && retained.get("rivulet/bridge/state") === "online") resolve();
    });
  });
  await client.subscribeAsync("rivulet/#");
  await complete;
  await client.publishAsync("rivulet/default/sample", JSON.stringify(row), { qos: 1 });
  await client.endAsync();
}

it.skipIf(!programs.mosquitto)(
  `comes back by itself after each of ${RESTARTS} restarts of the broker, and tells the whole retained set anew`,
  async () => {
    // It keeps nothing: whatever stands there after a restart was told anew.
    const mosquitto = await openMosquitto({ lines: ["persistence false"] });
    const daemon = await openOn(mosquitto.url);
    for (let round = 0; round < RESTARTS; round++) {
      await mosquitto.stop(round % 2 === 0 ? "SIGTERM" : "SIGKILL");
      await mosquitto.start();
      await visit(mosquitto, { x1: round, x2: 1, y: round % 2 });
    }
    const rows = async () => (await ask(daemon, "status", {})).models["default"]?.durableSequence;
    await expect.poll(rows).toBe(RESTARTS);
    expect((await journalOf(daemon)).map(({ x1 }) => x1)).toEqual(Array.from({ length: RESTARTS }, (_, i) => i));
    expect(daemon.rooms.broker?.status()).toMatchObject({
      online: true,
      connections: RESTARTS + 1,
      sessionsLost: RESTARTS,
    });
  },
);

it.skipIf(!programs.mosquitto)("says that the broker forgot the session while the daemon was away", async () => {
  const mosquitto = await openMosquitto({ lines: ["persistence false"] });
  const data = temporaryFolder();
  const sessionsLost = async () => {
    const daemon = await openOn(mosquitto.url, [], data);
    const status = daemon.rooms.broker?.status();
    await daemon.close();
    return status?.kind === "external" ? status.sessionsLost : null;
  };
  expect([await sessionsLost(), await sessionsLost()]).toEqual([0, 0]);
  await mosquitto.stop();
  await mosquitto.start();
  expect([await sessionsLost(), await sessionsLost()]).toEqual([1, 0]);
});
