import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RivuletError } from "../error.ts";
import type { Broker, Credentials } from "../mqtt/broker.ts";
import type { ExternalChange } from "../mqtt/external.ts";
import type { Config } from "./config.ts";
import { CREDENTIALS } from "./config-shape.ts";
import type { Log } from "./log.ts";
import { bridgeStateTopic, OFFLINE } from "./retained.ts";

const CONNECT_MS_MAX = 10_000;

/**
 * Opens the broker that the configuration asks for, and loads no other: each brings a library along. `onOnline` is called
 * on each connection to an external one.
 */
export async function openBroker(
  config: Config,
  credentials: Credentials,
  log: Log,
  onOnline: () => void,
): Promise<Broker> {
  const { mqtt, intake } = config;
  const { payloadBytesMax, bytesMax } = intake;
  const common = { prefix: mqtt.prefix, credentials, payloadBytesMax, bytesMax };
  if (mqtt.broker === "embedded") {
    const { host, port, insecure } = mqtt;
    const { openEmbeddedBroker } = await import("../mqtt/embedded.ts");
    return openEmbeddedBroker({
      ...common,
      host,
      port,
      insecure,
      onDisconnected: (told) => log.warn(told, "a client was disconnected"),
    });
  }
  const clientId = mqtt.clientId ?? ownClientId(config.data);
  const { openExternalBroker } = await import("../mqtt/external.ts");
  const session = new SessionMark(config.data, `${clientId} at ${mqtt.broker}`);
  return openExternalBroker({
    ...common,
    url: mqtt.broker,
    clientId,
    hadSession: session.isThere(),
    onSession: () => session.put(),
    protocol: mqtt.protocol,
    keepaliveSeconds: Math.max(1, Math.round(mqtt.keepaliveMs / 1000)),
    connectMsMax: CONNECT_MS_MAX,
    will: { topic: bridgeStateTopic(mqtt.prefix), payload: OFFLINE },
    onOnline,
    onChange: changeLogger(mqtt.broker, log),
  });
}

/** Reads password and certificates. Throws `file-unreadable`, and `config-invalid` where the password is empty. */
export function readCredentials({ mqtt }: Config): Credentials {
  const { broker, username, passwordFile, caFile, certFile, keyFile } = mqtt;
  const read = (file: string | null) => (file === null ? null : readSecret(file));
  const secured = broker === "embedded" ? certFile !== null : broker.startsWith("mqtts:");
  const password =
    read(passwordFile)
      ?.toString("utf8")
      .replace(/\r?\n$/, "") ?? null;
  if (password === "") {
    throw new RivuletError("config-invalid", `mqtt.passwordFile: the file ${passwordFile} is empty`, {
      hint: "Write the password into it, or leave mqtt.passwordFile out: an empty password protects nothing.",
    });
  }
  return {
    username,
    password,
    tls: secured ? { ca: read(caFile), cert: read(certFile), key: read(keyFile) } : null,
  };
}

/** Reads a file that is named in the configuration. Throws `file-unreadable`. */
export function readSecret(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new RivuletError("file-unreadable", `the file ${file} cannot be read`, {
      hint: file.includes(CREDENTIALS)
        ? "Only the service is given its credentials. To publish by hand, name files of your own: --set mqtt.passwordFile=FILE"
        : "Files that the configuration names must be readable by the user that runs the daemon.",
      cause,
    });
  }
}

/** Reads the name that this data folder has at brokers; the first time it makes one, that no other daemon has. */
function ownClientId(data: string): string {
  const path = join(data, "client-id");
  try {
    const known = readFileSync(path, "utf8").trim();
    if (known !== "") return known;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const made = `rivulet-${randomBytes(8).toString("hex")}`;
  writeFileSync(path, `${made}\n`);
  return made;
}

/** Remembers, across restarts, that a broker keeps a session for this data folder: that it was lost can be told then. */
class SessionMark {
  readonly #path: string;
  readonly #whose: string;

  /** `whose` names client and broker: another one has no session to lose. */
  constructor(data: string, whose: string) {
    this.#path = join(data, "broker-session");
    this.#whose = `${whose}\n`;
  }

  isThere(): boolean {
    try {
      return readFileSync(this.#path, "utf8") === this.#whose;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return false;
    }
  }

  put(): void {
    if (!this.isThere()) writeFileSync(this.#path, this.#whose);
  }
}

/** Logs what happens to a connection: each new reason once, not each attempt. */
function changeLogger(broker: string, log: Log): (change: ExternalChange) => void {
  let toldReason: string | null = null;
  return (change) => {
    switch (change.kind) {
      case "online":
        log.info({ broker, protocol: change.protocol, attempts: change.attempts }, "connected to the broker");
        toldReason = null;
        return;
      case "offline":
        if (change.reason === toldReason) return;
        toldReason = change.reason;
        log.warn({ broker, reason: change.reason, retryMs: Math.round(change.retryMs) }, "no connection to the broker");
        return;
      case "downgrade":
        log.warn({ broker, reason: change.reason }, "the broker does not speak MQTT 5; trying 3.1.1");
        return;
      case "passing":
        log.warn(
          { broker, heldBytes: change.heldBytes },
          "the broker sends more than may be held: what comes now is left with it until what is held is done",
        );
        return;
      case "asking-again":
        log.info({ broker, passedOver: change.passedOver }, "the broker is asked again for what was passed over");
        return;
      case "session-lost":
        log.warn({ broker }, "the broker forgot the session: what it had kept for the daemon is gone");
        return;
    }
  };
}
