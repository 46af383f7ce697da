import { type Categories, categoriesAllowed, isCategory, numberOfCategory } from "./category.ts";
import { BOOLEAN, NULL, NUMBER, STRING } from "./json-token.ts";
import type { NumberRuns } from "./number-runs.ts";
import type { RowValues } from "./row-values.ts";
import {
  ANSWER,
  classCountOf,
  FEATURE_ABS_MAX,
  ID_BYTES_MAX,
  labelsAllowed,
  QUESTION,
  type RefusalCode,
  type Rows,
  SAMPLE,
  type SampleSchema,
} from "./rows.ts";

const UNKNOWN = -1;
const encoder = new TextEncoder();

/** Says why a message is refused. */
export interface Fault {
  readonly code: RefusalCode;
  readonly detail: string;
}

/** Checks the values of one row after another and writes them to the columns. */
export class RowWriter {
  /** The first fault of the message; after it only numbers are noted. */
  fault: Fault | null = null;
  readonly #schema: SampleSchema;
  readonly #classCount: number;
  readonly #categories: readonly (Categories | null)[] | null;
  readonly #mayMiss: boolean;
  readonly #rowsMax: number;
  readonly #values: RowValues;
  readonly #runs: NumberRuns;
  readonly #out: Rows;

  constructor(schema: SampleSchema, rowsMax: number, values: RowValues, runs: NumberRuns, out: Rows) {
    this.#schema = schema;
    this.#classCount = classCountOf(schema);
    this.#categories = schema.categories?.some((one) => one !== null) === true ? schema.categories : null;
    this.#mayMiss = schema.mayMiss === true;
    this.#rowsMax = rowsMax;
    this.#values = values;
    this.#runs = runs;
    this.#out = out;
  }

  /** Begins with a message. */
  begin(): void {
    this.fault = null;
    this.#out.hasWeights = false;
    this.#out.hasTimes = false;
    this.#out.hasIds = false;
    this.#out.hasLate = false;
  }

  /** Writes the values as row `r`. */
  write(r: number): void {
    const { kinds, numbers, label: width, extras } = this.#values;
    if (extras && !this.#runs.add(r, this.#values)) this.#refuseNumber(r);
    if (this.fault !== null || r >= this.#rowsMax) return;
    const { features, labels } = this.#out;
    const kind = this.#writeExtras(r);
    if (kind === ANSWER) for (let i = 0; i < width; i++) features[r * width + i] = Number.NaN;
    else if (!this.#writeFeatures(r)) return;
    if (kind === QUESTION) {
      labels[r] = Number.NaN;
      return;
    }
    const label = numbers[width]!;
    const count = this.#classCount;
    const isLabel = count === 0 ? Number.isFinite(label) : label >= 0 && label < count && Math.floor(label) === label;
    labels[r] = kinds[width]! >= BOOLEAN && isLabel ? label : this.#className(r);
  }

  /** Notes a fault; the first one counts. */
  refuse(code: RefusalCode, detail: string): void {
    this.fault ??= { code, detail };
  }

  /** Returns false where one of them is refused. */
  #writeFeatures(r: number): boolean {
    const { kinds, numbers, label: width } = this.#values;
    const { features } = this.#out;
    const categories = this.#categories;
    let missing = 0;
    for (let i = 0; i < width; i++) {
      let value = numbers[i]!;
      const isNumber = kinds[i]! >= BOOLEAN && value <= FEATURE_ABS_MAX && value >= -FEATURE_ABS_MAX;
      if (!isNumber || categories !== null) {
        if (kinds[i]! <= NULL && this.#mayMiss) {
          missing++;
          value = Number.NaN;
        } else if (categories?.[i] != null && (kinds[i] === STRING || kinds[i]! >= BOOLEAN)) {
          value = this.#category(r, i, categories[i]!);
          if (this.fault !== null) return false;
        } else if (!isNumber) {
          this.#refuseFeature(r, i);
          return false;
        }
      }
      features[r * width + i] = value;
    }
    // A row that has nothing at all is a mistake, whatever may be missing.
    if (missing === width) this.refuse("feature-missing", `row ${r} has none of its features`);
    return missing < width;
  }

  /** Tells the number of a category; refuses what is none. */
  #category(r: number, i: number, categories: Categories): number {
    const values = this.#values;
    const isText = values.kinds[i] === STRING;
    const number = values.numbers[i]!;
    const value = isText
      ? numberOfCategory(values.textOf(i), categories)
      : isCategory(number, categories)
        ? number
        : null;
    // Adding 0 makes −0 a 0: an index.
    if (value !== null) return value + 0;
    const came = `row ${r}, ${values.names[i]}: ${values.show(i)}`;
    if (!isText && !Number.isFinite(number)) this.refuse("not-finite", `${came}; a finite number is allowed`);
    else this.refuse("category-unknown", `${came}; ${categoriesAllowed(categories)} is allowed`);
    return Number.NaN;
  }

  /** Writes what a row may have beside features and label, and returns its kind. */
  #writeExtras(r: number): number {
    const out = this.#out;
    const values = this.#values;
    if (!values.extras) {
      out.weights[r] = 1;
      out.times[r] = Number.NaN;
      out.ids[r] = null;
      out.kinds[r] = SAMPLE;
      return SAMPLE;
    }
    const id = this.#id(r);
    const kind = id === null ? SAMPLE : this.#lateKind();
    out.kinds[r] = kind;
    out.hasLate ||= kind !== SAMPLE;
    out.ids[r] = id;
    out.hasIds ||= id !== null;
    const weight = this.#weight(r);
    out.weights[r] = weight;
    out.hasWeights ||= weight !== 1;
    const time = this.#time(r);
    out.times[r] = time;
    out.hasTimes ||= !Number.isNaN(time);
    return kind;
  }

