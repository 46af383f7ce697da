// What the HTTP face serves, put together. Loaded with the first request, for it brings a router with it; what it takes to
// answer Prometheus is loaded with the first scrape.

import { createApp, type HttpRooms } from "../http/app.ts";
import type { EventHub } from "../http/event-hub.ts";
import { Guard } from "../http/guard.ts";
import { DashboardFiles } from "./dashboard-files.ts";
import type { Answer } from "./http-server.ts";
import { isSameToken } from "./http-token.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { labelOf, readPayload } from "./read-payload.ts";
import type { Rooms } from "./rooms.ts";
import { answerText, type VerbDesk } from "./verb-desk.ts";
import { GUARDED, MUTATING, schemaOf, VERBS } from "./verbs.ts";
import { version } from "./version.ts";

export interface HttpFaceOptions {
  readonly rooms: Rooms;
  readonly desk: VerbDesk;
  readonly events: EventHub;
  readonly token: string;
  readonly log: Log;
  /** Why nothing is learned any more; null while the pipeline runs. */
  readonly ended: () => string | null;
}

/** Makes what answers the requests. */
export function httpFace(options: HttpFaceOptions): Answer {
  const { rooms, desk, events, token, log, ended } = options;
  const files = new DashboardFiles();
  let metrics: Promise<Metrics> | null = null;
  const app = createApp({
    version,
    events,
    verbs: VERBS.map((name) => ({ name, isMutating: isMutating(name), schema: schemaOf(name) })),
    guard: new Guard({
      hosts: () => [rooms.config.http.host.toLowerCase(), ...rooms.config.http.hosts],
      isToken: (given) => isSameToken(token, given),
      nowMs: () => performance.now(),
    }),
    ask: async (verb, params) => answerText((await ask(desk, verb, params)) ?? null),
    readBody: (bytes) => readPayload({ payload: bytes }, bytes.length),
    health: () => ({ reason: ended() }),
    ready: () => ({ reason: ended() ?? unreadyOf(rooms) }),
    metrics: async () => {
      metrics ??= import("./metrics.ts").then(({ openMetrics }) => openMetrics(rooms, events));
      const { contentType, read } = await metrics;
      return { contentType, text: await read() };
    },
    file: (path) => files.find(path),
    onDefect: (error, path) => {
      const stack = error instanceof Error ? error.stack : String(error);
      log.error({ path, stack }, "a request could not be answered: this is a defect of the program");
    },
  } satisfies HttpRooms);
  return async (request, connection) => app.fetch(request, connection);
}

function isMutating(verb: string): boolean {
  return MUTATING.includes(verb) || GUARDED.includes(verb);
}

async function ask(desk: VerbDesk, verb: string, asked: Readonly<Record<string, unknown>>): Promise<unknown> {
  if (!isMutating(verb)) return desk.query(verb, asked);
  const { transaction, ...params } = asked;
  return desk.order({ verb, params, transaction: labelOf(transaction, "transaction"), placed: () => {} });
}

/** Says why samples that come now would not become durable; null where they would. */
function unreadyOf({ broker, failure, stopping }: Rooms): string | null {
  if (stopping.aborted) return "the daemon stops";
  const failing = failure();
  if (failing !== null) return `commits fail: ${failing.message}`;
  const status = broker?.status();
  if (status === undefined || status.online) return null;
  return `no connection to the broker ${status.url}: ${status.reason}`;
}
