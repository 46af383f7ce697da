// The engines beside their peers: training and prediction by topology, batch and precision; what optimizers cost; how soon a
// module is ready. One thread each, rounds interleaved, medians, ratios to the compiled engine of the same rounds.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Peer, startC, startEngine, startPython, startTensorFlow } from "./peer.ts";
import { median } from "./report.ts";

const ROUNDS = 7;
const ROUND_SECONDS = 0.15;
const READY_RUNS = 5;

/** Network, batch, precision. */
const CASES = [
  ["2-2-1", 1, "f64"],
  ["2-2-1", 32, "f64"],
  ["2-2-1", 32, "f32"],
  ["2-8-1", 32, "f64"],
  ["2-32-1", 4, "f64"],
  ["8-16-1", 32, "f64"],
  ["16-64-64-1", 32, "f64"],
  ["16-64-64-1", 32, "f32"],
  ["64-256-256-1", 32, "f64"],
  ["64-256-256-1", 32, "f32"],
] as const;

/** Peers that are the same process for all cases, and how each is installed. */
const COMMON = [
  ["NumPy", () => startPython("numpy-peer.py"), "apt-get install python3-numpy, or by pip"],
  ["PyTorch", () => startPython("torch-peer.py"), "apt-get install python3-torch, or by pip"],
  ["scikit-learn", () => startPython("sklearn-peer.py"), "apt-get install python3-sklearn, or by pip"],
  ["TensorFlow.js, wasm", () => startTensorFlow("wasm"), "see test/bench/peers/tfjs-peer.mjs"],
  ["TensorFlow.js, cpu", () => startTensorFlow("cpu"), "see test/bench/peers/tfjs-peer.mjs"],
] as const;

/** Measures the engines and prints tables. */
export async function benchEngine(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-bench-"));
  const common: Peer[] = [];
  try {
    for (const [name, start, install] of COMMON) {
      const peer = await start();
      if (peer === null) console.log(`absent: ${name} (${install})`);
      else common.push(peer);
    }
    for (const [network, batch, precision] of CASES) await benchCase(folder, common, network, batch, precision);
    await benchOptimizers();
    await benchReady();
  } finally {
    for (const peer of common) peer.end();
    rmSync(folder, { recursive: true });
  }
}

async function benchCase(
  folder: string,
  common: readonly Peer[],
  network: string,
  batch: number,
  precision: string,
): Promise<void> {
  const c = [
    await startC(join(folder, "plain"), network, batch, precision, []),
    await startC(join(folder, "native"), network, batch, precision, ["-march=native"]),
  ].filter((peer) => peer !== null);
  if (c.length === 0) console.log("absent: C (apt-get install gcc)");
  const own = [await startEngine("wasm"), await startEngine("reference"), ...c];
  const peers = [...own, ...common];
  const what = `${network} ${batch} ${precision}`;
  const train = await rates(peers, `train ${what}`);
  const predict = await rates(peers, `predict ${what}`);
  const allocated = (await own[0]?.ask(`allocated ${what} ${ROUND_SECONDS}`)) ?? Number.NaN;
  for (const peer of own) peer.end();
  console.log(`\n${network}, batch ${batch}, ${precision}: ${allocated.toFixed(3)} bytes allocated a step`);
  console.log(
    `${"".padEnd(44)}${"training/s".padStart(14)}${"ratio".padStart(9)}${"predictions/s".padStart(16)}${"ratio".padStart(9)}`,
  );
  for (const [p, { name }] of peers.entries()) {
    const cell = (values: readonly number[], width: number) =>
      `${Math.round(values[p] ?? 0)
        .toLocaleString("en-US")
        .padStart(width)}${((values[0] ?? 0) / (values[p] ?? 0)).toFixed(2).padStart(9)}`;
    console.log(`${name.padEnd(44)}${cell(train, 14)}${cell(predict, 16)}`);
  }
}

/** Returns the median rate of each peer; the first round warms up and does not count. */
async function rates(peers: readonly Peer[], what: string): Promise<readonly number[]> {
  const measured = peers.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    process.stderr.write(`\r${what}: round ${round} of ${ROUNDS} `);
    for (const [p, peer] of peers.entries()) {
      const rate = await peer.ask(`${what} ${ROUND_SECONDS}`);
      if (round > 0) measured[p]?.push(rate);
    }
  }
  process.stderr.write("\r\x1b[K");
  return measured.map(median);
}

async function benchOptimizers(): Promise<void> {
  console.log(
    `\nWhat a step costs, beside plain gradient descent${["sgd", "adagrad", "rmsprop", "adam"].map((name) => name.padStart(10)).join("")}`,
  );
  for (const [network, batch, precision] of CASES) {
    const optimizers = ["sgd", "adagrad", "rmsprop", "adam"];
    const engine = await startEngine("wasm");
    const measured = optimizers.map((): number[] => []);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [o, optimizer] of optimizers.entries()) {
        const rate = await engine.ask(`train ${network} ${batch} ${precision} ${ROUND_SECONDS} ${optimizer}`);
        if (round > 0) measured[o]?.push(rate);
      }
    }
    engine.end();
    const [sgd = Number.NaN, ...others] = measured.map(median);
    const ratios = [1, ...others.map((rate) => sgd / rate)].map((ratio) => ratio.toFixed(2).padStart(10));
    console.log(`${`${network}, batch ${batch}, ${precision}`.padEnd(48)}${ratios.join("")}`);
  }
}

async function benchReady(): Promise<void> {
  console.log("\nFrom nothing to the first step, in a process that has made no module before");
  for (const [network, batch, precision] of CASES) {
    const runs: number[] = [];
    for (let run = 0; run < READY_RUNS; run++) {
      const engine = await startEngine("wasm");
      runs.push(await engine.ask(`ready ${network} ${batch} ${precision}`));
      engine.end();
    }
    console.log(`${`${network}, batch ${batch}, ${precision}`.padEnd(48)}${median(runs).toFixed(1).padStart(10)} ms`);
  }
}