  #id(r: number): string | null {
    const values = this.#values;
    if (!values.has(values.id)) return null;
    const id = values.kinds[values.id] === STRING ? values.textOf(values.id) : "";
    // Half a surrogate pair would not survive the journal.
    if (id !== "" && id.isWellFormed() && encoder.encode(id).length <= ID_BYTES_MAX) return id;
    const allowed = `a text of 1 to ${ID_BYTES_MAX} bytes is allowed`;
    this.refuse("id-invalid", `row ${r}, id: ${values.show(values.id)}; ${allowed}`);
    return null;
  }

  /** Tells what a row with an id is: without a label it asks, without any feature it answers. */
  #lateKind(): number {
    const { kinds, label } = this.#values;
    if (kinds[label]! <= NULL) return QUESTION;
    for (let i = 0; i < label; i++) if (kinds[i]! > NULL) return SAMPLE;
    return ANSWER;
  }

  #weight(r: number): number {
    const values = this.#values;
    if (!values.has(values.weight)) return 1;
    const weight = values.numbers[values.weight]!;
    if (values.kinds[values.weight] !== NUMBER || !Number.isFinite(weight) || weight <= 0) {
      this.refuse(
        "weight-invalid",
        `row ${r}, weight: ${values.show(values.weight)}; a finite number above 0 is allowed`,
      );
    }
    return weight;
  }

  #time(r: number): number {
    const values = this.#values;
    if (!values.has(values.time)) return Number.NaN;
    const time = values.numbers[values.time]!;
    if (values.kinds[values.time] !== NUMBER || !Number.isFinite(time)) {
      this.refuse("ts-invalid", `row ${r}, ts: ${values.show(values.time)}; milliseconds since 1970 are allowed`);
    }
    return time;
  }

  /** Tells the index of the class that the label names; refuses every other label. */
  #className(r: number): number {
    const { label, classes } = this.#schema;
    const values = this.#values;
    const kind = values.kinds[values.label]!;
    const came = `row ${r}, ${label}: ${values.show(values.label)}`;
    if (kind <= NULL) this.refuse("label-missing", `row ${r} has no ${label}`);
    else if (kind === NUMBER && !Number.isFinite(values.numbers[values.label])) {
      this.refuse("not-finite", `${came}; a finite number is allowed`);
    } else {
      const index = kind === STRING && classes !== null ? classes.indexOf(values.textOf(values.label)) : UNKNOWN;
      if (index !== UNKNOWN) return index;
      const numbers = labelsAllowed(this.#classCount);
      const allowed = classes === null ? numbers : `${classes.join(" or ")}, or ${numbers}`;
      this.refuse("label-invalid", `${came}; ${allowed} is allowed`);
    }
    return Number.NaN;
  }

  #refuseFeature(r: number, i: number): void {
    const values = this.#values;
    const came = `row ${r}, ${values.names[i]}: ${values.show(i)}`;
    const kind = values.kinds[i]!;
    if (kind <= NULL) this.refuse("feature-missing", `row ${r} has no ${values.names[i]}`);
    else if (kind < BOOLEAN) this.refuse("feature-invalid", `${came} where a number belongs`);
    else if (!Number.isFinite(values.numbers[i])) this.refuse("not-finite", `${came}; a finite number is allowed`);
    else this.refuse("out-of-range", `${came}; at most ±${FEATURE_ABS_MAX} is allowed`);
  }

  #refuseNumber(r: number): void {
    const values = this.#values;
    const came = [values.source, values.epoch, values.seq]
      .map((f) => `${values.names[f]} ${values.show(f)}`)
      .join(", ");
    const allowed = "source and epoch of 1 to 64 letters, digits, dots, underscores and hyphens, and a whole seq ≥ 0";
    this.refuse("number-invalid", `row ${r}: ${came}; numbers need a ${allowed}`);
  }
}
