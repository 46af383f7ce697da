import { load, type Value } from "./assembler.ts";
import { CONSTANTS_MAX, VECTOR_BYTES } from "./memory-map.ts";

/**
 * Gathers the numbers that code asks for. They lie in the engine's memory, each in every lane of a vector: one load brings
 * one. As immediates they would be built anew, lane by lane, at each use.
 */
export class Constants {
  /** Two words for each vector, as they belong into memory. */
  readonly bits = new BigUint64Array(2 * CONSTANTS_MAX);
  readonly #base: Value;
  readonly #offset: number;
  readonly #view = new DataView(this.bits.buffer);
  readonly #words = new Uint32Array(this.bits.buffer);
  readonly #slots = new Map<string, number>();
  #count = 0;

  /** `offset` is where they stand, from `base` on. */
  constructor(base: Value, offset: number) {
    this.#base = base;
    this.#offset = offset;
  }

  /** Puts two f64 side by side; one of them into both lanes. */
  f64(first: number, second = first): Value {
    return this.#vector((at) => {
      this.#view.setFloat64(at, first, true);
      this.#view.setFloat64(at + 8, second, true);
    });
  }

  /** Puts a number, rounded to f32, in all four lanes. */
  f32(x: number): Value {
    return this.#vector((at) => {
      for (let i = 0; i < 4; i++) this.#view.setFloat32(at + 4 * i, x, true);
    });
  }

  /** Puts two i64 side by side; one of them into both lanes. */
  i64(first: bigint, second = first): Value {
    return this.#vector((at) => {
      this.#view.setBigInt64(at, first, true);
      this.#view.setBigInt64(at + 8, second, true);
    });
  }

  /** Writes a vector behind the others, and takes it unless there is one of the same bits. */
  #vector(write: (at: number) => void): Value {
    if (this.#count === CONSTANTS_MAX) throw new Error("more constants than there is room for");
    write(VECTOR_BYTES * this.#count);
    const key = this.#words.subarray(4 * this.#count, 4 * this.#count + 4).join();
    const slot = this.#slots.get(key) ?? this.#count++;
    this.#slots.set(key, slot);
    return load("v128.load", this.#base, this.#offset + VECTOR_BYTES * slot);
  }
}
