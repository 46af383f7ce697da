// The sockets under the HTTP face: Node's own server, bounded in connections, time and bytes, and the way from its
// requests to those of the web standard and back.

import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { RivuletError } from "../error.ts";
import type { Connection } from "../http/app.ts";
import type { Listener } from "../http/event-hub.ts";

const CONNECTIONS_MAX = 128;
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;
const KEEP_ALIVE_MS = 5000;
const HEADER_BYTES_MAX = 32_768;
const BODY_BYTES_MAX = 262_144;
/** Bytes sent to a listener, and not read by it, above which it is let go. */
const UNREAD_BYTES_MAX = 1_048_576;

type Start = (listener: Listener) => () => void;

/** Answers a request. Never throws. */
export type Answer = (request: Request, connection: Connection) => Promise<Response>;

export interface HttpOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Certificate and key (PEM); null speaks without TLS. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  readonly answer: Answer;
}

/** Is an open HTTP server. */
export interface HttpServer {
  /** Such as http://127.0.0.1:8787, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, and ends all connections. */
  close(): Promise<void>;
}

/** Listens. Throws `port-in-use`, `http-failed`. */
export async function serveHttp({ host, port, tls, answer }: HttpOptions): Promise<HttpServer> {
  const scheme = tls === null ? "http" : "https";
  const server = openServer(tls, (request, response) => {
    handle(request, response, scheme, answer).catch(() => response.destroy());
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((cause: NodeJS.ErrnoException) => {
    throw listenFailed(host, port, cause);
  });
  const bound = (server.address() as AddressInfo).port;
  // What goes wrong with a connection ends that connection.
  server.on("error", () => {});
  return {
    url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function openServer(tls: HttpOptions["tls"], listener: RequestListener): Server {
  const limits = {
    headersTimeout: HEADERS_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    connectionsCheckingInterval: HEADERS_MS_MAX,
  };
  // An import statement would read every name of the module, and so load WebSockets and fetch: 6 MB and 20 ms.
  if (tls === null) return process.getBuiltinModule("node:http").createServer(limits, listener);
  try {
    return process.getBuiltinModule("node:https").createServer({ ...limits, ...tls }, listener);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RivuletError("http-failed", `certificate and key cannot be used: ${reason}`, {
      hint: "http.certFile and http.keyFile are to hold a certificate and its private key, as PEM.",
      cause,
    });
  }
}

async function handle(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  scheme: string,
  answer: Answer,
): Promise<void> {
  outgoing.on("error", () => outgoing.destroy());
  const body = await readBody(incoming);
  if (body === null) {
    if (!outgoing.headersSent) outgoing.writeHead(413, { Connection: "close" }).end();
    return;
  }
  const request = requestOf(incoming, scheme, body);
  if (request === null) {
    outgoing.writeHead(400, { Connection: "close" }).end();
    return;
  }
  const peer = incoming.socket.remoteAddress ?? "";
  let start: Start | null = null;
  const push = (starts: Start) => {
    start = starts;
  };
  const response = await answer(request, { peer, push });
  if (start === null) await send(response, outgoing, incoming.method === "HEAD");
  else keepOpen(response, outgoing, start);
}

/** Reads a body; null where it is too long, or its sender went away. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of incoming) {
      bytes += piece.length;
      if (bytes > BODY_BYTES_MAX) return null;
      pieces.push(piece);
    }
  } catch {
    return null;
  }
  return Buffer.concat(pieces);
}

/** Makes a request of the web standard; null where it names nothing that can be asked for. */
function requestOf(
  { method = "GET", url = "/", headers }: IncomingMessage,
  scheme: string,
  body: Buffer,
): Request | null {
  try {
    const pairs = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name.startsWith(":") ? [] : [[name, [value].flat().join(", ")] as [string, string]],
    );
    const hasBody = method !== "GET" && method !== "HEAD" && body.length > 0;
    // The host is looked at by itself: here it only makes the address whole.
    return new Request(`${scheme}://localhost${url.startsWith("/") ? url : `/${url}`}`, {
      method,
      headers: pairs,
      ...(hasBody ? { body: new Uint8Array(body) } : {}),
    });
  } catch {
    return null;
  }
}

async function send(response: Response, outgoing: ServerResponse, isHead: boolean): Promise<void> {
  const body = isHead || response.body === null ? null : Buffer.from(await response.arrayBuffer());
  const length = body === null || response.status === 304 ? {} : { "Content-Length": body.length };
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), ...length });
  outgoing.end(body ?? undefined);
}

/** Sends the head of a response, and then whatever there is to tell, until one of both ends. */
function keepOpen(response: Response, outgoing: ServerResponse, start: Start): void {
  // Its end is the end of the connection, so pieces need no lengths: one write of the system for each.
  outgoing.useChunkedEncodingByDefault = false;
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), Connection: "close" });
  outgoing.flushHeaders();
  const stop = start({
    send: (bytes) => {
      if (outgoing.destroyed) return false;
      outgoing.write(bytes);
      return outgoing.writableLength <= UNREAD_BYTES_MAX;
    },
    end: () => outgoing.destroy(),
  });
  // It may have gone before there was anything to stop.
  if (outgoing.destroyed) stop();
  else outgoing.once("close", stop);
}

function listenFailed(host: string, port: number, cause: NodeJS.ErrnoException): RivuletError {
  if (cause.code === "EADDRINUSE") {
    return new RivuletError("port-in-use", `port ${port} on ${host} is in use`, {
      hint: `Take another port for HTTP: --set http.port=${port + 1}, or none: --set http.port=off`,
      cause,
    });
  }
  return new RivuletError("http-failed", `HTTP cannot be served on ${host}:${port}: ${cause.message}`, {
    hint: "Look at http.host and http.port; ports below 1024 need privileges.",
    cause,
  });
}
