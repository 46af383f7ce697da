import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import { type Started, startDaemon, stopped } from "../cli/run.ts";
import { programs } from "../programs.ts";
import { openFaults } from "../sim/faults.ts";
import { type Manager, openManager } from "./manager.ts";
import { eventually, onEnd, temporaryFolder } from "./open.ts";
import { SAMPLE } from "./request.ts";

const WATCHED = { WATCHDOG_USEC: "300000" };

function startedBy(
  { socket }: Manager,
  env: Readonly<Record<string, string>> = {},
  data = temporaryFolder(),
): Promise<Started> {
  return startDaemon(data, ["--set", "commit.profile=eager"], { NOTIFY_SOCKET: socket, ...env });
}

/** Publishes a sample; whether it is acknowledged is not waited for. */
async function publishTo({ port }: Started): Promise<void> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
  onEnd(() => client.endAsync(true));
  client.publish(SAMPLE, '{"x1":1,"x2":1,"y":1}', { qos: 1 });
}

describe.skipIf(!programs.systemd)("a daemon that a service manager started", () => {
  it("says that it is ready, how it is, and that it stops, in this order", async () => {
    const manager = await openManager();
    const daemon = await startedBy(manager);
    await eventually(() => manager.heard.length).toBe(1);
    expect(await stopped(daemon.process, "SIGTERM")).toBe(0);
    await eventually(() => manager.heard.length).toBe(2);
    expect(manager.heard).toEqual([
      ["READY=1", expect.stringMatching(/^STATUS=default at step 0; mqtt:.* is online$/)],
      ["STOPPING=1", expect.stringContaining("STATUS=")],
    ]);
  });

  it("feeds the watchdog, and is ready before", async () => {
    const manager = await openManager();
    await startedBy(manager, WATCHED);
    await eventually(() => manager.count("WATCHDOG=1")).toBeGreaterThan(2);
    expect(manager.heard[0]).toContain("READY=1");
  });

  it("does not feed the watchdog of another process", async () => {
    const manager = await openManager();
    const daemon = await startedBy(manager, { ...WATCHED, WATCHDOG_PID: "1" });
    await stopped(daemon.process, "SIGTERM");
    await eventually(() => manager.count("STOPPING=1")).toBe(1);
    expect(manager.count("WATCHDOG=1")).toBe(0);
  });

  it.skipIf(!programs.cc).each(["a commit fails", "a flush never ends"])(
    "lets the watchdog starve while %s, says so, and feeds it again when commits succeed",
    async (what) => {
      const manager = await openManager();
      const data = temporaryFolder();
      const faults = await openFaults(data);
      onEnd(() => faults.close());
      const daemon = await startedBy(manager, { ...WATCHED, ...faults.env }, data);
      onEnd(() => stopped(daemon.process, "SIGKILL"));
      await eventually(() => manager.count("WATCHDOG=1")).toBeGreaterThan(0);
      if (what === "a commit fails") faults.mode = "full";
      else faults.flushDelayMs = 1e9;
      await publishTo(daemon);
      const starving = () => manager.heard.filter((message) => /nothing was committed for/.test(message.join()));
      await eventually(() => starving().length).toBeGreaterThan(2);
      expect(starving().flat()).not.toContain("WATCHDOG=1");
      const fed = manager.count("WATCHDOG=1");
      await eventually(() => starving().length).toBeGreaterThan(5);
      expect(manager.count("WATCHDOG=1")).toBe(fed);
      faults.mode = "none";
      faults.flushDelayMs = 0;
      await eventually(() => manager.count("WATCHDOG=1")).toBeGreaterThan(fed);
    },
  );

  it("runs on where the manager cannot be told anything", async () => {
    const daemon = await startedBy({ socket: "/nowhere/notify", heard: [], count: () => 0 }, WATCHED);
    expect(await stopped(daemon.process, "SIGTERM")).toBe(0);
  });
});
