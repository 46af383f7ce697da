// The compiled engine: a module of its own for each kind of network, all in one memory. The vectors that it shows are views
// of that memory; they are valid until `release`.

import { assertRows, type Engine, type EngineOptions } from "../engine.ts";
import { resolveOptimizer } from "../optimizer.ts";
import type { Vector } from "../precision.ts";
import { Scaler, scalerLength } from "../scaler.ts";
import { assertComputable, type Layout, layoutOf } from "../topology.ts";
import { assemble, Code, i32, zero } from "./assembler.ts";
import { type Emitted, emit } from "./emit.ts";
import { PAGES_MAX, sharedHeap } from "./heap.ts";
import { memoryMapOf } from "./memory-map.ts";
import { findWebAssembly, type Module, webAssembly } from "./web-assembly.ts";

/** Kinds of networks whose modules are kept. */
const MODULES_MAX = 64;

interface Compiled extends Omit<Emitted, "module"> {
  readonly module: Module;
}

let absence: { readonly reason: string | null } | null = null;
const modules = new Map<string, Compiled>();

/** Trains and predicts with a module compiled for its topology. Allocates only in the constructor. */
export class WasmEngine implements Engine {
  readonly kind = "wasm";
  readonly ensemble = null;
  readonly layout: Layout;
  readonly scaler: Scaler | null;
  readonly parameters: Vector;
  readonly moments: readonly Vector[];
  readonly powers: Float64Array;
  readonly gradients: Vector;
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly sampleWeights: Float64Array;
  readonly outputs: Vector;
  readonly outputCount: number;

  readonly step: () => void;
  readonly forward: () => void;
  /** The learning rate and the cost (2). */
  readonly #numbers: Float64Array;
  /** The rows, and 1 where the last step was undone (2). */
  readonly #words: Int32Array;
  readonly #rowsMax: number;
  readonly #release: () => void;
  #isReleased = false;

  /** Throws `memory-exceeded` where the memory cannot grow. */
  constructor(options: EngineOptions) {
    const { topology, batchMax, precision = "f64" } = options;
    assertComputable(topology);
    const map = memoryMapOf(options);
    const heap = sharedHeap();
    const { memory } = heap;
    const base = heap.allocate(map.bytes);
    const { module, constants } = compiled(options);
    this.#rowsMax = batchMax;
    this.#release = () => heap.release(base, map.bytes);
    const { buffer } = memory;
    const doubles = (at: number, length: number) => new Float64Array(buffer, base + at, length);
    const numbers = (at: number, length: number): Vector =>
      precision === "f32" ? new Float32Array(buffer, base + at, length) : doubles(at, length);
    new BigUint64Array(buffer, base + map.constants, constants.length).set(constants);

    const features = topology.units[0] ?? 0;
    this.layout = layoutOf(topology);
    this.outputCount = topology.units.at(-1) ?? 0;
    const count = this.layout.parameterCount;
    this.parameters = numbers(map.parameters, count);
    this.gradients = numbers(map.gradients, count);
    this.moments = map.moments.map((at) => numbers(at, count));
    this.powers = doubles(map.powers, options.optimizer.kind === "adam" ? 2 : 0).fill(1);
    this.scaler = options.scaled ? new Scaler(features, doubles(map.scaler, scalerLength(features))) : null;
    this.inputs = doubles(map.inputs, batchMax * features);
    this.labels = doubles(map.labels, batchMax);
    this.sampleWeights = doubles(map.sampleWeights, batchMax).fill(1);
    this.outputs = numbers(map.activations.at(-1) ?? 0, batchMax * this.outputCount);
    this.#numbers = doubles(map.learningRate, 2);
    this.#words = new Int32Array(buffer, base + map.rows, 2);
    this.rows = 1;
    const { exports } = new (webAssembly().Instance)(module, { rivulet: { memory, base } });
    this.step = exports["step"] as () => void;
    this.forward = exports["forward"] as () => void;
  }

  get rows(): number {
    return this.#words[0]!;
  }

  set rows(rows: number) {
    assertRows(rows, this.#rowsMax);
    this.#words[0] = rows;
  }

  get learningRate(): number {
    return this.#numbers[0]!;
  }

  set learningRate(rate: number) {
    this.#numbers[0] = rate;
  }

  get cost(): number {
    return this.#numbers[1]!;
  }

  set cost(cost: number) {
    this.#numbers[1] = cost;
  }

  get undone(): boolean {
    return this.#words[1] !== 0;
  }

  set undone(undone: boolean) {
    this.#words[1] = undone ? 1 : 0;
  }

  release(): void {
    if (this.#isReleased) throw new Error("an engine is released once");
    this.#isReleased = true;
    this.#release();
  }
}

/** Says why no module can run here; null where one can. */
export function wasmAbsence(): string | null {
  absence ??= { reason: findAbsence() };
  return absence.reason;
}

function findAbsence(): string | null {
  const host = findWebAssembly();
  if (host === null) return "there is no WebAssembly here";
  if (typeof SharedArrayBuffer === "undefined") return "there is no shared memory here";
  const probe = new Code();
  probe.store("v128.store", i32(0), 0, zero);
  return host.validate(assemble(new Map([["probe", probe]]), PAGES_MAX))
    ? null
    : "WebAssembly has no vector instructions here";
}

/** Compiles a module, or finds one of the same kind of network. */
function compiled(options: EngineOptions): Compiled {
  const { topology, scaled, batchMax, precision = "f64" } = options;
  const key = JSON.stringify([topology, resolveOptimizer(options.optimizer), scaled, batchMax, precision]);
  const known = modules.get(key);
  if (known !== undefined) return known;
  const { module, ...emitted } = emit(options, PAGES_MAX);
  const made = { ...emitted, module: new (webAssembly().Module)(module) };
  const [oldest] = modules.keys();
  if (oldest !== undefined && modules.size >= MODULES_MAX) modules.delete(oldest);
  modules.set(key, made);
  return made;
}
