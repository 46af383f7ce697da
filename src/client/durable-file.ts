// Writing files so that what is there afterwards is whole, whenever the power goes.

import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

const COPY_BYTES = 1_048_576;

/** Writes a file beside another one and puts it in its place; either of the two is there, whole, whatever happens. */
export async function replaced(
  path: string,
  head: Buffer,
  fill: (file: FileHandle) => Promise<void>,
): Promise<FileHandle> {
  const file = await open(`${path}.new`, "w+", 0o600);
  try {
    await writeAll(file, head, 0);
    await fill(file);
    await file.datasync();
    await rename(`${path}.new`, path);
    const folder = await open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Copies the bytes from `begin` to `end`, to the place `at` of another file. */
export async function copyBytes(
  from: FileHandle,
  begin: number,
  end: number,
  to: FileHandle,
  at: number,
): Promise<void> {
  const buffer = Buffer.alloc(Math.min(COPY_BYTES, end - begin));
  for (let offset = begin; offset < end; ) {
    const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, end - offset), offset);
    if (bytesRead === 0) throw new Error("the file is shorter than what was written to it");
    await writeAll(to, buffer.subarray(0, bytesRead), at + offset - begin);
    offset += bytesRead;
  }
}

/** Writes all bytes: a file system that is nearly full takes a part. */
export async function writeAll(file: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}
