import { readFileSync } from "node:fs";
import { RivuletError } from "../error.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "../mqtt/embedded.ts";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";

/** Opens the broker that the configuration asks for. Throws `not-supported-yet` for one that this release cannot join. */
export function openBroker({ mqtt, intake }: Config, log: Log): Promise<EmbeddedBroker> {
  if (mqtt.broker !== "embedded") {
    throw new RivuletError(
      "not-supported-yet",
      `this release cannot join the broker ${mqtt.broker}; it only brings its own`,
      { hint: "Set mqtt.broker to embedded." },
    );
  }
  if (mqtt.certFile !== null || mqtt.keyFile !== null) {
    throw new RivuletError("not-supported-yet", "this release's embedded broker has no TLS", {
      hint: "Take mqtt.certFile and mqtt.keyFile out of the configuration, and keep the broker on the loopback address.",
    });
  }
  return openEmbeddedBroker({
    host: mqtt.host,
    port: mqtt.port,
    prefix: mqtt.prefix,
    username: mqtt.username,
    password: mqtt.passwordFile === null ? null : readSecret(mqtt.passwordFile),
    insecure: mqtt.insecure,
    payloadBytesMax: intake.payloadBytesMax,
    bytesMax: intake.bytesMax,
    onRefusedConnection: (refused) =>
      log.warn(refused, "a packet over the limit that is no message; its connection was closed"),
  });
}

/** Reads a secret; the end of the line is not part of it. Throws `file-unreadable`. */
function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new RivuletError("file-unreadable", `the password file ${file} cannot be read`, { cause });
  }
}
