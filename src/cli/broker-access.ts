import type { PublishOptions } from "../client/publisher.ts";
import type { Config } from "../daemon/config.ts";
import { readCredentials } from "../daemon/open-broker.ts";

type Access = Pick<PublishOptions, "url" | "username" | "password" | "tls">;

/** Tells how a program on this machine reaches the configured broker. Throws `file-unreadable`. */
export function brokerAccess(config: Config): Access {
  const { broker, host, port } = config.mqtt;
  const { username, password, tls } = readCredentials(config);
  const isEmbedded = broker === "embedded";
  const scheme = tls === null ? "mqtt" : "mqtts";
  const url = isEmbedded ? `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}` : broker;
  if (tls === null) return { url, username, password };
  // The certificate of the embedded broker is known here: it need not be one of an authority.
  const ca = [tls.ca, isEmbedded ? tls.cert : null].filter((file) => file !== null);
  return { url, username, password, tls: { ...tls, ca } };
}
