/** A message of QoS 0 or 1 (MQTT 3.1.1, 3.3). */
export interface Publish {
  readonly topic: string;
  readonly qos: 0 | 1;
  /** Packet identifier; 0 at QoS 0. */
  readonly identifier: number;
  /** A part of what was read. */
  readonly payload: Buffer;
}

const SLASH = 0x2f;
const NUMBER_SIGN = 0x23;
const PLUS = 0x2b;
/** aedes takes no more; such a message is left to it. */
const TOPIC_LEVELS_MAX = 100;

/** Tells by the first byte of a packet whether it is a PUBLISH of QoS 0 or 1. */
export function isPublish(type: number): boolean {
  return type >> 4 === 3 && (type & 4) === 0;
}

/** Reads messages one after the other; a topic that comes again costs a comparison and no text. */
export class PublishReader {
  #topicBytes = Buffer.alloc(0);
  #topic = "";

  /** Reads a packet's body, `bytes[from, to)`; null where it is not as MQTT 3.1.1 has it. `type` is its first byte. */
  read(type: number, bytes: Buffer, from: number, to: number): Publish | null {
    const qos = (type & 2) === 0 ? 0 : 1;
    const topicFrom = from + 2;
    if (topicFrom > to) return null;
    const topicTo = topicFrom + bytes[from]! * 0x100 + bytes[from + 1]!;
    const payloadFrom = topicTo + 2 * qos;
    if (payloadFrom > to || !this.#readTopic(bytes, topicFrom, topicTo)) return null;
    const identifier = qos === 0 ? 0 : bytes[topicTo]! * 0x100 + bytes[topicTo + 1]!;
    return { topic: this.#topic, qos, identifier, payload: bytes.subarray(payloadFrom, to) };
  }

  #readTopic(bytes: Buffer, from: number, to: number): boolean {
    if (isEqual(this.#topicBytes, bytes, from, to)) return true;
    if (!isTopic(bytes, from, to)) return false;
    this.#topicBytes = Buffer.from(bytes.subarray(from, to));
    this.#topic = this.#topicBytes.toString("utf8");
    return true;
  }
}

/** Tells whether one may publish on `bytes[from, to)` (MQTT 3.1.1, 4.7). */
function isTopic(bytes: Buffer, from: number, to: number): boolean {
  let levels = 1;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte === NUMBER_SIGN || byte === PLUS) return false;
    if (byte === SLASH) levels++;
  }
  return to > from && levels <= TOPIC_LEVELS_MAX;
}

function isEqual(known: Buffer, bytes: Buffer, from: number, to: number): boolean {
  const { length } = known;
  if (length !== to - from || length === 0) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
}
