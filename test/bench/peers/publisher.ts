// Publishes to whatever broker is measured, as lean as it can be, so that it is not what is measured: packets of MQTT 3.1.1
// laid out beforehand, QoS 1, so many unacknowledged at most, acknowledgements counted. A line comes in, a number goes out:
//   flood PORT PREFIX FORM MESSAGES WINDOW    seconds from the first packet to the last acknowledgement
//   pace PORT PREFIX MESSAGES PER_SECOND      ms from when a message was due to its acknowledgement, p50; `p99` asks for that

import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { connected, onAcknowledged, publishPacket, topicHead } from "./mqtt-packets.ts";

/** Rows of a packed message. */
const PACKED_ROWS = 256;
/** Packets that go out in one write. */
const PIECE = 64;
const IDS = 65_535;
const NAME = `bench-${process.pid}`;

/** Lies side by side in one buffer: message i begins at `starts[i]`, and the last one ends where one more would begin. */
interface Packets {
  readonly bytes: Buffer;
  readonly starts: Uint32Array;
}

let epochs = 0;
let waits: readonly number[] = [];

console.log("publisher");
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, port, prefix = "", ...rest] = line.split(" ");
  if (verb === "flood") {
    const [form = "", messages, window] = rest;
    console.log(await flood(Number(port), packets(prefix, form, Number(messages)), Number(window)));
  } else if (verb === "pace") {
    const [messages, perSecond] = rest.map(Number);
    waits = await pace(Number(port), packets(prefix, "json", messages ?? 0), 1000 / (perSecond ?? 1));
    console.log(quantile(0.5));
  } else console.log(quantile(0.99));
}

function quantile(share: number): number {
  return waits[Math.floor(waits.length * share)] ?? Number.NaN;
}

async function flood(port: number, { bytes, starts }: Packets, window: number): Promise<number> {
  const socket = await connected(port, NAME);
  const messages = starts.length - 1;
  let sent = 0;
  let acknowledged = 0;
  let end = () => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  const send = () => {
    while (sent < messages && sent - acknowledged < window) {
      const to = Math.min(messages, sent + PIECE, acknowledged + window);
      socket.write(bytes.subarray(starts[sent], starts[to]));
      sent = to;
    }
  };
  onAcknowledged(socket, () => {
    acknowledged++;
    if (acknowledged === messages) end();
    // Small pieces for each acknowledgement would be many system calls.
    else if (sent < messages && window - (sent - acknowledged) >= Math.min(PIECE, window)) send();
  });
  const from = performance.now();
  send();
  await done;
  const seconds = (performance.now() - from) / 1000;
  socket.destroy();
  return seconds;
}

/** Sends each message when it is due, whatever became of those before, and returns what they waited, sorted, in ms. */
async function pace(port: number, { bytes, starts }: Packets, periodMs: number): Promise<readonly number[]> {
  const socket = await connected(port, NAME);
  const messages = starts.length - 1;
  const found: number[] = [];
  // Timers of the event loop are whole milliseconds; this one wakes it in time, without a core that spins meanwhile.
  const ticks = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const cell = new Int32Array(new SharedArrayBuffer(4));
     const from = performance.now();
     for (let i = 0; i < workerData.messages; i++) {
       const rest = from + i * workerData.periodMs - performance.now();
       if (rest > 0) Atomics.wait(cell, 0, 0, rest);
       parentPort.postMessage(0);
     }`,
    { eval: true, workerData: { messages, periodMs } },
  );
  let from = 0;
  let sent = 0;
  const done = new Promise<void>((resolve) => {
    onAcknowledged(socket, (id) => {
      found.push(performance.now() - (from + ((id - 1) % messages) * periodMs));
      if (found.length === messages) resolve();
    });
  });
  ticks.on("message", () => {
    if (sent === 0) from = performance.now();
    socket.write(bytes.subarray(starts[sent], starts[sent + 1]));
    sent++;
  });
  await done;
  await ticks.terminate();
  socket.destroy();
  return found.sort((a, b) => a - b);
}

function packets(prefix: string, form: string, messages: number): Packets {
  const name = form === "f32" || form === "f64" ? form : "sample";
  const head = topicHead(`${prefix}/default/${name}`);
  const packed = name === "sample" ? null : block(name);
  const epoch = `${process.pid}-${++epochs}`;
  const all = Array.from({ length: messages }, (_, i) => {
    const id = (i % IDS) + 1;
    return publishPacket(head, id, packed ?? Buffer.from(row(i, form, epoch)));
  });
  const starts = new Uint32Array(messages + 1);
  for (const [i, { length }] of all.entries()) starts[i + 1] = (starts[i] ?? 0) + length;
  return { bytes: Buffer.concat(all), starts };
}

function row(i: number, form: string, epoch: string): string {
  const values = `"x1":${(i % 97) / 97},"x2":${(i % 89) / 89},"y":${i % 2}`;
  return form === "numbered" ? `{${values},"source":"bench","epoch":"${epoch}","seq":${i + 1}}` : `{${values}}`;
}

function block(form: "f32" | "f64"): Buffer {
  const values = Array.from({ length: PACKED_ROWS }, (_, i) => [(i % 97) / 97, (i % 89) / 89, i % 2]).flat();
  const typed = form === "f32" ? Float32Array.from(values) : Float64Array.from(values);
  return Buffer.from(typed.buffer);
}
