// Many sensors, each with a model of its own: each is a connection that publishes a JSON sample of QoS 1 when it is due,
// whatever became of those before. A line comes in, a number goes out:
//   begin PORT MODELS PER_SECOND    0 when all are connected and publish
//   acknowledged                    messages since the last time this was asked
//   p50, p99, max                   ms from when they were due until they were acknowledged, of those same messages
//   late                            ms that this program was behind at worst, of those same messages
//   end                             0 when all that was sent is acknowledged

import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { connected, onAcknowledged, publishPacket, topicHead } from "./mqtt-packets.ts";

const IDS = 65_535;
const TICK_MS = 2;
const END_LOOK_MS = 20;

/** What one sensor has sent: message i, counted from 1, has the identifier i mod IDS. */
interface Device {
  readonly socket: Socket;
  readonly head: Buffer;
  /** When its message of that identifier was due. */
  readonly dueAt: Map<number, number>;
  sent: number;
}

const devices: Device[] = [];
let waits: number[] = [];
let told: readonly number[] = [];
let lateMs = 0;
let toldLateMs = 0;
let timer: NodeJS.Timeout;

console.log("devices");
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...rest] = line.split(" ");
  const [port = 0, models = 0, perSecond = 0] = rest.map(Number);
  if (verb === "begin") await begin(port, models, perSecond);
  if (verb === "end") await end();
  console.log(verb === "acknowledged" ? take() : verb === "late" ? toldLateMs : quantile(verb));
}

async function begin(port: number, models: number, perSecond: number): Promise<void> {
  for (let m = 0; m < models; m++) devices.push(await device(port, m));
  const startedAt = performance.now();
  // Sensors know nothing of each other: their messages are spread over the period.
  const gapMs = 1000 / (models * perSecond);
  let next = 0;
  timer = setInterval(() => {
    const now = performance.now();
    for (; startedAt + next * gapMs <= now; next++) {
      const dueAt = startedAt + next * gapMs;
      lateMs = Math.max(lateMs, now - dueAt);
      send(devices[next % models], dueAt);
    }
  }, TICK_MS);
}

async function device(port: number, m: number): Promise<Device> {
  const socket = await connected(port, `device-${m}`);
  const head = topicHead(`rivulet/m-${m}/sample`);
  const dueAt = new Map<number, number>();
  onAcknowledged(socket, (id) => {
    waits.push(performance.now() - (dueAt.get(id) ?? Number.NaN));
    dueAt.delete(id);
  });
  return { socket, head, dueAt, sent: 0 };
}

/** Sends what a sensor would measure: with as many digits as it has. */
function send(from: Device | undefined, dueAt: number): void {
  if (from === undefined) return;
  from.sent++;
  const id = (from.sent % IDS) + 1;
  from.dueAt.set(id, dueAt);
  const temperature = 18 + 8 * Math.random();
  const humidity = 30 + 40 * Math.random();
  const label = temperature + humidity / 10 + Math.random() > 27.5 ? 1 : 0;
  const row = `{"x1":${temperature.toFixed(2)},"x2":${humidity.toFixed(1)},"y":${label}}`;
  from.socket.write(publishPacket(from.head, id, Buffer.from(row)));
}

function take(): number {
  told = waits.sort((a, b) => a - b);
  waits = [];
  toldLateMs = lateMs;
  lateMs = 0;
  return told.length;
}

function quantile(name: string | undefined): number {
  if (name === "max") return told.at(-1) ?? Number.NaN;
  const share = name === "p50" ? 0.5 : name === "p99" ? 0.99 : null;
  return share === null ? 0 : (told[Math.floor(told.length * share)] ?? Number.NaN);
}

async function end(): Promise<void> {
  clearInterval(timer);
  while (devices.some(({ dueAt }) => dueAt.size > 0)) await new Promise((resolve) => setTimeout(resolve, END_LOOK_MS));
  for (const { socket } of devices) socket.destroy();
}
