// How long a start takes after a kill, beyond what one takes that finds nothing to recover: the newest checkpoint is loaded, and the
// journal after it replayed. Just before the next checkpoint is due that is most. Each start is on a copy of the same folder,
// and the shortest ones are compared: whatever else the machine does only adds.

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
const SHARE = 0.98;

interface Case {
  readonly name: string;
  readonly hidden: readonly number[];
  readonly set: readonly string[];
  readonly msMax: number;
}

const CASES: readonly Case[] = [
  { name: "bench.yaml", hidden: [2], set: [], msMax: 100 },
  { name: "bench.yaml, 2-512-512-1", hidden: [512, 512], set: [], msMax: 1000 },
  {
    name: "2-512-512-1, Adagrad, batch 4",
    hidden: [512, 512],
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

async function benchCase(place: Workplace, folder: string, { name, hidden, set, msMax }: Case): Promise<void> {
  const network = `models.default.network.hidden=${JSON.stringify(hidden)}`;
  const start = (data: string) => startDaemon({ data, set: [network, ...set], config: BENCH_YAML });
  const rows = await fill(place, folder, hidden, start);
  const empty = `${folder}-empty`;
  await (await start(empty)).end();
  const waits: { killed: number[]; clean: number[] } = { killed: [], clean: [] };
  for (let s = 0; s < STARTS; s++) {
    const data = `${folder}-${s}`;
    cpSync(folder, data, { recursive: true });
    const killed = await start(data);
    waits.killed.push(killed.readyMs);
    await killed.end();
    const clean = await start(empty);
    waits.clean.push(clean.readyMs);
    await clean.end();
  }
  const recovery = Math.min(...waits.killed) - Math.min(...waits.clean);
  const note = `a start takes ${shown(Math.min(...waits.clean))} ms where there is nothing to recover${goal(recovery, "≤", msMax)}`;
  report(`recovery, ${name}, ${rows.toLocaleString("en-US")} rows`, recovery, "ms", note);
}

/** Trains almost until a checkpoint is due, and kills. */
async function fill(
  place: Workplace,
  data: string,
  hidden: readonly number[],
  start: (data: string) => ReturnType<typeof startDaemon>,
): Promise<number> {
  const { multiplyAdds } = layoutOf({
    units: [2, ...hidden, 1],
    activations: [...hidden.map(() => "relu" as const), "sigmoid"],
    loss: "cross-entropy",
  });
  const due = Math.min(CHECKPOINT_ROWS, CHECKPOINT_MULTIPLY_ADDS / multiplyAdds);
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
