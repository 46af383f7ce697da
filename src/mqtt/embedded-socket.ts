import type { Socket } from "node:net";
import { type Oversized, PacketFilter } from "./packet-filter.ts";
import type { Publish } from "./publish-reader.ts";

/** Room for topic and header of a packet whose payload is as long as allowed. */
export const PACKET_OVERHEAD_BYTES = 1024;
/** What may wait to be sent to a client that does not read. */
const UNSENT_BYTES_MAX = 4_194_304;

export interface GuardOptions {
  readonly payloadBytesMax: number;
  /** Whether aedes has let the client in: messages before that are aedes's to judge. */
  readonly isConnected: () => boolean;
  /** Told each message of QoS 0 and 1, which aedes does not see. */
  readonly onPublish: (publish: Publish) => void;
  /** Told that one read has brought such messages, after the last of them. */
  readonly onPublished: () => void;
  readonly onOversized: (oversized: Oversized) => void;
  /** Called for a packet over the limit that is no message; the connection must be closed. */
  readonly onHopeless: (bytes: number) => void;
  /** Called when a client that does not read what it is sent was disconnected. */
  readonly onStalled: (unsentBytes: number) => void;
}

/**
 * Guards a socket on its way to aedes: packets over the limit never reach it, nor do most messages, and a client that does
 * not read is disconnected at 4 MiB instead of being waited for, by which aedes would hold up everybody.
 */
export function guardSocket(socket: Socket, options: GuardOptions): void {
  let published = false;
  const filter = new PacketFilter({
    protocolVersion: 4,
    bytesMax: options.payloadBytesMax + PACKET_OVERHEAD_BYTES,
    onOversized: options.onOversized,
    onHopeless: options.onHopeless,
    take: {
      isReady: options.isConnected,
      onPublish: (publish) => {
        published = true;
        options.onPublish(publish);
      },
    },
  });
  // aedes reads its sockets by `read()` alone.
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    const bytes: Buffer | null = read(size);
    if (bytes === null) return null;
    const kept = filter.filter(bytes);
    if (published) options.onPublished();
    published = false;
    // An empty buffer would stay in aedes's list of them for as long as the client does.
    return kept.length === 0 ? null : kept;
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
