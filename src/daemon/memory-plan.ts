import { engineOptionsOf } from "../learner/learner-config.ts";
import { memoryMapOf } from "../learner/wasm/memory-map.ts";
import { learnerConfigOf } from "./config-learner.ts";

/** Columns of a ring besides the features: label, weight, time, id. */
const RING_COLUMNS = 4;

/** Tells how many bytes the models take. */
export interface MemoryPlan {
  readonly models: Readonly<Record<string, { readonly engineBytes: number; readonly ringBytes: number }>>;
  /** Room for another engine as large as the largest: one that takes the place of a model's, or that verifies. */
  readonly spareBytes: number;
  /** What all engines take, the spare one included: they share one WebAssembly memory. */
  readonly enginesBytes: number;
  readonly totalBytes: number;
}

/** Plans the buffers of all models: their engines and their rings. */
export function memoryPlan(
  models: Readonly<Record<string, Parameters<typeof learnerConfigOf>[0]>>,
  ringRows: number,
): MemoryPlan {
  const planned = Object.entries(models).map(([name, model]) => {
    const { bytes: engine } = memoryMapOf(engineOptionsOf(learnerConfigOf(model)));
    const ring = ringRows * (model.features.length + RING_COLUMNS) * Float64Array.BYTES_PER_ELEMENT;
    return [name, { engineBytes: engine, ringBytes: ring }] as const;
  });
  const engines = planned.map(([, { engineBytes }]) => engineBytes);
  const spareBytes = Math.max(0, ...engines);
  const enginesBytes = engines.reduce((sum, bytes) => sum + bytes, spareBytes);
  const totalBytes = planned.reduce((sum, [, { ringBytes }]) => sum + ringBytes, enginesBytes);
  return { models: Object.fromEntries(planned), spareBytes, enginesBytes, totalBytes };
}
