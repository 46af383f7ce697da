import type { EngineOptions } from "../learner/engine.ts";
import { neighboursBytesOf } from "../learner/ensemble/neighbours.ts";
import { replayLength } from "../learner/experience-replay.ts";
import { filterBytesOf } from "../learner/kalman/filter-layout.ts";
import { engineOptionsOf, type LearnerConfig } from "../learner/learner-config.ts";
import { memoryMapOf } from "../learner/wasm/memory-map.ts";
import { bytesOfRow } from "../stream/ring.ts";
import { slotsAtFirst } from "../stream/ring-budget.ts";
import { learnerConfigOf } from "./config-learner.ts";
import type { Config } from "./config-shape.ts";

/** Tells how many bytes the models take. */
export interface MemoryPlan {
  /** The engine with the rows that its learner holds for replay, and the ring, which takes `ringBytes` at most: what a burst needs. */
  readonly models: Readonly<Record<string, { readonly engineBytes: number; readonly ringBytes: number }>>;
  /** Room for another engine as large as the largest: one that takes the place of a model's, or that verifies. */
  readonly spareBytes: number;
  /** What all engines take, the spare one included: they share one WebAssembly memory. */
  readonly enginesBytes: number;
  /** What all rings take together at most. */
  readonly ringsBytes: number;
  readonly totalBytes: number;
}

/** Plans an engine: of an ensemble what its filters take of the memory that all engines share, and the rows that it keeps. */
function engineBytesOf(options: EngineOptions): number {
  const { members, topology, precision = "f64", neighbours = 0 } = options;
  if (members === undefined) return memoryMapOf(options).bytes;
  const [inputs = 0, outputs = 0] = [topology.units[0], topology.units.at(-1)];
  const kept = neighbours === 0 ? 0 : neighboursBytesOf(neighbours, inputs);
  return members.reduce((sum, member) => sum + filterBytesOf(member, inputs, outputs, precision), kept);
}

function replayBytesOf({ replay, features }: LearnerConfig): number {
  return replay === undefined ? 0 : replayLength(replay, features.length) * Float64Array.BYTES_PER_ELEMENT;
}

/** Plans the buffers of all models: their engines and their rings. */
export function memoryPlan(
  models: Readonly<Record<string, Parameters<typeof learnerConfigOf>[0]>>,
  { ringRows, ringBytesMax }: Pick<Config["intake"], "ringRows" | "ringBytesMax">,
): MemoryPlan {
  const planned = Object.entries(models).map(([name, model]) => {
    const learner = learnerConfigOf(model);
    const engine = engineBytesOf(engineOptionsOf(learner)) + replayBytesOf(learner);
    const ring = ringRows * bytesOfRow(model.features.length);
    return [name, { engineBytes: engine, ringBytes: ring }] as const;
  });
  const engines = planned.map(([, { engineBytes }]) => engineBytes);
  const spareBytes = Math.max(0, ...engines);
  const enginesBytes = engines.reduce((sum, bytes) => sum + bytes, spareBytes);
  const full = planned.reduce((sum, [, { ringBytes }]) => sum + ringBytes, 0);
  const atFirst = Object.values(models).reduce((sum, { features }) => {
    const rowBytes = bytesOfRow(features.length);
    return sum + rowBytes * Math.min(ringRows, slotsAtFirst(ringBytesMax, planned.length, rowBytes));
  }, 0);
  const ringsBytes = Math.min(full, Math.max(ringBytesMax, atFirst));
  const totalBytes = enginesBytes + ringsBytes;
  return { models: Object.fromEntries(planned), spareBytes, enginesBytes, ringsBytes, totalBytes };
}
