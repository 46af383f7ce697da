// The intake as it is in use: publisher, broker and daemon are processes, the daemon is the bundled program, a message is
// done when it is durable. Beside it, in the same rounds, programs that only receive.

import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { programs } from "../programs.ts";
import { benchFlushes, benchSlowDisk } from "./intake-disk.ts";
import { type Peer, startNode, startPython } from "./peer.ts";
import {
  buildProgram,
  openDaemon,
  type RunningDaemon,
  residentBytesMax,
  startMosquitto,
  Workplace,
  writtenBytes,
} from "./processes.ts";
import { goal, median, report, shown } from "./report.ts";
import { statusOf, untilDurable } from "./requests.ts";

const ROUNDS = 5;
/** Rounds that do not count: until then code is still being compiled, the daemon's and that of its peers. */
const WARM_ROUNDS = 2;
const PACKED_ROWS = 256;
const JSON_MESSAGES = 100_000;
const PACKED_MESSAGES = 8000;
const RELAYED_MESSAGES = 50_000;
/** Messages without acknowledgement, by what they hold: enough that two commits of `commit.maxSamples` fit. */
const WINDOW = 8192;
const PACKED_WINDOW = 256;
/** What the daemon asks of a broker with MQTT 5: intake.bytesMax / (intake.payloadBytesMax + 1 kB). Its peers ask for the same. */
const RECEIVE_MAXIMUM = 15;
const PACE_PER_SECOND = 1000;
const PACE_MESSAGES = 5000;
const PACE_ROUNDS = 3;
const EAGER = "commit.profile=eager";

/** Measures samples a second of one round. */
interface Candidate {
  readonly name: string;
  readonly rate: () => Promise<number>;
}

/** Measures what goes in: samples a second, latency, bytes written, memory and flushes. */
export async function benchIntake(): Promise<void> {
  buildProgram();
  const place = new Workplace();
  try {
    const publisher = place.keep(await startNode("publisher.ts"), (peer) => peer.end());
    await benchFloods(place, publisher);
    await benchLatency(place, publisher);
    if (programs.cc) {
      await benchFlushes(place, publisher);
      await benchSlowDisk(place, publisher);
    } else console.log("absent: cc (apt-get install gcc libc6-dev)");
  } finally {
    await place.close();
  }
}

async function benchFloods(place: Workplace, publisher: Peer): Promise<void> {
  const daemon = await openDaemon(place, "embedded", []);
  const aedes = place.keep(await startNode("aedes-peer.ts"), (peer) => peer.end());
  const aedesPort = await aedes.ask("port");
  const json = (port: number) => flood(publisher, port, "rivulet", "json", JSON_MESSAGES, WINDOW);
  const own: Candidate = { name: "embedded, one JSON sample a message", rate: () => json(daemon.port) };
  const numbered: Candidate = {
    name: "embedded, one numbered JSON sample a message",
    rate: () => flood(publisher, daemon.port, "rivulet", "numbered", JSON_MESSAGES, WINDOW),
  };
  const packed: Candidate = {
    name: `embedded, ${PACKED_ROWS} f32 rows a message`,
    rate: () => flood(publisher, daemon.port, "rivulet", "f32", PACKED_MESSAGES, PACKED_WINDOW),
  };
  const bare: Candidate = { name: aedes.name, rate: () => json(aedesPort) };
  const relayed = programs.mosquitto ? await openRelayed(place, publisher) : null;
  if (relayed === null) console.log("absent: Mosquitto (apt-get install mosquitto)");
  const rates = await measure([own, bare, packed, numbered, ...(relayed === null ? [] : relayed.all)]);
  const rate = (candidate: Candidate) => rates.get(candidate) ?? Number.NaN;
  const unit = "samples/s";
  report(own.name, rate(own), unit, ratioTo(rate(own), bare, rate(bare), 0.7) + goal(rate(own), "≥", 150_000));
  report(bare.name, rate(bare), unit);
  report(packed.name, rate(packed), unit, goal(rate(packed), "≥", 5e6));
  report(numbered.name, rate(numbered), unit, ratioTo(rate(numbered), own, rate(own)));
  if (relayed !== null) {
    const { daemon: through, subscriber, others } = relayed;
    report(through.name, rate(through), unit, ratioTo(rate(through), subscriber, rate(subscriber), 0.9));
    for (const one of [subscriber, ...others]) report(one.name, rate(one), unit);
  }
  await benchBytes(publisher, daemon);
  const resident = residentBytesMax(daemon.pid) / 1e6;
  report("most memory resident in all these floods", resident, "MB", goal(resident, "≤", 140));
  await daemon.end();
}

