import { f64, load, op, type Value } from "./assembler.ts";
import { CONSTANTS_MAX } from "./memory-map.ts";

/**
 * Gathers the numbers that code asks for. They lie in the engine's memory, where one load puts a number in every lane; as
 * immediates they would be built anew, lane by lane, at each use.
 */
export class Constants {
  /** Slots of 8 bytes, as they belong into memory. */
  readonly bits = new BigUint64Array(CONSTANTS_MAX);
  readonly #base: Value;
  readonly #offset: number;
  readonly #view = new DataView(this.bits.buffer);
  #count = 0;

  /** `offset` is where the slots stand, from `base` on. */
  constructor(base: Value, offset: number) {
    this.#base = base;
    this.#offset = offset;
  }

  /** Puts an f64 in both lanes. */
  f64(x: number): Value {
    this.#view.setFloat64(8 * this.#count, x, true);
    return load("v128.load64_splat", this.#base, this.#slot());
  }

  /** Puts a number, rounded to f32, in all four lanes. */
  f32(x: number): Value {
    this.bits[this.#count] = 0n;
    this.#view.setFloat32(8 * this.#count, x, true);
    return load("v128.load32_splat", this.#base, this.#slot());
  }

  /** Puts two f64 side by side. */
  pair(first: number, second: number): Value {
    const vector = op("f64x2.splat", f64(first));
    return (code) => {
      vector(code);
      f64(second)(code);
      code.instruction("f64x2.replace_lane");
      code.bytes.push(1);
    };
  }

  /** Puts an integer in both lanes of i64. */
  i64(n: bigint): Value {
    this.#view.setBigUint64(8 * this.#count, n, true);
    return load("v128.load64_splat", this.#base, this.#slot());
  }

  /** Takes the slot that was just filled, or finds an older one of the same bits. */
  #slot(): number {
    const bits = this.bits[this.#count];
    let slot = this.bits.indexOf(bits ?? 0n);
    if (slot >= this.#count) {
      slot = this.#count++;
      if (this.#count >= CONSTANTS_MAX) throw new Error("more constants than there is room for");
    }
    return this.#offset + 8 * slot;
  }
}
