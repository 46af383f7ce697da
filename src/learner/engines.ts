import type { Engine, EngineKind, EngineOptions } from "./engine.ts";
import { EnsembleEngine } from "./ensemble/ensemble-engine.ts";
import { ReferenceKernels } from "./kalman/kernels.ts";
import { ReferenceEngine } from "./reference-engine.ts";
import { WasmEngine, wasmAbsence } from "./wasm/wasm-engine.ts";
import { WasmKernels } from "./wasm/wasm-kernels.ts";

/** Names an engine, or leaves it to what is there. */
export type EngineChoice = EngineKind | "auto";

/** Makes an engine: left to choose, the compiled one wherever WebAssembly can run it. Throws `memory-exceeded`. */
export function createEngine(options: EngineOptions, choice: EngineChoice = "auto"): Engine {
  const kind = choice === "auto" ? defaultEngine().kind : choice;
  if (options.members !== undefined) {
    const { precision = "f64" } = options;
    return new EnsembleEngine(options, kind === "wasm" ? new WasmKernels(precision) : new ReferenceKernels(precision));
  }
  return kind === "wasm" ? new WasmEngine(options) : new ReferenceEngine(options);
}

/** Tells which engine is made where the choice is left, and for what reason if that is the slow one. */
export function defaultEngine(): { readonly kind: EngineKind; readonly reason: string | null } {
  const reason = wasmAbsence();
  return { kind: reason === null ? "wasm" : "reference", reason };
}
