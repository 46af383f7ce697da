import querystring from "node:querystring";
import { domainToASCII } from "node:url";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { RivuletError } from "../error.ts";

/** Holds certificates (PEM): of authorities to trust, none being those of the system, and the own one to show. */
export interface TlsAccess {
  readonly ca: readonly Buffer[];
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

/** Tells where a broker is and how it lets one in. */
export interface BrokerAccess {
  /** mqtt://host:port or mqtts://host:port. */
  readonly url: string;
  readonly username?: string | null;
  readonly password?: string | null;
  /** Of use with mqtts:// only. */
  readonly tls?: TlsAccess;
}

const CONNECT_MS_MAX = 10_000;

/** Connects once: the client never connects anew by itself. Rejects with the broker's or the network's reason. */
export async function connectOnce(access: BrokerAccess, keepaliveSeconds = 60): Promise<MqttClient> {
  const { url, username = null, password = null, tls } = access;
  const client = connect({
    ...addressOf(url),
    ...(tls === undefined || tls.ca.length === 0 ? {} : { ca: [...tls.ca] }),
    ...(tls === undefined || tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls === undefined || tls.key === null ? {} : { key: tls.key }),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    manualConnect: true,
    // Connected by 3.1.1, which every broker speaks, the one that Rivulet brings along among them.
    protocolVersion: 4,
    keepalive: keepaliveSeconds,
    connectTimeout: CONNECT_MS_MAX,
    reconnectPeriod: 0,
  });
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    // The first reason counts; after the connection, its end tells all there is to tell.
    client.on("error", reject);
    client.once("close", () => reject(new Error("it closed the connection")));
    client.connect();
  }).catch((error) => {
    client.end(true);
    throw error;
  });
  return client;
}

/**
 * Takes an address apart. mqtt.js would do it by a function that Node has deprecated, and says so to whoever runs the program
 * where the package is bundled. Throws `usage` where it is none.
 */
export function addressOf(url: string): IClientOptions {
  const found = URL.canParse(url) ? new URL(url) : null;
  const { protocol = "", hostname = "", port = "", username = "", password = "" } = found ?? {};
  if ((protocol !== "mqtt:" && protocol !== "mqtts:") || hostname === "") {
    throw new RivuletError("usage", `${url} is no address of a broker: mqtt://host:port, or mqtts:// for TLS`);
  }
  return {
    protocol: protocol === "mqtt:" ? "mqtt" : "mqtts",
    host: nameOf(hostname),
    ...(port === "" ? {} : { port: Number(port) }),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}

/** Gives a host as it is looked up: of a scheme that is not the web's, URL leaves brackets, and other letters in percent signs. */
function nameOf(hostname: string): string {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return domainToASCII(querystring.unescape(hostname)) || hostname;
}

/** Says that a broker cannot be reached. */
export function unreachable(url: string, cause: unknown): RivuletError {
  return new RivuletError("broker-failed", `the broker ${url} cannot be reached: ${reasonOf(cause)}`, {
    hint: "Is the daemon running (`npm start`), and are mqtt.host and mqtt.port the same here as there?",
    cause,
  });
}

/** Puts the reason why a connection came to nothing into words. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || String(cause) : "it closed the connection";
}
