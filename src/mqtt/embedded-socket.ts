import type { Socket } from "node:net";
import { type Oversized, PacketFilter } from "./packet-filter.ts";

/** Room for topic and header of a packet whose payload is as long as allowed. */
export const PACKET_OVERHEAD_BYTES = 1024;
/** What may wait to be sent to a client that does not read. */
const UNSENT_BYTES_MAX = 4_194_304;
/** First bytes of the two acknowledgements (MQTT 3.1.1, 3.4 and 3.5). */
const PUBACK = 0x40;
const PUBREC = 0x50;

export interface GuardOptions {
  readonly payloadBytesMax: number;
  readonly onOversized: (oversized: Oversized) => void;
  /** Called for a packet over the limit that is no message; the connection must be closed. */
  readonly onHopeless: (bytes: number) => void;
  /** Called when a client that does not read what it is sent was disconnected. */
  readonly onStalled: (unsentBytes: number) => void;
}

/**
 * Guards a socket on its way to aedes: packets over the limit never reach it, and a client that does not read is
 * disconnected at 4 MiB instead of being waited for, by which aedes would hold up everybody.
 */
export function guardSocket(socket: Socket, options: GuardOptions): void {
  const filter = new PacketFilter({
    protocolVersion: 4,
    bytesMax: options.payloadBytesMax + PACKET_OVERHEAD_BYTES,
    onOversized: options.onOversized,
    onHopeless: options.onHopeless,
  });
  // aedes reads its sockets by `read()` alone.
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    const bytes: Buffer | null = read(size);
    return bytes === null ? null : filter.filter(bytes);
  };
  const write = socket.write.bind(socket) as (...args: readonly unknown[]) => boolean;
  socket.write = (...args: readonly unknown[]) => {
    if (!write(...args) && socket.writableLength > UNSENT_BYTES_MAX) {
      options.onStalled(socket.writableLength);
      socket.destroy();
    }
    return true;
  };
}

/** Acknowledges a message that aedes has not seen. */
export function acknowledgeOversized(socket: Socket, { qos, identifier }: Oversized): void {
  if (qos === 0 || !socket.writable) return;
  socket.write(Buffer.from([qos === 1 ? PUBACK : PUBREC, 2, identifier >> 8, identifier & 0xff]));
}
