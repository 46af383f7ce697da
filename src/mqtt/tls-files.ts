import { createSecureContext, type SecureContextOptions } from "node:tls";
import { RivuletError } from "../error.ts";
import type { TlsFiles } from "./broker.ts";

/** Puts certificates into the words of Node. Throws `broker-failed` where they are not what they should be. */
export function secureContextOptions({ ca, cert, key }: TlsFiles): SecureContextOptions {
  const options = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RivuletError("broker-failed", `the certificates cannot be used: ${reason}`, {
      hint: "Look at mqtt.caFile, mqtt.certFile and mqtt.keyFile: PEM, and the key must belong to the certificate.",
      cause,
    });
  }
  return options;
}
