import type { Socket } from "node:net";

/** A fixed header has its type and at most four bytes of length (MQTT 3.1.1, 2.2.3). */
const LENGTH_BYTES_MAX = 4;

/**
 * Watches what the broker reads from a socket, and calls `onOversized` with the length of the first packet that is longer
 * than `bytesMax`, as soon as its header is read: the broker itself would gather it whole, whatever its size. Reading ends
 * there.
 */
export function guardPackets(socket: Socket, bytesMax: number, onOversized: (bytes: number) => void): void {
  const read = socket.read.bind(socket);
  const guard = new PacketGuard(bytesMax);
  socket.read = (size?: number) => {
    const bytes: Buffer | null = read(size);
    if (bytes === null) return null;
    const oversized = guard.take(bytes);
    if (oversized === null) return bytes;
    onOversized(oversized);
    return null;
  };
}

/** Follows the boundaries of packets through a stream of bytes. */
export class PacketGuard {
  readonly #bytesMax: number;
  /** Bytes of the packet's body that are still to come. */
  #body = 0;
  /** Bytes of the header that were read; 0 between two packets. */
  #header = 0;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes and returns the length of a packet that is too long, else null. */
  take(bytes: Uint8Array): number | null {
    let at = 0;
    while (at < bytes.length) {
      if (this.#body > 0) {
        const step = Math.min(this.#body, bytes.length - at);
        this.#body -= step;
        at += step;
        continue;
      }
      const byte = bytes[at++] ?? 0;
      if (this.#header === 0) {
        this.#header = 1;
        this.#length = 0;
        continue;
      }
      this.#length += (byte & 0x7f) * 0x80 ** (this.#header - 1);
      this.#header++;
      // A fifth byte of length is malformed: the broker's parser says so.
      if (byte >= 0x80 && this.#header <= LENGTH_BYTES_MAX) continue;
      if (this.#length > this.#bytesMax) return this.#length;
      this.#body = this.#length;
      this.#header = 0;
    }
    return null;
  }
}
