// Keeps packets over the limit away from the broker, which would gather them whole. A PUBLISH that is too long is read to
// its end without being kept: its topic, length, SHA-256 and first bytes are told, and the stream goes on behind it. It can
// also take the messages out that the broker need not see: what a broker does for each costs several times what reading it does.

import { createHash, type Hash } from "node:crypto";
import { isPublish, type Publish, PublishReader } from "./publish-reader.ts";

/** Of a payload that is too long. */
export interface Oversized {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  /** Packet identifier; 0 at QoS 0. */
  readonly identifier: number;
  readonly payloadBytes: number;
  /** Of the whole payload. */
  readonly sha256: string;
  /** The first bytes of the payload. */
  readonly head: Uint8Array;
}

export interface PacketFilterOptions {
  /** 5 has properties between topic and payload (MQTT 5, 3.3.2.3). */
  readonly protocolVersion: 4 | 5;
  /** Longest packet, without its fixed header. */
  readonly bytesMax: number;
  readonly onOversized: (oversized: Oversized) => void;
  /** Called for a packet that is too long and no PUBLISH, or whose topic has no end: nothing after it makes sense. */
  readonly onHopeless: (bytes: number) => void;
  /** Takes messages of QoS 0 and 1 out of the stream, if it is of protocol 4; without, the broker has them all. */
  readonly take?: {
    /** Asked at the beginning of each message. */
    readonly isReady: () => boolean;
    /** Told each message that is as it must be; what is not is the broker's to deal with. */
    readonly onPublish: (publish: Publish) => void;
  };
}

const PUBLISH = 3;
/** A fixed header has its type and at most four bytes of length (MQTT 3.1.1, 2.2.3). */
const HEADER_BYTES_MAX = 5;
/** What is kept of a payload that is too long. */
const HEAD_BYTES = 4096;
const TOPIC_BYTES_MAX = 1024;
const VARIABLE_HEADER_BYTES_MAX = 65_536;

/** Follows the boundaries of packets through a stream of bytes. */
export class PacketFilter {
  readonly #options: PacketFilterOptions;
  /** The fixed header as far as it was read; it goes on to the broker only when it is whole. */
  #header: number[] = [];
  /** Bytes of the packet's body that are still to come. */
  #body = 0;
  #swallowed: Swallowed | null = null;
  /** A message to be taken out whose end is still to come: its fixed header, and what was read of its body. */
  #gathered: { readonly header: readonly number[]; readonly parts: Buffer[] } | null = null;
  readonly #reader = new PublishReader();
  /** The packet whose body is read goes on to the broker, and is a message. */
  #passes = false;
  /** Whether messages may be taken out: not behind one in the same bytes that goes on, or order would change. */
  #mayTake = true;
  /** What goes on of these bytes, and where the stretch begins that does next; a header that was held back goes before it. */
  #kept: Buffer[] = [];
  #from = 0;
  #hopeless = false;

  constructor(options: PacketFilterOptions) {
    this.#options = options;
  }

