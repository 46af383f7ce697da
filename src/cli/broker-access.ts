import type { BrokerAccess } from "../client/connect.ts";
import type { Config } from "../daemon/config.ts";
import { readCredentials } from "../daemon/open-broker.ts";

/** Addresses on which a broker listens, and at which it cannot be reached. */
const EVERYWHERE: readonly string[] = ["0.0.0.0", "::"];

/** Tells how a program on this machine reaches the configured broker. Throws `file-unreadable`. */
export function brokerAccess(config: Config): BrokerAccess {
  const { broker, host, port } = config.mqtt;
  const { username: named, password, tls } = readCredentials(config);
  const isEmbedded = broker === "embedded";
  // MQTT 3.1.1 knows no password without a name (3.1.2.9); the embedded broker that has no name takes any.
  const username = named ?? (password === null ? null : "rivulet");
  const scheme = tls === null ? "mqtt" : "mqtts";
  const here = EVERYWHERE.includes(host) ? "localhost" : host;
  const url = isEmbedded ? `${scheme}://${here.includes(":") ? `[${here}]` : here}:${port}` : broker;
  if (tls === null) return { url, username, password };
  // The certificate of the embedded broker is known here: it need not be one of an authority.
  const ca = [tls.ca, isEmbedded ? tls.cert : null].filter((file) => file !== null);
  return { url, username, password, tls: { ...tls, ca } };
}
