// The HTTP face as a function from a request to a response. What it serves comes in as functions; sockets are the
// daemon's business.

import { type Context, Hono } from "hono";
import type * as z from "zod/mini";
import { RivuletError } from "../error.ts";
import { statusOf } from "./error-status.ts";
import type { EventHub, Listener } from "./event-hub.ts";
import type { Guard, Need } from "./guard.ts";
import { openApiDocument } from "./openapi.ts";
import { readQuery } from "./query-params.ts";
import { type StaticFile, staticResponse } from "./static-files.ts";

export interface VerbEntry {
  readonly name: string;
  /** Whether it changes something: such a verb is asked for by POST only. */
  readonly isMutating: boolean;
  readonly schema: z.core.$ZodType;
}

/** Says how the daemon is; `reason` is null where all is well. */
export interface Condition {
  readonly reason: string | null;
}

/** What the app serves. */
export interface HttpRooms {
  readonly version: string;
  readonly verbs: readonly VerbEntry[];
  readonly guard: Guard;
  readonly events: EventHub;
  /** Answers a verb with JSON. Throws RivuletError, also where there is none of that name. */
  readonly ask: (verb: string, params: Record<string, unknown>) => Promise<string>;
  /** Reads JSON whose size and depth are bounded. Throws `usage`, `too-deep`. */
  readonly readBody: (bytes: Uint8Array) => unknown;
  readonly health: () => Condition;
  readonly ready: () => Condition;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Finds a file of the dashboard by its path, such as `/index.html`. */
  readonly file: (path: string) => StaticFile | null;
  /** Notes a defect of the program. */
  readonly onDefect: (error: unknown, path: string) => void;
}

/** What the server says of a connection. */
export interface Connection {
  /** The address it comes from. */
  readonly peer: string;
  /**
   * Keeps the connection open after the head of the response: `start` is called then, and what it returns when the other
   * end has gone. A stream of the web standard does the same at three times the price.
   */
  readonly push: (start: (listener: Listener) => () => void) => void;
}

type Env = { Bindings: Connection };

const JSON_TYPE = { "Content-Type": "application/json" };
const DATA_PATH = /^\/(api\/|api$|health$|ready$|metrics$)/;

/** Makes the app. Every error is answered, with its code. */
export function createApp(rooms: HttpRooms): Hono<Env> {
  const { guard, events, verbs } = rooms;
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    await next();
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    c.header("Cross-Origin-Resource-Policy", "same-origin");
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
    if (!c.res.headers.has("Content-Security-Policy")) {
      c.header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    }
  });
  app.use(async (c, next) => {
    guard.check(c.req.raw.headers, c.env.peer, needOf(c.req.method, c.req.path));
    await next();
  });
  app.get("/health", (c) => condition(c, rooms.health()));
  app.get("/ready", (c) => condition(c, rooms.ready()));
  app.get("/metrics", async (c) => {
    const { contentType, text } = await rooms.metrics();
    return c.body(text, 200, { "Content-Type": contentType });
  });
  app.get("/api/openapi.json", (c) => c.json(openApiDocument(rooms.version, verbs) as object));
  app.get("/api/events", (c) => {
    if (events.isFull) throw new RivuletError("busy", "too many listen already", { hint: "Close a dashboard." });
    const lastEventId = c.req.header("last-event-id") ?? null;
    if (c.req.method !== "HEAD") c.env.push((listener) => events.add(listener, lastEventId));
    return c.body(null, 200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
  });
  app.get("/api/:verb", async (c, next) => {
    if (verbs.find(({ name }) => name === c.req.param("verb"))?.isMutating !== true) return next();
    c.header("Allow", "POST");
    return refusal(c, new RivuletError("usage", "it changes something: ask for it by POST"), 405);
  });
  app.on(["GET", "POST"], "/api/:verb", async (c) => c.body(await answer(rooms, c), 200, JSON_TYPE));
  app.get("*", (c) => {
    const file = DATA_PATH.test(c.req.path) ? null : rooms.file(c.req.path);
    return file === null ? c.notFound() : staticResponse(file, c.req.raw.headers);
  });
  app.notFound((c) => refusal(c, new RivuletError("usage", `nothing is at ${c.req.path.slice(0, 200)}`), 404));
  app.onError((error, c) => {
    if (error instanceof RivuletError) return refusal(c, error, statusOf(error.code));
    rooms.onDefect(error, c.req.path);
    const told = new RivuletError("internal", "the daemon has a defect here", { hint: "Its log tells more." });
    return refusal(c, told, 500);
  });
  return app;
}

function needOf(method: string, path: string): Need {
  if (method !== "GET" && method !== "HEAD") return "write";
  return DATA_PATH.test(path) ? "read" : "open";
}

async function answer({ verbs, ask, readBody }: HttpRooms, c: Context<Env>): Promise<string> {
  const name = c.req.param("verb") ?? "";
  const verb = verbs.find((one) => one.name === name);
  if (verb === undefined) return ask(name, {});
  if (c.req.method === "POST") {
    const type = c.req.header("content-type") ?? "";
    const body = new Uint8Array(await c.req.arrayBuffer());
    // A form of any page can send other types, without its browser asking first whether it may.
    if (body.length > 0 && !/^application\/json\s*(;|$)/i.test(type)) {
      throw new RivuletError("usage", "the body must be application/json");
    }
    const params = readBody(body);
    if (typeof params !== "object" || params === null || Array.isArray(params)) {
      throw new RivuletError("usage", "the body must be a JSON object, or empty");
    }
    return ask(name, { ...params });
  }
  return ask(name, readQuery(verb.schema, new URL(c.req.url).searchParams));
}

function condition(c: Context<Env>, { reason }: Condition): Response {
  return reason === null ? c.json({ status: "ok" }) : c.json({ status: "failing", reason }, 503);
}

function refusal(c: Context<Env>, { code, message, hint }: RivuletError, status: number): Response {
  if (code === "token-needed") c.header("WWW-Authenticate", "Bearer");
  if (code === "too-many-attempts") c.header("Retry-After", "60");
  const body = JSON.stringify({ error: { code, message: message.slice(0, 1000), hint } });
  return c.body(body, status as 400, JSON_TYPE);
}