  /** Takes the next bytes and returns what the broker may have of the stream: the same buffer where nothing is amiss. */
  filter(bytes: Buffer): Buffer {
    this.#kept = [];
    this.#from = 0;
    this.#mayTake = true;
    let at = 0;
    while (at < bytes.length && !this.#hopeless) {
      at = this.#body > 0 ? this.#readBody(bytes, at) : this.#readHead(bytes, at);
    }
    if (this.#kept.length === 0 && this.#from === 0 && !this.#hopeless) return bytes;
    if (!this.#hopeless) this.#keep(bytes, at);
    return Buffer.concat(this.#kept);
  }

  /** Lets what comes before `to` go on to the broker, as far as it has not. */
  #keep(bytes: Buffer, to: number): void {
    if (to > this.#from) this.#kept.push(bytes.subarray(this.#from, to));
  }

  #readBody(bytes: Buffer, at: number): number {
    const to = Math.min(bytes.length, at + this.#body);
    this.#body -= to - at;
    if (this.#swallowed === null && this.#gathered === null) {
      if (this.#passes) this.#mayTake = false;
      return to;
    }
    this.#from = to;
    if (this.#swallowed !== null) this.#swallow(bytes.subarray(at, to));
    else this.#gather(bytes.subarray(at, to));
    return to;
  }

  /** Reads a fixed header, or a whole message that is taken out. */
  #readHead(bytes: Buffer, at: number): number {
    const before = this.#header.length;
    const taken = before === 0 && this.#mayTake ? this.#takeWhole(bytes, at) : null;
    if (taken !== null) {
      this.#keep(bytes, at);
      this.#from = taken;
      return taken;
    }
    const length = this.#readHeader(bytes, at);
    const bodyAt = at + this.#header.length - before;
    if (length === null) {
      // Cut within the header: it is held back.
      this.#keep(bytes, at);
      this.#from = bodyAt;
      return bodyAt;
    }
    const header = this.#header;
    const type = header[0] ?? 0;
    this.#header = [];
    this.#body = length;
    const isCut = length > 0 && (before > 0 || bodyAt + length > bytes.length);
    const isLong = length > this.#options.bytesMax;
    if (isLong || (isCut && this.#isTaken(type))) {
      this.#keep(bytes, at);
      this.#from = bodyAt;
      if (isLong) this.#begin(type, length);
      else this.#gathered = { header, parts: [] };
      return bodyAt;
    }
    if (before > 0) this.#kept.push(Buffer.from(header.slice(0, before)));
    this.#passes = isPublish(type);
    return bodyAt;
  }

  #isTaken(type: number): boolean {
    return isPublish(type) && this.#options.take?.isReady() === true;
  }

  /** Takes out the message that begins at `at` if all of it is here; returns where it ends, or null. */
  #takeWhole(bytes: Buffer, at: number): number | null {
    const type = bytes[at]!;
    if (!this.#isTaken(type)) return null;
    let length = 0;
    let from = at + 1;
    for (let factor = 1; ; factor *= 0x80) {
      if (from === bytes.length || from - at === HEADER_BYTES_MAX) return null;
      const byte = bytes[from++]!;
      length += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    const to = from + length;
    if (length > this.#options.bytesMax || to > bytes.length) return null;
    return this.#take(type, bytes, from, to) ? to : null;
  }

  /** Hands a message over; returns false where it is none. */
  #take(type: number, bytes: Buffer, from: number, to: number): boolean {
    const publish = this.#reader.read(type, bytes, from, to);
    if (publish === null) return false;
    this.#options.take?.onPublish(publish);
    return true;
  }

  #gather(bytes: Buffer): void {
    if (this.#gathered === null) return;
    const { header, parts } = this.#gathered;
    parts.push(bytes);
    if (this.#body > 0) return;
    this.#gathered = null;
    const body = Buffer.concat(parts);
    if (!this.#take(header[0] ?? 0, body, 0, body.length)) this.#kept.push(Buffer.from(header), body);
  }

  /** Reads on in the fixed header; returns the length of the packet once it is whole. */
  #readHeader(bytes: Uint8Array, from: number): number | null {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      this.#header.push(byte);
      const count = this.#header.length;
      // A fifth byte of length is malformed: the broker's parser says so.
      if (count > 1 && (byte < 0x80 || count === HEADER_BYTES_MAX)) {
        return this.#header.slice(1).reduce((sum, part, i) => sum + (part & 0x7f) * 0x80 ** i, 0);
      }
    }
    return null;
  }

  #begin(type: number, length: number): void {
    const qos = (type >> 1) & 3;
    if (type >> 4 !== PUBLISH || qos === 3) return this.#giveUp(length);
    const hasProperties = this.#options.protocolVersion === 5;
    this.#swallowed = new Swallowed(qos === 0 ? 0 : qos === 1 ? 1 : 2, length, hasProperties);
  }

  #swallow(bytes: Buffer): void {
    const swallowed = this.#swallowed;
    if (swallowed === null) return;
    if (!swallowed.take(bytes)) return this.#giveUp(swallowed.bytes);
    if (this.#body > 0) return;
    this.#swallowed = null;
    this.#options.onOversized(swallowed.oversized());
  }

  #giveUp(bytes: number): void {
    this.#hopeless = true;
    this.#options.onHopeless(bytes);
  }
}

/** Reads a PUBLISH that is too long and keeps little of it. */
class Swallowed {
  readonly bytes: number;
  readonly #qos: 0 | 1 | 2;
  readonly #hasProperties: boolean;
  /** The variable header, and the payload as far as it is kept. */
  #start = Buffer.alloc(0);
  #variableHeaderBytes: number | null = null;
  readonly #hash: Hash = createHash("sha256");

  constructor(qos: 0 | 1 | 2, bytes: number, hasProperties: boolean) {
    this.#qos = qos;
    this.#hasProperties = hasProperties;
    this.bytes = bytes;
  }

  /** Takes the next bytes of the packet's body; returns false where they make no PUBLISH. */
  take(bytes: Buffer): boolean {
    if (this.#variableHeaderBytes !== null) {
      this.#hash.update(bytes);
      this.#keep(bytes);
      return true;
    }
    this.#start = Buffer.concat([this.#start, bytes]);
    if (this.#start.length < 2) return true;
    const topicBytes = this.#start.readUInt16BE(0);
    if (topicBytes > TOPIC_BYTES_MAX) return false;
    const properties = this.#propertiesBytes(2 + topicBytes + (this.#qos === 0 ? 0 : 2));
    if (properties === null) return true;
    const length = 2 + topicBytes + (this.#qos === 0 ? 0 : 2) + properties;
    if (length > VARIABLE_HEADER_BYTES_MAX) return false;
    if (this.#start.length < length) return true;
    this.#variableHeaderBytes = length;
    const payload = this.#start.subarray(length);
    this.#start = this.#start.subarray(0, length);
    return this.take(payload);
  }

  /** Reads how long the properties at `from` are, with their length itself; null where that is still to come. */
  #propertiesBytes(from: number): number | null {
    if (!this.#hasProperties) return this.#start.length < from ? null : 0;
    for (let at = from, length = 0; at < this.#start.length; at++) {
      const byte = this.#start[at] ?? 0;
      length += (byte & 0x7f) * 0x80 ** (at - from);
      if (byte < 0x80) return length + at - from + 1;
    }
    return null;
  }

  oversized(): Oversized {
    const header = this.#variableHeaderBytes ?? 0;
    const topicBytes = this.#start.readUInt16BE(0);
    return {
      topic: this.#start.toString("utf8", 2, 2 + topicBytes),
      qos: this.#qos,
      identifier: this.#qos === 0 ? 0 : this.#start.readUInt16BE(2 + topicBytes),
      payloadBytes: this.bytes - header,
      sha256: this.#hash.digest("hex"),
      head: new Uint8Array(this.#start.subarray(header)),
    };
  }

  #keep(bytes: Buffer): void {
    const room = HEAD_BYTES + (this.#variableHeaderBytes ?? 0) - this.#start.length;
    if (room > 0) this.#start = Buffer.concat([this.#start, bytes.subarray(0, room)]);
  }
}
