// Decodes the payloads of DESIGN §4 for one model. A message is accepted or refused whole. Never throws for any payload.

import { JsonDecoder } from "./decode-json.ts";
import { decodePacked } from "./decode-packed.ts";
import { createRows, type Decoded, type Rows, type SampleLimits, type SampleSchema } from "./rows.ts";
import type { FirstNumber } from "./topic.ts";

/** Decodes one model's messages; what it returns is on loan until the next message. */
export interface Decoder {
  /** Decodes JSON in any of its forms; `source` is that of the topic, for rows that name none. */
  json(payload: Uint8Array, source: string | null): Decoded;
  /** Decodes packed rows; `number` is that of the first one. */
  packed(payload: Uint8Array, precision: "f32" | "f64", number: FirstNumber | null): Decoded;
}

/** Makes a decoder. `rows` may be shared by decoders that take turns, and must be as wide as the widest schema. */
export function createDecoder(
  schema: SampleSchema,
  limits: SampleLimits,
  rows: Rows = createRows(schema.features.length, limits.rowsMax),
): Decoder {
  const decoder = new JsonDecoder(schema, limits, rows);
  const tooLarge = (payload: Uint8Array): Decoded | null =>
    payload.length <= limits.payloadBytesMax
      ? null
      : {
          kind: "refused",
          code: "too-large",
          detail: `${payload.length} bytes; at most ${limits.payloadBytesMax} are allowed`,
          numbering: [],
        };
  return {
    json: (payload, source) => tooLarge(payload) ?? decoder.decode(payload, source),
    packed: (payload, precision, number) =>
      tooLarge(payload) ?? decodePacked(payload, schema, limits, rows, precision, number),
  };
}
