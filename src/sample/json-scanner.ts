// Reads JSON (RFC 8259) from bytes and builds nothing: a value is told by its kind, its number and where it stands. It
// takes exactly what JSON.parse takes, nested up to a limit, and gives the same numbers bit for bit. UTF-8 is not checked
// here: `wide` tells that there is something to check.

import { EXACT_DIGITS_MAX, PAIR_DIGITS_MAX, scaled, scaledPair } from "./decimal.ts";
import {
  ABSENT,
  ARRAY,
  BOOLEAN,
  BRACE,
  BRACE_END,
  BRACKET,
  BRACKET_END,
  COLON,
  COMMA,
  END,
  NULL,
  NUMBER,
  OBJECT,
  QUOTE,
  STRING,
} from "./json-token.ts";
import { Malformed } from "./malformed.ts";
import { SHOWN_CHARACTERS_MAX } from "./rows.ts";

/** Deepest nesting of a payload; a row needs three levels. */
export const DEPTH_MAX = 32;

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;

const LITERALS = ["true", "false", "null"] as const;
const ESCAPES = new Set([...'"\\/bfnrt'].map((character) => character.charCodeAt(0)));
const HEX = /^[0-9a-fA-F]{4}$/;
/** Far beyond every double, and far below what an addition could overflow. */
const EXPONENT_MAX = 1e6;

// One character a byte, so that indices are the same in text and bytes wherever the text is ASCII.
const latin1 = new TextDecoder("latin1");
// A mark at the beginning of a string is a part of it; the one of the payload is skipped in `begin`.
const loose = new TextDecoder("utf-8", { ignoreBOM: true });

/** Steps through a payload, value by value. Throws `Malformed`. */
export class JsonScanner {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  depth = 0;
  /** Line ends passed over; they stand between values only. */
  lines = 0;
  /** Bytes beyond ASCII were passed over. */
  wide = false;

  /** The last value: its kind, `bytes[from, to)` with quotes or brackets; as a number, if it is one or a boolean. */
  kind: number = ABSENT;
  from = 0;
  to = 0;
  number = 0;
  /** Elements of the last value, if it is an array. */
  count = 0;
  /** Whether the last string or key has escapes in it. */
  escaped = false;
  /** Hash of the bytes of the last string or key, as `hashOf` has it. */
  hash = 0;
  #text: string | null = null;

  /** Begins with a payload, after its byte order mark. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    this.depth = 0;
    this.lines = 0;
    this.wide = false;
    this.#text = null;
  }

  /** Passes over white space; returns the byte that follows, still unread. */
  space(): number {
    while (this.at < this.bytes.length) {
      const byte = this.bytes[this.at]!;
      if (byte > SPACE) return byte;
      if (byte === NEWLINE) this.lines++;
      else if (byte !== SPACE && byte !== TAB && byte !== RETURN) return byte;
      this.at++;
    }
    return END;
  }

  /** Reads a bracket or brace that opens. */
  open(): void {
    if (++this.depth > DEPTH_MAX) throw new Malformed("too-deep", `nested deeper than ${DEPTH_MAX} levels`);
    this.at++;
  }

  /** Reads what stands after an element: a comma, or the closing `end`. Returns whether another element follows. */
  next(end: number): boolean {
    const byte = this.space();
    if (byte !== COMMA && byte !== end) this.fail();
    this.at++;
    if (byte === COMMA) return true;
    this.depth--;
    return false;
  }

  /** Reads a container's end where it has no elements. */
  empty(end: number): boolean {
    if (this.space() !== end) return false;
    this.at++;
    this.depth--;
    return true;
  }

  /** Reads `key` if it stands here: a whole key with quotes and colon, and no white space. */
  tryKey(key: Uint8Array): boolean {
    const { bytes, at } = this;
    if (at + key.length > bytes.length) return false;
    for (let i = 0; i < key.length; i++) if (bytes[at + i] !== key[i]) return false;
    this.at = at + key.length;
    return true;
  }

  /** Reads a key and the colon after it; it is told as a string. */
  key(): void {
    if (this.space() !== QUOTE) this.fail();
    this.#string();
    if (this.space() !== COLON) this.fail();
    this.at++;
  }

