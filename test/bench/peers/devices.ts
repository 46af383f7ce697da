// Many sensors, each with a model of its own: each publishes a JSON sample of QoS 1 when it is due, whatever became of those
// before, over one of several connections. A line comes in, a number goes out:
//   begin PORT MODELS PER_SECOND CONNECTIONS    0 when all are connected and publish
//   acknowledged                                messages since the last time this was asked
//   p50, p99, max                               ms from when they were due until they were acknowledged, of those same
//   late                                        ms that this program was behind at worst, with those same

import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { connected, onAcknowledged, publishPacket, topicHead } from "./mqtt-packets.ts";

const IDS = 65_535;
const TICK_MS = 2;

/** What was sent over one connection. */
interface Link {
  readonly socket: Socket;
  /** When the message of an identifier was due. */
  readonly dueAt: Map<number, number>;
  sent: number;
}

let waits: number[] = [];
let told: readonly number[] = [];
let lateMs = 0;
let toldLateMs = 0;

console.log("devices");
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...rest] = line.split(" ");
  const [port = 0, models = 0, perSecond = 0, connections = 1] = rest.map(Number);
  if (verb === "begin") await begin(port, models, perSecond, connections);
  console.log(verb === "acknowledged" ? take() : verb === "late" ? toldLateMs : quantile(verb));
}

async function begin(port: number, models: number, perSecond: number, connections: number): Promise<void> {
  const links: Link[] = [];
  for (let c = 0; c < connections; c++) links.push(await link(port, c));
  const heads = Array.from({ length: models }, (_, m) => topicHead(`rivulet/m-${m}/sample`));
  const startedAt = performance.now();
  // Sensors know nothing of each other: their messages are spread over the period.
  const gapMs = 1000 / (models * perSecond);
  let next = 0;
  setInterval(() => {
    const now = performance.now();
    for (; startedAt + next * gapMs <= now; next++) {
      const dueAt = startedAt + next * gapMs;
      lateMs = Math.max(lateMs, now - dueAt);
      send(links[(next % models) % connections], heads[next % models], dueAt);
    }
  }, TICK_MS);
}

async function link(port: number, c: number): Promise<Link> {
  const socket = await connected(port, `gateway-${c}`);
  const dueAt = new Map<number, number>();
  onAcknowledged(socket, (id) => {
    waits.push(performance.now() - (dueAt.get(id) ?? Number.NaN));
    dueAt.delete(id);
  });
  return { socket, dueAt, sent: 0 };
}

/** Sends what a sensor would measure: with as many digits as it has. */
function send(over: Link | undefined, head: Buffer | undefined, dueAt: number): void {
  if (over === undefined || head === undefined) return;
  over.sent++;
  const id = (over.sent % IDS) + 1;
  over.dueAt.set(id, dueAt);
  const temperature = 18 + 8 * Math.random();
  const humidity = 30 + 40 * Math.random();
  const label = temperature + humidity / 10 + Math.random() > 27.5 ? 1 : 0;
  const row = `{"x1":${temperature.toFixed(2)},"x2":${humidity.toFixed(1)},"y":${label}}`;
  over.socket.write(publishPacket(head, id, Buffer.from(row)));
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
