// A lock on a file's name. It is a socket without a file, which the kernel takes away with its process, however that
// ends: there is nothing that could be left behind, or be taken for left behind. Linux only.

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { basename, dirname } from "node:path";
import { RivuletError } from "../error.ts";

/** Takes the lock of a file, whose folder must be there; returns what lets go of it. Throws `outbox-locked`. */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  // By the folder's identity, not its path: one folder has several.
  const { dev, ino } = statSync(dirname(path), { bigint: true });
  const name = createHash("sha256")
    .update(`${dev} ${ino} ${basename(path)}`)
    .digest("hex");
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Exclusive: the workers of a cluster would share it.
    server.listen({ path: `\0rivulet-outbox-${name}`, exclusive: true }, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EADDRINUSE") throw cause;
    throw new RivuletError("outbox-locked", `another process, or this one, has the outbox ${path} open`, {
      hint: "Wait for its end, or give each producer an outbox of its own.",
      cause,
    });
  });
  // A program that forgets to close its outbox ends all the same.
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
