// Labels that come late: what was asked and not answered yet, with the features as they were and the prediction as it was
// made. A question lives until `keep` later ones were asked. Everything here is a pure function of the calls, in their
// order: questions are a fold of the journal like all state.

import { RivuletError } from "../error.ts";

const HEADER_BYTES = 20;
const text = { encode: new TextEncoder(), decode: new TextDecoder() };

/** Is what an answer needs. The buffers are never changed. */
export interface Asked {
  /** (I) */
  readonly features: Float64Array;
  /** (K) */
  readonly prediction: Float64Array;
}

interface Question {
  readonly number: number;
  /** Null once it was answered: that it was is remembered as long. */
  asked: Asked | null;
}

export type Found = { readonly kind: "open"; readonly asked: Asked } | { readonly kind: "answered" | "unknown" };

/** Remembers questions by id, oldest first. */
export class Questions {
  keep: number;
  /** Questions that were never answered, and are given up. */
  expired = 0;
  #byId = new Map<string, Question>();
  #count = 0;

  constructor(keep: number) {
    this.keep = keep;
  }

  /** Whether nothing was ever asked. */
  get unused(): boolean {
    return this.#count === 0;
  }

  /** Counts the questions that wait for their answer. */
  get open(): number {
    let open = 0;
    for (const { asked } of this.#byId.values()) if (asked !== null) open++;
    return open;
  }

  /** Looks a question up as it will be when `later` more were asked. */
  find(id: string, later = 0): Found {
    const question = this.#byId.get(id);
    if (question === undefined || question.number + this.keep <= this.#count + later) return { kind: "unknown" };
    return question.asked === null ? { kind: "answered" } : { kind: "open", asked: question.asked };
  }

  /** Notes a question, in place of a former one of that id. Takes the buffers over. */
  ask(id: string, asked: Asked): void {
    this.#byId.delete(id);
    this.#byId.set(id, { number: ++this.#count, asked });
    for (const [old, question] of this.#byId) {
      if (question.number + this.keep > this.#count) return;
      if (question.asked !== null) this.expired++;
      this.#byId.delete(old);
    }
  }

  /** Notes that a question was answered. */
  answer(id: string): void {
    const question = this.#byId.get(id);
    if (question !== undefined) question.asked = null;
  }

  /** Forgets all of them: what comes has other features, or another meaning. */
  clear(): void {
    this.#byId.clear();
  }

  /** Writes everything remembered, little-endian; equal histories give equal bytes. */
  serialize(): Uint8Array {
    const ids = [...this.#byId.keys()].map((id) => text.encode.encode(id));
    const values = [...this.#byId.values()];
    const valueCount = values.reduce((sum, { asked }) => sum + lengthOf(asked), 0);
    const idBytes = ids.reduce((sum, id) => sum + id.length, 0);
    const bytes = new Uint8Array(HEADER_BYTES + values.length * 13 + idBytes + 8 * valueCount);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.#count, true);
    view.setFloat64(8, this.expired, true);
    view.setUint32(16, values.length, true);
    let at = HEADER_BYTES;
    values.forEach(({ number, asked }, q) => {
      const id = ids[q] ?? new Uint8Array();
      view.setFloat64(at, number, true);
      view.setUint16(at + 8, asked?.features.length ?? 0, true);
      view.setUint16(at + 10, asked?.prediction.length ?? 0, true);
      view.setUint8(at + 12, id.length);
      bytes.set(id, at + 13);
      at += 13 + id.length;
      for (const value of [...(asked?.features ?? []), ...(asked?.prediction ?? [])]) {
        view.setFloat64(at, value, true);
        at += 8;
      }
    });
    return bytes;
  }

  /** Takes over what `serialize` wrote. Throws `state-damaged`. */
  restore(bytes: Uint8Array): void {
    const byId = new Map<string, Question>();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      this.#count = view.getFloat64(0, true);
      this.expired = view.getFloat64(8, true);
      let at = HEADER_BYTES;
      for (let left = view.getUint32(16, true); left > 0; left--) {
        const number = view.getFloat64(at, true);
        const [width, outputs] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
        const idLength = view.getUint8(at + 12);
        const id = text.decode.decode(bytes.subarray(at + 13, at + 13 + idLength));
        at += 13 + idLength;
        const column = (count: number) => {
          const values = Float64Array.from({ length: count }, (_, i) => view.getFloat64(at + 8 * i, true));
          at += 8 * count;
          return values;
        };
        const asked = { features: column(width), prediction: column(outputs) };
        byId.set(id, { number, asked: width === 0 ? null : asked });
      }
      if (at !== bytes.length) throw new RangeError("bytes are left over");
    } catch (cause) {
      throw new RivuletError("state-damaged", "the open questions of the state cannot be read", { cause });
    }
    this.#byId = byId;
  }
}

function lengthOf(asked: Asked | null): number {
  return asked === null ? 0 : asked.features.length + asked.prediction.length;
}
