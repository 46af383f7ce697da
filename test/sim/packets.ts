// Packets of MQTT 3.1.1, byte by byte, for clients that do not behave.

/** Writes a CONNECT with a clean session. */
export function connectPacket(clientId: string): Buffer {
  return packet(0x10, [text("MQTT"), Buffer.from([4, 2, 0, 30]), text(clientId)]);
}

/** Writes a PUBLISH; `id` counts for QoS 1 and 2. */
export function publishPacket(topic: string, payload: string | Buffer, qos: 0 | 1 | 2, id: number): Buffer {
  const identifier = qos === 0 ? Buffer.alloc(0) : number16(id);
  return packet(0x30 | (qos << 1), [text(topic), identifier, Buffer.from(payload)]);
}

/** Writes a SUBSCRIBE of one filter. */
export function subscribePacket(filter: string, id: number): Buffer {
  return packet(0x82, [number16(id), text(filter), Buffer.from([1])]);
}

/** Writes a PUBREL. */
export function pubrelPacket(id: number): Buffer {
  return packet(0x62, [number16(id)]);
}

/** Is a PINGREQ. */
export const PINGREQ = Buffer.from([0xc0, 0]);

/** Writes a packet of a type and flags, as long as it says or not. */
export function packet(
  first: number,
  parts: readonly Buffer[],
  length = parts.reduce((sum, { length }) => sum + length, 0),
): Buffer {
  const header = [first];
  for (let rest = length; ; ) {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    header.push(rest > 0 ? digit | 0x80 : digit);
    if (rest === 0) break;
  }
  return Buffer.concat([Buffer.from(header), ...parts]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number16(bytes.length), bytes]);
}

function number16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
