import { momentsOf, resolveOptimizer } from "./optimizer.ts";
import type { EngineOptions } from "./reference-engine.ts";
import { layoutOf } from "./topology.ts";

const SCALER_COUNTS = 3;
const SCALER_VECTORS = 3;
const ADAM_POWERS = 2;

/** Tells how many bytes the buffers of an engine take, before there is one. */
export function engineBytes({ topology, optimizer, scaled, batchMax }: EngineOptions): number {
  const { parameterCount } = layoutOf(topology);
  const resolved = resolveOptimizer(optimizer);
  const features = topology.units[0] ?? 0;
  const outputs = topology.units.at(-1) ?? 0;
  const layerUnits = topology.units.slice(1).reduce((sum, units) => sum + units, 0);
  const scaler = scaled ? SCALER_COUNTS + SCALER_VECTORS * features : 0;
  // What a step changes is kept twice: as it is, and as it was.
  const powers = resolved.kind === "adam" ? ADAM_POWERS : 0;
  const state = parameterCount * (1 + momentsOf(resolved).length) + powers + scaler;
  const rows = features + (scaled ? features : 0) + 2 * layerUnits + outputs + 2;
  return Float64Array.BYTES_PER_ELEMENT * (2 * state + parameterCount + batchMax * rows + 1);
}
