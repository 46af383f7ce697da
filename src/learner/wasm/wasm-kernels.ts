import { BEHIND, type Curve, type Kernels, type Place, type SinglePlace } from "../kalman/kernels.ts";
import { bytesPerNumber, type Precision } from "../precision.ts";
import { PAGES_MAX, sharedHeap } from "./heap.ts";
import { emitKernels } from "./kalman.ts";
import { webAssembly } from "./web-assembly.ts";

/** Bytes that a vector load may read, or write, behind the last number of a place. */
const OVERREAD_BYTES = 64;

interface Functions {
  readonly tanh: (constants: number, from: number, end: number) => void;
  readonly sigmoid: (constants: number, from: number, end: number) => void;
  readonly cos: (constants: number, from: number, end: number) => void;
  readonly affine: (
    constants: number,
    out: number,
    input: number,
    weights: number,
    biases: number,
    inputs: number,
    units: number,
  ) => void;
  readonly product: (constants: number, v: number, covariance: number, g: number, filled: number) => void;
  readonly distances: (
    constants: number,
    out: number,
    rows: number,
    point: number,
    weights: number,
    inputs: number,
    count: number,
  ) => void;
  readonly rankOne: (constants: number, to: number, covariance: number, v: number, filled: number) => void;
}

interface Instantiated {
  readonly functions: Functions;
  /** Where the module's constants stand. */
  readonly constants: number;
}

const instances = new Map<Precision, Instantiated>();

/** Computes with the module that is compiled for the precision, once in a process. */
export class WasmKernels implements Kernels {
  readonly kind = "wasm";
  readonly precision: Precision;
  readonly #width: number;
  readonly #functions: Functions;
  readonly #constants: number;
  readonly #taken: { readonly at: number; readonly bytes: number }[] = [];

  constructor(precision: Precision) {
    this.precision = precision;
    this.#width = bytesPerNumber(precision);
    const { functions, constants } = instantiated(precision);
    this.#functions = functions;
    this.#constants = constants;
  }

  /** Throws `memory-exceeded` where the memory cannot grow. */
  vector(length: number): Place {
    if (this.precision === "f32") return this.singles(length);
    const { buffer, at } = this.#take((length + BEHIND) * Float64Array.BYTES_PER_ELEMENT);
    return { values: new Float64Array(buffer, at, length + BEHIND), at };
  }

  /** Throws `memory-exceeded` where the memory cannot grow. */
  singles(length: number): SinglePlace {
    const { buffer, at } = this.#take((length + BEHIND) * Float32Array.BYTES_PER_ELEMENT);
    return { values: new Float32Array(buffer, at, length + BEHIND), at };
  }

  #take(length: number): { readonly buffer: SharedArrayBuffer | ArrayBuffer; readonly at: number } {
    const heap = sharedHeap();
    const bytes = length + OVERREAD_BYTES;
    const at = heap.allocate(bytes);
    this.#taken.push({ at, bytes });
    return { buffer: heap.memory.buffer, at };
  }

  affine(out: Place, input: Place, weights: Place, biases: Place, inputs: number, units: number): void {
    this.#functions.affine(this.#constants, out.at, input.at, weights.at, biases.at, inputs, units);
  }

  curve(a: Place, curve: Curve, count: number): void {
    const end = a.at + count * this.#width;
    if (curve === "tanh") this.#functions.tanh(this.#constants, a.at, end);
    else if (curve === "cos") this.#functions.cos(this.#constants, a.at, end);
    else this.#functions.sigmoid(this.#constants, a.at, end);
  }

  product(v: SinglePlace, covariance: SinglePlace, g: SinglePlace, filled: number): void {
    this.#functions.product(this.#constants, v.at, covariance.at, g.at, filled);
  }

  rankOne(to: SinglePlace, covariance: SinglePlace, v: SinglePlace, filled: number): void {
    this.#functions.rankOne(this.#constants, to.at, covariance.at, v.at, filled);
  }

  distances(
    out: SinglePlace,
    rows: SinglePlace,
    point: SinglePlace,
    weights: SinglePlace,
    inputs: number,
    count: number,
  ): void {
    this.#functions.distances(this.#constants, out.at, rows.at, point.at, weights.at, inputs, count);
  }

  release(): void {
    for (const { at, bytes } of this.#taken.splice(0)) sharedHeap().release(at, bytes);
  }
}

function instantiated(precision: Precision): Instantiated {
  const known = instances.get(precision);
  if (known !== undefined) return known;
  const host = webAssembly();
  const { module, constants: bits } = emitKernels(precision, PAGES_MAX);
  const heap = sharedHeap();
  const constants = heap.allocate(bits.byteLength);
  new BigUint64Array(heap.memory.buffer, constants, bits.length).set(bits);
  const { memory } = heap;
  const { exports } = new host.Instance(new host.Module(module), { rivulet: { memory, base: 0 } });
  const made = { functions: exports as unknown as Functions, constants };
  instances.set(precision, made);
  return made;
}
