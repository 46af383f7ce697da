import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openOutbox } from "../../src/client/numbered-outbox.ts";
import { onEnd, openOn, temporaryFolder } from "../daemon/open.ts";
import { openMosquitto } from "../mqtt/mosquitto.ts";
import { programs } from "../programs.ts";

describe("an outbox that may do no more than a sensor may", () => {
  it.skipIf(!programs.mosquitto)("brings its rows through, and does without what it may not hear", async () => {
    const mosquitto = await openMosquitto({ users: { rivulet: "one", sensor: "two" } });
    const passwordFile = join(temporaryFolder(), "password");
    writeFileSync(passwordFile, "one\n", { mode: 0o600 });
    const daemon = await openOn(mosquitto.url, ["mqtt.username=rivulet", `mqtt.passwordFile=${passwordFile}`]);
    const heard: string[] = [];
    const outbox = await openOutbox({
      url: mosquitto.url,
      username: "sensor",
      password: "two",
      model: "default",
      source: "pump",
      file: join(temporaryFolder(), "outbox"),
      listen: { topic: "rivulet/default/event", onMessage: (text) => heard.push(text) },
    });
    onEnd(() => outbox.close());
    for (let x1 = 1; x1 <= 20; x1++) await outbox.send({ x1, x2: 0, y: x1 === 7 ? 9 : 1 });
    await outbox.settled();
    await outbox.heard();
    expect([outbox.settledTo, daemon.rooms.models.get("default")?.durableSequence, heard]).toEqual([20, 19, []]);
  });

  it.skipIf(!programs.mosquitto)("says why nothing is sent where it is not let in, and goes on trying", async () => {
    const mosquitto = await openMosquitto({ users: { sensor: "two" } });
    const outbox = await openOutbox({
      url: mosquitto.url,
      username: "sensor",
      password: "wrong",
      model: "default",
      source: "pump",
      file: null,
    });
    onEnd(() => outbox.close());
    await expect.poll(() => outbox.reason).toMatch(/not authori[sz]ed/i);
  });
});
