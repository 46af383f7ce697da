/** Says that a key is not in a table. */
export const UNKNOWN = -1;

/** Finds the index of a field by the bytes of its key, without making a string. */
export class FieldTable {
  readonly #indices: ReadonlyMap<string, number>;
  readonly #keys: readonly Uint8Array[];
  /** Index of the key of that hash, or UNKNOWN; the next slot is tried where another key sits. At least half is free. */
  readonly #slots: Int32Array;

  /** (fields) the key as JSON has it, in quotes and with the colon. */
  readonly quoted: readonly Uint8Array[];

  /** Takes the names of the fields, in the order of their indices; of equal names the first one counts. */
  constructor(names: readonly string[]) {
    const encoder = new TextEncoder();
    this.#indices = new Map(names.map((name, index): [string, number] => [name, index]).reverse());
    this.#keys = names.map((name) => encoder.encode(name));
    this.quoted = names.map((name) => encoder.encode(`${JSON.stringify(name)}:`));
    let size = 8;
    while (size < 2 * names.length) size *= 2;
    this.#slots = new Int32Array(size).fill(UNKNOWN);
    for (const index of this.#indices.values()) {
      const key = this.#keys[index]!;
      let slot = hashOf(key) & (size - 1);
      while (this.#slots[slot] !== UNKNOWN) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = index;
    }
  }

  /** Finds the field whose name is `bytes[from, to)`; `hash` is `hashOf` them. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]!;
      if (index === UNKNOWN || isEqual(this.#keys[index]!, bytes, from, to)) return index;
    }
  }

  /** Finds a field by its name. */
  findText(name: string): number {
    return this.#indices.get(name) ?? UNKNOWN;
  }
}

/** Hashes bytes as the scanner does while it reads a string. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}

function isEqual(key: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (key.length !== to - from) return false;
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[from + i]) return false;
  return true;
}