/** Opens what receives through Mosquitto: the daemon, and programs that count. */
async function openRelayed(place: Workplace, publisher: Peer) {
  const port = await startMosquitto(place);
  const url = `mqtt://127.0.0.1:${port}`;
  await openDaemon(place, "relayed", [`mqtt.broker=${url}`, "mqtt.protocol=5"]);
  const client = place.keep(await connectAsync(url), (one: MqttClient) => one.endAsync(true));
  const window = String(RECEIVE_MAXIMUM);
  const mqttjs = place.keep(await startNode("subscriber-peer.ts", [url, "bare/#", window]), (peer) => peer.end());
  const paho = await startPython("paho-peer.py", [String(port), "paho/#", window]);
  if (paho === null) console.log("absent: paho (pip install paho-mqtt)");
  else place.keep(paho, (peer) => peer.end());
  const daemon: Candidate = {
    name: "through Mosquitto, one JSON sample a message",
    rate: async () => {
      const { models } = await statusOf(client, "rivulet");
      const wanted = (models["default"]?.durableSequence ?? 0) + RELAYED_MESSAGES;
      return relay(publisher, port, "rivulet", () => untilDurable(client, "rivulet", wanted));
    },
  };
  const counting = (peer: Peer, prefix: string): Candidate => ({
    name: peer.name,
    rate: () => relay(publisher, port, prefix, () => peer.ask(String(RELAYED_MESSAGES))),
  });
  const subscriber = counting(mqttjs, "bare");
  const others = paho === null ? [] : [counting(paho, "paho")];
  return { daemon, subscriber, others, all: [daemon, subscriber, ...others] };
}

/** Publishes to Mosquitto and waits until the other side has it all: Mosquitto's acknowledgements say nothing of that. */
async function relay(publisher: Peer, port: number, prefix: string, arrived: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await publisher.ask(`flood ${port} ${prefix} json ${RELAYED_MESSAGES} ${WINDOW}`);
  await arrived();
  return (1000 * RELAYED_MESSAGES) / (performance.now() - from);
}

async function flood(
  publisher: Peer,
  port: number,
  prefix: string,
  form: string,
  messages: number,
  window: number,
): Promise<number> {
  const rows = form === "f32" || form === "f64" ? PACKED_ROWS : 1;
  return (rows * messages) / (await publisher.ask(`flood ${port} ${prefix} ${form} ${messages} ${window}`));
}

/** Runs the candidates in turn, rounds to warm up and then those that count, and returns medians. */
async function measure(candidates: readonly Candidate[]): Promise<ReadonlyMap<Candidate, number>> {
  const rates = new Map(candidates.map((candidate): [Candidate, number[]] => [candidate, []]));
  for (let round = 1 - WARM_ROUNDS; round <= ROUNDS; round++) {
    process.stderr.write(`\rround ${round} of ${ROUNDS} `);
    for (const [candidate, found] of rates) {
      const rate = await candidate.rate();
      if (round > 0) found.push(rate);
    }
  }
  process.stderr.write("\r\x1b[K");
  return new Map([...rates].map(([candidate, found]) => [candidate, median(found)]));
}

/** Reads /proc/PID/io around floods long enough that what lies in the log when they begin and end does not matter. */
async function benchBytes(publisher: Peer, { port, pid }: RunningDaemon): Promise<void> {
  for (const [form, messages, window, bound] of [
    ["f32", 2 * PACKED_MESSAGES, PACKED_WINDOW, 32],
    ["f64", 2 * PACKED_MESSAGES, PACKED_WINDOW, 58],
    ["json", 5 * JSON_MESSAGES, WINDOW, 58],
  ] as const) {
    const before = writtenBytes(pid);
    await flood(publisher, port, "rivulet", form, messages, window);
    const rows = form === "json" ? messages : PACKED_ROWS * messages;
    const each = (writtenBytes(pid) - before) / rows;
    report(`written for a sample, ${form} (write_bytes of /proc)`, each, "bytes", goal(each, "≤", bound));
  }
}

/** Measures from when a message was due to its acknowledgement, beside a loop that only writes and flushes. */
async function benchLatency(place: Workplace, publisher: Peer): Promise<void> {
  const daemon = await openDaemon(place, "paced", [EAGER]);
  const file = join(place.folder, "flush-loop");
  const loop = place.keep(await startNode("flush-loop.ts", [file]), (peer) => peer.end());
  const p50: [number[], number[]] = [[], []];
  const p99: [number[], number[]] = [[], []];
  for (let round = 0; round <= PACE_ROUNDS; round++) {
    const own = await publisher.ask(`pace ${daemon.port} rivulet ${PACE_MESSAGES} ${PACE_PER_SECOND}`);
    const bare = await loop.ask(`${PACE_MESSAGES}`);
    if (round === 0) continue;
    p50[0].push(own);
    p50[1].push(bare);
    p99[0].push(await publisher.ask("p99"));
    p99[1].push(await loop.ask("p99"));
  }
  for (const [name, [own, bare]] of [["p50", p50] as const, ["p99", p99] as const]) {
    const ratio = median(own) / median(bare);
    const note = `${shown(ratio)} × ${loop.name}, ${shown(median(bare))} ms${goal(ratio, "≤", 2)}`;
    report(`acknowledged after, ${PACE_PER_SECOND} samples/s, ${name}`, median(own), "ms", note);
  }
  await daemon.end();
}

function ratioTo(rate: number, other: Candidate, otherRate: number, bound?: number): string {
  const ratio = rate / otherRate;
  return `${shown(ratio)} × ${other.name}${bound === undefined ? "" : goal(ratio, "≥", bound)}`;
}
