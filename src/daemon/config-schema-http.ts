// The keys of the HTTP face.

import * as z from "zod/mini";
import { file, group, HOST, key } from "./config-values.ts";

const PORT = 8787;
const HOSTS_MAX = 32;
/** As a Host header has it, in lower case and without the port. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

export const httpSchema = group(
  {
    host: key(z.string().check(z.regex(HOST)), "127.0.0.1", {
      description: "Address on which HTTP is served",
      limit: "a host name or an IP address",
    }),
    port: key(z.union([z.int().check(z.minimum(0), z.maximum(65_535)), z.literal("off")]), PORT, {
      description: "Port of HTTP; 0 takes any free one, off serves none",
      limit: "a whole number from 0 to 65535, or off",
    }),
    hosts: key(z.array(z.string().check(z.regex(NAME))).check(z.maxLength(HOSTS_MAX)), [], {
      description: "Names under which it may be called, beside localhost and plain addresses",
      limit: `a list of up to ${HOSTS_MAX} host names in lower case`,
    }),
    tokenFile: file("File that holds the token; null is the file token in the data folder, made at the first start"),
    certFile: file("File with the certificate to show (PEM); goes with keyFile, and makes it HTTPS"),
    keyFile: file("File with that certificate's private key (PEM)"),
    insecure: key(z.boolean(), false, {
      description: "Lets it listen beyond this machine without TLS, where the token can be overheard",
      limit: "true, false",
    }),
  },
  "API, metrics and dashboard",
);
