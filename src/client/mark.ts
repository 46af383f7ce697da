import type { Stretch } from "../sample/epoch.ts";

/** Is what the daemon tells of a producer's numbers, on `<prefix>/<model>/committed/<source>`. */
export interface CommittedMark {
  readonly epoch: string;
  /** Every number from the first one that came up to this one is settled. */
  readonly seq: number;
  /** Numbers up to that one that were given up as missing. */
  readonly gaps: number;
  /** Numbers further up that are settled too. */
  readonly above: readonly Stretch[];
  /** When the store was restored from a backup (RFC 3339); null where it was not, or nobody says so. */
  readonly restored: string | null;
}

/** Reads a mark; null where nothing stands there, or nothing that can be read: it tells nothing. */
export function parseMark(text: string): CommittedMark | null {
  const { epoch, seq, gaps, above, restored } = parseObject(text);
  if (typeof epoch !== "string" || !isNumber(seq)) return null;
  const stretches = Array.isArray(above) ? above.filter(isStretch) : [];
  return {
    epoch,
    seq,
    gaps: isNumber(gaps) ? gaps : 0,
    above: stretches,
    restored: typeof restored === "string" ? restored : null,
  };
}

/** Reads a JSON object; an empty one where it is none. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isStretch(value: unknown): value is Stretch {
  return Array.isArray(value) && value.length === 2 && value.every(isNumber);
}
