// The control socket: one request a connection, as a line of JSON; the answer is lines of progress and then one result
// or error. Only the user who runs the daemon can open it or, where the configuration says so, also its group.

import { createHash } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type ErrorCode, RivuletError } from "../error.ts";

/** Longest path of a Unix socket that the kernel takes, in bytes. */
const SOCKET_PATH_BYTES_MAX = 107;
/** Longest request line. */
const REQUEST_LENGTH_MAX = 16_777_216;
/** Who may open the socket: the user who runs the daemon, or also its group. */
export const CONTROL_ACCESS = ["owner", "group"] as const;
export type ControlAccess = (typeof CONTROL_ACCESS)[number];
const MODES: Readonly<Record<ControlAccess, number>> = { owner: 0o600, group: 0o660 };

/** Answers a request; `onProgress` may be told how far it is. */
export type Handler = (
  verb: string,
  params: unknown,
  onProgress: (progress: unknown) => Promise<void>,
) => Promise<unknown>;

type Reply =
  | { readonly progress: unknown }
  | { readonly result: unknown }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string } };

/** Tells where the control socket of a data folder is: inside it, or in the runtime folder where the path is too long. */
export function controlSocketPath(data: string, env: Readonly<Record<string, string | undefined>>): string {
  const path = join(data, "control.sock");
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  const name = `rivulet-${createHash("sha256").update(data).digest("hex").slice(0, 16)}.sock`;
  return join(env["XDG_RUNTIME_DIR"] ?? "/tmp", name);
}

/** Is an open control socket. */
export interface Control {
  /** Ends all connections, whether answered or not, once what was written to them is out. */
  close(): Promise<void>;
}

/** Listens at `path`; throws `data-unusable` where that cannot be. A socket file that is there was left behind: the caller holds the lock of the data folder. */
export async function serveControl(path: string, handler: Handler, access: ControlAccess = "owner"): Promise<Control> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    answer(socket, handler);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  }).catch((cause: Error) => {
    throw new RivuletError("data-unusable", `the control socket ${path} cannot be made: ${cause.message}`, {
      hint: "It is in the data folder, or, where its path is too long, in $XDG_RUNTIME_DIR or /tmp.",
      cause,
    });
  });
  chmodSync(path, MODES[access]);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroySoon();
        rmSync(path, { force: true });
      }),
  };
}

function answer(socket: Socket, handler: Handler): void {
  let received = "";
  const send = async (reply: Reply) => {
    if (!socket.writable) throw new RivuletError("daemon-unreachable", "the asker went away");
    if (!socket.write(`${JSON.stringify(reply)}\n`)) await room(socket);
  };
  // The other end went away: there is nobody to tell.
  socket.on("error", () => socket.destroy());
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    received += text;
    const end = received.indexOf("\n");
    if (end < 0) {
      if (received.length > REQUEST_LENGTH_MAX) socket.destroy();
      return;
    }
    socket.removeAllListeners("data");
    const finish = () => socket.end();
    // `respond` rejects only when the asker went away, and then there is nobody to tell.
    respond(received.slice(0, end), handler, send).then(finish, finish);
  });
}

/** Waits until the asker has read enough for more to be sent, or went away. */
function room(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}

async function respond(line: string, handler: Handler, send: (reply: Reply) => Promise<void>): Promise<void> {
  try {
    const { verb, params } = JSON.parse(line) as { verb: string; params: unknown };
    const result = await handler(verb, params, (progress) => send({ progress }));
    await send({ result: result ?? null });
  } catch (error) {
    const known = error instanceof RivuletError ? error : new RivuletError("usage", String(error), { cause: error });
    await send({ error: { code: known.code, message: known.message, hint: known.hint } });
  }
}

/**
 * Sends one request to a running daemon. Throws the daemon's own error, `forbidden` where this user may not ask, or
 * `daemon-unreachable` where nobody listens or the connection ends before the answer.
 */
export function requestControl(
  path: string,
  verb: string,
  params: unknown,
  onProgress: (progress: unknown) => void = () => {},
): Promise<unknown> {
  const request = JSON.stringify({ verb, params });
  return new Promise((resolve, reject) => {
    if (request.length > REQUEST_LENGTH_MAX) {
      throw new RivuletError("usage", `the request has ${request.length} characters; allowed: ${REQUEST_LENGTH_MAX}`);
    }
    const socket = connect(path);
    let received = "";
    const unreachable = (cause?: unknown) =>
      reject(new RivuletError("daemon-unreachable", "no daemon answers on this data folder", { cause }));
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code === "EACCES") reject(forbidden(path, cause));
      else unreachable(cause);
    });
    socket.on("close", () => unreachable());
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(`${request}\n`));
    socket.on("data", (text: string) => {
      received += text;
      for (let end = received.indexOf("\n"); end >= 0; end = received.indexOf("\n")) {
        const reply = JSON.parse(received.slice(0, end)) as Reply;
        received = received.slice(end + 1);
        if ("progress" in reply) onProgress(reply.progress);
        else if ("result" in reply) resolve(reply.result);
        else reject(new RivuletError(reply.error.code, reply.error.message, { hint: reply.error.hint }));
      }
    });
  });
}

function forbidden(path: string, cause: unknown): RivuletError {
  return new RivuletError("forbidden", `this user may not ask the daemon at ${path}`, {
    hint: "Ask with sudo; or become one of its group, and log in again: sudo usermod -aG rivulet $USER",
    cause,
  });
}
