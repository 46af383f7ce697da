import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { Daemon } from "../../src/daemon/daemon.ts";
import { onEnd } from "./open.ts";

export interface Called {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of what is JSON. */
  readonly body: unknown;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The address of the caller. */
  readonly from?: string;
  /** The address that is called. */
  readonly to?: string;
}

/** Sends a request as it is told to, be it one that no browser would send. */
export async function send(daemon: Daemon, path: string, how: Call = {}): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, body, from, to = "127.0.0.1" } = how;
  const port = daemon.http?.port ?? 0;
  const options = { host: to, port, path, method, headers, agent: false };
  const outgoing = request({ ...options, ...(from === undefined ? {} : { localAddress: from }) });
  onEnd(() => outgoing.destroy());
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  return incoming;
}

/** Sends a request and reads the whole answer. */
export async function call(daemon: Daemon, path: string, how: Call = {}): Promise<Called> {
  const incoming = await send(daemon, path, how);
  let text = "";
  for await (const piece of incoming.setEncoding("utf8")) text += piece;
  const isJson = incoming.headers["content-type"]?.startsWith("application/json") === true;
  const { statusCode: status = 0, headers } = incoming;
  return { status, headers, text, body: isJson && text !== "" ? JSON.parse(text) : null };
}

/** Says who may order something. */
export function bearer(daemon: Daemon): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${daemon.http?.token}`, "content-type": "application/json" };
}

/** Orders something, with the token. */
export function order(daemon: Daemon, verb: string, params: unknown = {}): Promise<Called> {
  return call(daemon, `/api/${verb}`, { method: "POST", headers: bearer(daemon), body: JSON.stringify(params) });
}

export interface Told {
  readonly id: string | null;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Listens to the events; what was told so far is in the list that is returned. */
export async function listen(
  daemon: Daemon,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly told: Told[]; readonly incoming: IncomingMessage; readonly ended: () => boolean }> {
  const incoming = await send(daemon, "/api/events", { headers });
  const told: Told[] = [];
  let rest = "";
  let hasEnded = false;
  incoming.once("close", () => {
    hasEnded = true;
  });
  incoming.on("error", () => {});
  incoming.setEncoding("utf8").on("data", (text: string) => {
    const pieces = (rest + text).split("\n\n");
    rest = pieces.pop() ?? "";
    for (const piece of pieces) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(piece)?.[1] ?? null;
      const event = field("event");
      if (event !== null) told.push({ id: field("id"), event, data: JSON.parse(field("data") ?? "{}") });
    }
  });
  return { told, incoming, ended: () => hasEnded };
}
