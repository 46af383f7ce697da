// What publishers that are measured with speak: packets of MQTT 3.1.1 laid out by hand, as lean as can be.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

const CONNECT = 0x10;
const PUBLISH_QOS_1 = 0x32;
const PUBACK = 0x40;
const PUBACK_BYTES = 4;

/** Connects to a broker on this machine. */
export async function connected(port: number, name: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const protocol = Buffer.from([0, 4, ...Buffer.from("MQTT"), 4, 2, 0, 0]);
  const id = Buffer.from(name);
  socket.write(packet(CONNECT, [protocol, Buffer.from([0, id.length]), id]));
  const [answer] = await once(socket, "data");
  if (answer[0] !== 0x20 || answer[3] !== 0) throw new Error(`refused: ${answer.toString("hex")}`);
  return socket;
}

/** Calls for each message that is acknowledged. */
export function onAcknowledged(socket: Socket, each: (id: number) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % PUBACK_BYTES);
    for (let at = 0; at < whole; at += PUBACK_BYTES) {
      if (bytes[at] !== PUBACK)
        throw new Error(`a packet of type ${bytes[at]} came, and only acknowledgements were expected`);
      each(bytes.readUInt16BE(at + 2));
    }
    rest = bytes.subarray(whole);
  });
}

/** Lays out what stands before the identifier of a message. */
export function topicHead(topic: string): Buffer {
  const bytes = Buffer.from(topic);
  return Buffer.from([bytes.length >> 8, bytes.length & 255, ...bytes]);
}

/** Lays out a message of QoS 1. */
export function publishPacket(head: Buffer, id: number, payload: Buffer): Buffer {
  return packet(PUBLISH_QOS_1, [head, Buffer.from([id >> 8, id & 255]), payload]);
}

function packet(type: number, parts: readonly Buffer[]): Buffer {
  let rest = parts.reduce((sum, { length }) => sum + length, 0);
  const head = [type];
  do {
    head.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(head), ...parts]);
}