  /** Reads a value of any kind. */
  value(): void {
    const byte = this.space();
    if (byte === QUOTE) this.#string();
    else if (byte === BRACE || byte === BRACKET) this.#container(byte);
    else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) this.#number();
    else this.#literal();
  }

  /**
   * Reads an array and puts its numbers into `out[first + i × stride]`. Returns false where it has anything but numbers, or
   * more than `countMax`; then they are not all there.
   */
  column(out: Float64Array, first: number, stride: number, countMax: number): boolean {
    const from = this.at;
    this.open();
    let count = 0;
    let isWhole = true;
    if (!this.empty(BRACKET_END)) {
      do {
        this.value();
        if (this.kind === NUMBER && count < countMax) out[first + count * stride] = this.number;
        else isWhole = false;
        count++;
      } while (this.next(BRACKET_END));
    }
    this.#end(ARRAY, from, count);
    return isWhole;
  }

  /** Decodes `bytes[from, to)`, a string with its quotes. */
  textOf(from: number, to: number): string {
    const raw = loose.decode(this.bytes.subarray(from + 1, to - 1));
    return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
  }

  /** Shows `bytes[from, to)` as it came, at most `characters` of it. */
  show(from: number, to: number, characters: number): string {
    // A character has up to 4 bytes.
    const text = loose.decode(this.bytes.subarray(from, Math.min(to, from + 4 * characters)));
    return text.length > characters ? `${text.slice(0, characters)}…` : text;
  }

  /** Ends with what stands here. */
  fail(): never {
    const what = this.at < this.bytes.length ? this.show(this.at, this.bytes.length, SHOWN_CHARACTERS_MAX) : "the end";
    throw new Malformed("not-json", `${what} where JSON goes on otherwise`);
  }

  #container(open: number): void {
    const from = this.at;
    const end = open === BRACE ? BRACE_END : BRACKET_END;
    this.open();
    let count = 0;
    if (!this.empty(end)) {
      do {
        if (open === BRACE) this.key();
        this.value();
        count++;
      } while (this.next(end));
    }
    this.#end(open === BRACE ? OBJECT : ARRAY, from, count);
  }

  #end(kind: number, from: number, count: number): void {
    this.kind = kind;
    this.from = from;
    this.to = this.at;
    this.count = count;
  }

  #string(): void {
    const { bytes } = this;
    const from = this.at++;
    let at = this.at;
    let hash = 0;
    this.escaped = false;
    for (; ; at++) {
      const byte = at < bytes.length ? bytes[at]! : END;
      if (byte === QUOTE) break;
      if (byte < SPACE) this.#failAt(at);
      if (byte === BACKSLASH) {
        this.at = at;
        at = this.#escape();
      } else if (byte > 0x7f) this.wide = true;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.at = at + 1;
    this.kind = STRING;
    this.from = from;
    this.to = this.at;
    this.hash = hash;
  }

  /** Checks the escape that begins here; returns where its last byte is. */
  #escape(): number {
    this.escaped = true;
    const byte = this.bytes[this.at + 1] ?? END;
    if (ESCAPES.has(byte)) return this.at + 1;
    const digits = String.fromCharCode(...this.bytes.subarray(this.at + 2, this.at + 6));
    if (byte !== 0x75 || !HEX.test(digits)) this.fail();
    return this.at + 5;
  }

  #literal(): void {
    const { bytes, at } = this;
    for (const word of LITERALS) {
      let i = 0;
      while (i < word.length && bytes[at + i] === word.charCodeAt(i)) i++;
      if (i < word.length) continue;
      this.kind = word === "null" ? NULL : BOOLEAN;
      this.number = word === "true" ? 1 : 0;
      this.from = at;
      this.at += word.length;
      this.to = this.at;
      return;
    }
    this.fail();
  }

  #number(): void {
    const { bytes } = this;
    const end = bytes.length;
    const from = this.at;
    const first = bytes[from] === MINUS ? from + 1 : from;
    let at = first;
    let byte = at < end ? bytes[at]! : END;
    let mantissa = 0;
    for (; byte >= ZERO && byte <= NINE; byte = ++at < end ? bytes[at]! : END) mantissa = mantissa * 10 + byte - ZERO;
    // A number has no leading zeros.
    if (at === first || (bytes[first] === ZERO && at > first + 1)) this.#failAt(at === first ? at : first + 1);
    let digits = at - first;
    let power = 0;
    if (byte === POINT) {
      const isSmall = mantissa === 0;
      const point = ++at;
      byte = at < end ? bytes[at]! : END;
      for (; byte >= ZERO && byte <= NINE; byte = ++at < end ? bytes[at]! : END) mantissa = mantissa * 10 + byte - ZERO;
      if (at === point) this.#failAt(at);
      power = point - at;
      digits = isSmall ? significant(bytes, point, at) : digits - power;
    }
    this.at = at;
    // An upper-case E differs by one bit.
    if ((byte | SPACE) === LOWER_E) power += this.#exponent();
    let value = Number.NaN;
    if (digits <= EXACT_DIGITS_MAX) value = scaled(mantissa, power);
    else if (digits <= PAIR_DIGITS_MAX) value = scaledPair(bytes, first, at, power);
    if (Number.isNaN(value)) {
      this.#text ??= latin1.decode(bytes);
      value = Number(this.#text.slice(first, this.at));
    }
    this.kind = NUMBER;
    this.number = first > from ? -value : value;
    this.from = from;
    this.to = this.at;
  }

  #exponent(): number {
    const { bytes } = this;
    let at = this.at + 1;
    let byte = bytes[at] ?? END;
    const isNegative = byte === MINUS;
    if (byte === MINUS || byte === PLUS) byte = bytes[++at] ?? END;
    const first = at;
    let exponent = 0;
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? END) {
      exponent = Math.min(exponent * 10 + byte - ZERO, EXPONENT_MAX);
    }
    if (at === first) this.#failAt(at);
    this.at = at;
    return isNegative ? -exponent : exponent;
  }

  #failAt(at: number): never {
    this.at = at;
    this.fail();
  }
}

/** Counts the digits from the first that is not 0. */
function significant(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] === ZERO) at++;
  return to - at;
}
