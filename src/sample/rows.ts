import type { Categories } from "./category.ts";

/** Says what a model's samples look like. */
export interface SampleSchema {
  readonly features: readonly string[];
  readonly label: string;
  /** Names of the classes, or null where labels are numbers. */
  readonly classes: readonly string[] | null;
  /** Labels are 0 or 1, the index of one of `classes`, or any finite number. */
  readonly labelKind: "binary" | "index" | "number";
  /** What features that are no numbers may be, in the order of the features, null for a number; left out: all are numbers. */
  readonly categories?: readonly (Categories | null)[];
  /** Whether some of a row's features may be missing; left out: none may. */
  readonly mayMiss?: boolean;
}

/** Bounds what one message may be. */
export interface SampleLimits {
  readonly payloadBytesMax: number;
  readonly rowsMax: number;
}

/** Largest |x| of a feature: beyond it a value is taken for a fault of the sensor. */
export const FEATURE_ABS_MAX = 1e12;

/** Longest id, in UTF-8. */
export const ID_BYTES_MAX = 64;

/** Most of what came that the detail of a refusal shows. */
export const SHOWN_CHARACTERS_MAX = 80;

/** Tells machines why a message is refused. */
export type RefusalCode =
  | "not-json"
  | "wrong-length"
  | "feature-missing"
  | "feature-invalid"
  | "category-unknown"
  | "label-missing"
  | "label-invalid"
  | "weight-invalid"
  | "ts-invalid"
  | "id-invalid"
  | "number-invalid"
  | "not-finite"
  | "out-of-range"
  | "too-large"
  | "too-deep"
  | "columns-uneven";

/** Tells the producer's numbers of consecutive rows of a message. */
export interface NumberRun {
  readonly offset: number;
  readonly rows: number;
  readonly source: string;
  readonly epoch: string;
  readonly seq: number;
}

/** What a row is: a labelled sample, a question (an id and no label), or an answer (an id, its label, and no features). */
export const SAMPLE = 0;
export const QUESTION = 1;
export const ANSWER = 2;

/** Is a message's rows, by column; on loan until the next message is decoded. */
export interface Rows {
  rows: number;
  /** (rows, I) row-major; NaN where a feature is missing, as all are in answers. */
  readonly features: Float64Array;
  readonly labels: Float64Array;
  /** Factors of the losses; only where `hasWeights`, else all are 1. */
  readonly weights: Float64Array;
  /** Event times in ms, NaN where none came; only where `hasTimes`. */
  readonly times: Float64Array;
  /** Only where `hasIds`. */
  readonly ids: (string | null)[];
  /** SAMPLE, QUESTION or ANSWER; only where `hasLate`, else all are samples. A question's label and an answer's features are NaN. */
  readonly kinds: Uint8Array;
  hasWeights: boolean;
  hasTimes: boolean;
  hasIds: boolean;
  hasLate: boolean;
  numbering: readonly NumberRun[];
  /** Fields that the schema does not know, counted as often as they came. */
  ignoredFields: number;
}

/** Says why a message is refused: `detail` tells which row and field, what came and what is allowed. */
export interface Refused {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly detail: string;
  /** What is known of the rows' numbers: they are settled by the refusal. */
  readonly numbering: readonly NumberRun[];
}

/** Tells the label that is the first one too large: 2, the count of the classes, or 0 where any number is a label. */
export function classCountOf({ labelKind, classes }: Pick<SampleSchema, "labelKind" | "classes">): number {
  return labelKind === "number" ? 0 : labelKind === "binary" ? 2 : (classes?.length ?? 0);
}

/** Says which numbers are labels. */
export function labelsAllowed(classCount: number): string {
  return classCount === 0
    ? "a finite number"
    : classCount === 2
      ? "0 or 1"
      : `a whole number from 0 to ${classCount - 1}`;
}

/** Is what became of a message; it is taken or refused whole. */
export type Decoded = { readonly kind: "rows"; readonly rows: Rows } | Refused;

/** Allocates room for the largest message. */
export function createRows(features: number, rowsMax: number): Rows {
  return {
    rows: 0,
    features: new Float64Array(rowsMax * features),
    labels: new Float64Array(rowsMax),
    weights: new Float64Array(rowsMax),
    times: new Float64Array(rowsMax),
    ids: new Array<string | null>(rowsMax).fill(null),
    kinds: new Uint8Array(rowsMax),
    hasWeights: false,
    hasTimes: false,
    hasIds: false,
    hasLate: false,
    numbering: [],
    ignoredFields: 0,
  };
}
