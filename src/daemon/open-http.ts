import { EventHub } from "../http/event-hub.ts";
import type { Model } from "../stream/model.ts";
import type { HttpFaceOptions } from "./http-face.ts";
import { type Answer, type HttpServer, serveHttp } from "./http-server.ts";
import { httpToken } from "./http-token.ts";
import { readSecret } from "./open-broker.ts";

/** Is the HTTP face while it is open. */
export interface OpenHttp extends HttpServer {
  readonly token: string;
}

/** Opens the HTTP face; null where the configuration wants none. Throws `port-in-use`, `http-failed`, `file-unreadable`. */
export async function openHttp(options: Omit<HttpFaceOptions, "token">): Promise<OpenHttp | null> {
  const { config } = options.rooms;
  const { host, port, certFile, keyFile } = config.http;
  if (port === "off") return null;
  const token = httpToken(config);
  const tls = certFile === null || keyFile === null ? null : { cert: readSecret(certFile), key: readSecret(keyFile) };
  let face: Promise<Answer> | null = null;
  const answer: Answer = async (request, connection) => {
    face ??= import("./http-face.ts").then(({ httpFace }) => httpFace({ ...options, token }));
    return (await face)(request, connection);
  };
  const server = await serveHttp({ host, port, tls, answer });
  return {
    ...server,
    token,
    close: () => {
      options.events.close();
      return server.close();
    },
  };
}

/** Opens the hub of events; who begins to listen is told first how each model stands. */
export function openEventHub(models: ReadonlyMap<string, Model>, startedAt: number): EventHub {
  return new EventHub(startedAt.toString(36), () => [...models.values()].map(stepEvent));
}

/** Says how a model stands, as the event `step`. It may run ahead of the commit. */
export function stepEvent(model: Model) {
  const { name, state, durableSequence, pending, newestSnapshot, metrics } = model;
  const { step, sequence, cost, undone } = state;
  const at = new Date().toISOString();
  const told = { model: name, at, step, sequence, durableSequence, pending, cost, undone, newestSnapshot, metrics };
  return { event: "step", data: JSON.stringify(told) };
}
