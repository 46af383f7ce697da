import { BEHIND, type Curve, type Kernels, type Place } from "../kalman/kernels.ts";
import { bytesPerNumber, type Precision, type Vector } from "../precision.ts";
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
  readonly rankOne: (constants: number, to: number, covariance: number, u: number, filled: number) => void;
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
    const heap = sharedHeap();
    const bytes = (length + BEHIND) * this.#width + OVERREAD_BYTES;
    const at = heap.allocate(bytes);
    this.#taken.push({ at, bytes });
    const { buffer } = heap.memory;
    const values: Vector =
      this.precision === "f32"
        ? new Float32Array(buffer, at, length + BEHIND)
        : new Float64Array(buffer, at, length + BEHIND);
    return { values, at };
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

  product(v: Place, covariance: Place, g: Place, filled: number): void {
    this.#functions.product(this.#constants, v.at, covariance.at, g.at, filled);
  }

  rankOne(to: Place, covariance: Place, u: Place, filled: number): void {
    this.#functions.rankOne(this.#constants, to.at, covariance.at, u.at, filled);
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
