// The sensors of deploy/README.md as they stand there: what is shown to be copied must work.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { freePort, makeCertificates } from "../mqtt/mosquitto-process.ts";
import { binary, programs } from "../programs.ts";
import { ask, eventually, journalOf, onEnd, open, temporaryFolder } from "./open.ts";

const text = readFileSync(new URL("../../deploy/README.md", import.meta.url), "utf8");
const USER = "sensor";

/** Takes the only block of a language that has something in it out of the page. */
function block(language: string, of: string): string {
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const found = blocks.filter(([, name, code = ""]) => name === language && code.includes(of));
  const code = found[0]?.[2];
  if (code === undefined || found.length > 1) throw new Error(`there are ${found.length} blocks with ${of}`);
  return code;
}

/** Puts this machine and that port in the place of the page's. */
function here(code: string, port: number): string {
  expect(code).toContain("raspberrypi.local");
  expect(code).toContain("8883");
  return code.replaceAll("raspberrypi.local", "localhost").replaceAll("8883", String(port));
}

/** Opens a daemon as the page has it for other machines, with the files that its sensors need in `folder`. */
async function openSecured(folder: string, port: number): Promise<Daemon> {
  const certificates = `mqtt.certFile=${join(folder, "server.pem")}`;
  const key = `mqtt.keyFile=${join(folder, "server-key.pem")}`;
  const who = [`mqtt.username=${USER}`, `mqtt.passwordFile=${join(folder, USER)}`];
  return open(join(folder, "data"), null, [`mqtt.port=${port}`, certificates, key, ...who]);
}

function prepared(): string {
  const folder = temporaryFolder();
  makeCertificates(folder);
  writeFileSync(join(folder, USER), "a good password\n");
  return folder;
}

async function sequence(daemon: Daemon): Promise<number> {
  return (await ask(daemon, "status", {})).models["default"]?.durableSequence ?? 0;
}

describe.skipIf(!programs.openssl)("a sensor of deploy/README.md", () => {
  it.skipIf(!programs.paho)("in Python loses no row while the broker is away, and none is trained twice", async () => {
    const folder = prepared();
    const port = await freePort();
    const code = here(block("python", "import paho.mqtt.client"), port).replace("sleep(1)", "sleep(0.01)");
    const readings = `from random import random\ndef read_temperature(): return round(20 + random(), 2)
def read_humidity(): return round(50 + random(), 1)\ndef read_label(): return int(random() > 0.5)\n`;
    writeFileSync(join(folder, "sensor.py"), readings + code);
    // The broker is not there yet.
    const sensor = spawn("/usr/bin/python3", ["sensor.py"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    sensor.stderr.on("data", (bytes: Buffer) => {
      said += String(bytes);
    });
    const ended = once(sensor, "exit");
    onEnd(async () => {
      sensor.kill("SIGKILL");
      await ended;
    });
    const first = await openSecured(folder, port);
    await eventually(() => sequence(first)).toBeGreaterThan(50);
    await first.close();
    const second = await openSecured(folder, port);
    const before = await sequence(second);
    await eventually(() => sequence(second)).toBeGreaterThan(before + 50);
    expect(sensor.exitCode).toBeNull();
    expect(said).toBe("");
    const rows = await journalOf(second);
    const numbers = rows.map(({ seq }) => Number(seq));
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers.map((_, i) => i + 1));
    expect((await ask(second, "status", {})).models["default"]?.refused).toEqual({});
  });

  it.skipIf(!programs.mosquitto)("in a shell is acknowledged", async () => {
    const folder = prepared();
    const port = await freePort();
    const daemon = await openSecured(folder, port);
    const command = here(block("sh", "--cafile ca.pem"), port).replace("mosquitto_pub", binary("mosquitto_pub"));
    await promisify(execFile)("/bin/sh", ["-c", command], { cwd: folder });
    expect(await sequence(daemon)).toBe(1);
  });
});
