// Blobs that are worth it are kept deflated: a magic, then raw deflate. What has no magic is as it was before there was any.

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** No blob of ours begins in this way unless it is packed. */
const MAGIC = Buffer.from("RvZ1", "latin1");

/** No blob of ours is longer: what inflates to more is damaged. */
const BYTES_MAX = 2 ** 30;

/** Deflates bytes; returns them as they are where that saves nothing. */
export function packed<T extends Uint8Array>(bytes: T): T | Buffer {
  const smaller = deflateRawSync(bytes);
  return smaller.length + MAGIC.length < bytes.length ? Buffer.concat([MAGIC, smaller]) : bytes;
}

/** Undoes `packed`. Throws RangeError where the bytes are damaged. */
export function unpacked(bytes: Uint8Array): Uint8Array {
  return isPacked(bytes) ? inflated(bytes, constants.Z_FINISH) : bytes;
}

/** Undoes `packed` as far as the first bytes of a blob allow. Throws RangeError where they are damaged. */
export function unpackedHead(head: Uint8Array): Uint8Array {
  return isPacked(head) ? inflated(head, constants.Z_SYNC_FLUSH) : head;
}

function isPacked(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

function inflated(bytes: Uint8Array, finishFlush: number): Uint8Array {
  try {
    return inflateRawSync(bytes.subarray(MAGIC.length), { finishFlush, maxOutputLength: BYTES_MAX });
  } catch (cause) {
    throw new RangeError("the bytes cannot be inflated", { cause });
  }
}
