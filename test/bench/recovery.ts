// How long the replay of the journal takes after a kill, as the daemon logs it, just before the next checkpoint is due, when it
// is longest; and how long a start takes with and without one. Each start is on a copy of the same folder, and the shortest is
// told: whatever else the machine does only adds.

import { cpSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { layoutOf } from "../../src/learner/topology.ts";
import { startNode } from "./peer.ts";
import { BENCH_YAML, buildProgram, startDaemon, Workplace } from "./processes.ts";
import { goal, report, shown } from "./report.ts";
import { statusOf } from "./requests.ts";

const STARTS = 9;
/** Rows of the publisher's packed messages. */
const PACKED_ROWS = 256;
const WINDOW = 128;
/** What a checkpoint is due after (stream/model.ts), and how much of that is there at the kill. */
const CHECKPOINT_ROWS = 65_536;
const CHECKPOINT_MULTIPLY_ADDS = 2e9;
/** Of a step, for each parameter (stream/work.ts). */
const UPDATE_WORK = 3;
const SHARE = 0.98;

interface Case {
  readonly name: string;
  readonly hidden: readonly number[];
  readonly batch: number;
  readonly set: readonly string[];
  readonly msMax: number;
}

const CASES: readonly Case[] = [
  { name: "bench.yaml", hidden: [2], batch: 32, set: [], msMax: 100 },
  { name: "bench.yaml, 2-512-512-1", hidden: [512, 512], batch: 32, set: [], msMax: 1000 },
  {
    name: "2-512-512-1, Adagrad, batch 4",
    hidden: [512, 512],
    batch: 4,
    set: ["batch.size=4", "optimizer.kind=adagrad"].map((assignment) => `models.default.${assignment}`),
    msMax: 1000,
  },
];

/** Measures starts after a kill. */
export async function benchRecovery(): Promise<void> {
  buildProgram();
  const place = new Workplace();
  try {
    for (const [c, one] of CASES.entries()) await benchCase(place, join(place.folder, String(c)), one);
  } finally {
    await place.close();
  }
}

async function benchCase(place: Workplace, folder: string, { name, hidden, batch, set, msMax }: Case): Promise<void> {
  const network = `models.default.network.hidden=${JSON.stringify(hidden)}`;
  const start = (data: string) => startDaemon({ data, set: [network, ...set], config: BENCH_YAML });
  const rows = await fill(place, folder, hidden, batch, start);
  const empty = `${folder}-empty`;
  await (await start(empty)).end();
  const waits: { killed: number[]; clean: number[]; replay: number[] } = { killed: [], clean: [], replay: [] };
  for (let s = 0; s < STARTS; s++) {
    const data = `${folder}-${s}`;
    cpSync(folder, data, { recursive: true });
    const killed = await start(data);
    waits.killed.push(killed.readyMs);
    if (killed.replayMs !== null) waits.replay.push(killed.replayMs);
    await killed.end();
    const clean = await start(empty);
    waits.clean.push(clean.readyMs);
    await clean.end();
  }
  if (waits.replay.length < STARTS) throw new Error("a start after a kill replayed nothing");
  const recovery = Math.min(...waits.replay);
  const [killed, clean] = [Math.min(...waits.killed), Math.min(...waits.clean)];
  const note = `the whole start ${shown(killed)} ms, ${shown(clean)} without${goal(recovery, "≤", msMax)}`;
  report(`recovery, ${name}, ${rows.toLocaleString("en-US")} rows`, recovery, "ms", note);
}

/** Trains almost until a checkpoint is due, and kills. */
async function fill(
  place: Workplace,
  data: string,
  hidden: readonly number[],
  batch: number,
  start: (data: string) => ReturnType<typeof startDaemon>,
): Promise<number> {
  const { multiplyAdds, parameterCount } = layoutOf({
    units: [2, ...hidden, 1],
    activations: [...hidden.map(() => "relu" as const), "sigmoid"],
    loss: "cross-entropy",
  });
  const due = Math.min(
    CHECKPOINT_ROWS,
    CHECKPOINT_MULTIPLY_ADDS / (multiplyAdds + (UPDATE_WORK * parameterCount) / batch),
  );
  const messages = Math.floor((SHARE * due) / PACKED_ROWS);
  const daemon = await start(data);
  const publisher = place.keep(await startNode("publisher.ts"), (peer) => peer.end());
  await publisher.ask(`flood ${daemon.port} rivulet f32 ${messages} ${WINDOW}`);
  const client = await connectAsync(daemon.url);
  for (;;) {
    const model = (await statusOf(client, "rivulet")).models["default"];
    if (model?.sequence === messages * PACKED_ROWS && model.pending === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // What was trained last is committed with the answer to a question that comes after it, at the latest.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await client.endAsync();
  await daemon.end("SIGKILL");
  return messages * PACKED_ROWS;
}
