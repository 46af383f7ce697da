import type { JsonScanner } from "./json-scanner.ts";
import { ABSENT, ARRAY, NULL } from "./json-token.ts";
import { type SampleSchema, SHOWN_CHARACTERS_MAX } from "./rows.ts";

/** Fields of every row beside features and label; no feature has such a name. */
const RESERVED = ["id", "weight", "ts", "source", "epoch", "seq"] as const;

/** Notes the values of one JSON row by field, as the scanner tells them; a later value of a field replaces a former one. */
export class RowValues {
  /** Names by index: features from 0, the label, then the reserved fields. */
  readonly names: readonly string[];
  // Indices of the fields after the features.
  readonly label: number;
  readonly id: number;
  readonly weight: number;
  readonly time: number;
  readonly source: number;
  readonly epoch: number;
  readonly seq: number;

  /** (fields) kinds of the scanner. */
  readonly kinds: Uint8Array;
  /** (fields) only where the kind is BOOLEAN or NUMBER. */
  readonly numbers: Float64Array;
  /** (fields) where the value begins and ends in the payload. */
  readonly froms: Uint32Array;
  readonly tos: Uint32Array;
  /** (fields) elements, where the kind is ARRAY. */
  readonly counts: Uint32Array;
  /** Whether a reserved field came. */
  extras = false;
  /** Whether an array came. */
  arrays = false;
  readonly #scanner: JsonScanner;

  constructor(schema: SampleSchema, scanner: JsonScanner) {
    this.#scanner = scanner;
    const width = schema.features.length;
    this.names = [...schema.features, schema.label, ...RESERVED];
    this.label = width;
    this.id = width + 1;
    this.weight = width + 2;
    this.time = width + 3;
    this.source = width + 4;
    this.epoch = width + 5;
    this.seq = width + 6;
    const count = this.names.length;
    this.kinds = new Uint8Array(count);
    this.numbers = new Float64Array(count);
    this.froms = new Uint32Array(count);
    this.tos = new Uint32Array(count);
    this.counts = new Uint32Array(count);
  }

  /** Forgets the former row. */
  clear(): void {
    // A loop is faster than `fill` for as few as there are.
    for (let f = 0; f < this.kinds.length; f++) this.kinds[f] = ABSENT;
    this.extras = false;
    this.arrays = false;
  }

  /** Notes the scanner's last value as that of field `f`. */
  note(f: number): void {
    const { kind, number, from, to, count } = this.#scanner;
    this.kinds[f] = kind;
    this.numbers[f] = number;
    this.froms[f] = from;
    this.tos[f] = to;
    if (kind === ARRAY) {
      this.counts[f] = count;
      this.arrays = true;
    }
    if (f > this.label) this.extras = true;
  }

  /** Tells whether a field has a value; null is none. */
  has(f: number): boolean {
    return this.kinds[f]! > NULL;
  }

  /** Decodes a field that is a string. */
  textOf(f: number): string {
    return this.#scanner.textOf(this.froms[f]!, this.tos[f]!);
  }

  /** Compares a field that is a string with an ASCII text, without making a string. */
  isText(f: number, text: string): boolean {
    const { bytes } = this.#scanner;
    const from = this.froms[f]! + 1;
    if (text.length !== this.tos[f]! - 1 - from) return false;
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
    return true;
  }

  /** Shows a field's value as it came, cut to what a refusal may show. */
  show(f: number): string {
    if (this.kinds[f] === ABSENT) return "nothing";
    // A number that was put in its row beforehand stands nowhere.
    if (this.froms[f] === this.tos[f]) return String(this.numbers[f]);
    return this.#scanner.show(this.froms[f]!, this.tos[f]!, SHOWN_CHARACTERS_MAX);
  }
}
