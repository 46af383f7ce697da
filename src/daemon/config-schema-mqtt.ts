// The keys of the brokers: the one to bring along, and one to join.

import * as z from "zod";
import { duration, file, HOST, whole, words } from "./config-values.ts";

const COMMANDS = ["auto", "on", "off"] as const;
const PROTOCOLS = ["auto", "5", "3.1.1"] as const;
const PREFIX = /^[^/+#$\s\p{Cc}]{1,64}(\/[^/+#$\s\p{Cc}]{1,64}){0,5}$/u;
const BROKER = /^(embedded|mqtts?:\/\/[^\s/@?#]{1,255}\/?)$/;
const CLIENT_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Tells whether a word is "embedded" or the address of a broker; credentials have keys of their own. */
function isBroker(text: string): boolean {
  return text === "embedded" || (URL.canParse(text) && new URL(text).hostname !== "");
}

export const mqttSchema = z
  .strictObject({
    broker: z.string().regex(BROKER).refine(isBroker).prefault("embedded").meta({
      description: "The broker to bring along, or the address of one to join",
      limit: "embedded, mqtt://host:port or mqtts://host:port, without credentials",
    }),
    host: z.string().regex(HOST).prefault("127.0.0.1").meta({
      description: "Address on which the embedded broker listens",
      limit: "a host name or an IP address",
    }),
    port: whole("Port of the embedded broker; 0 takes any free one", "", 0, 65_535, 1883),
    prefix: z.string().regex(PREFIX).prefault("rivulet").meta({
      description: "First levels of every topic",
      limit: "1 to 6 topic levels of 1 to 64 characters, without +, #, $, blanks, or a slash at either end",
    }),
    username: z.string().min(1).max(256).nullable().prefault(null).meta({
      description: "User name that the broker asks for, or is given",
      limit: "1 to 256 characters, or null for none",
    }),
    passwordFile: file("File that holds the password"),
    caFile: file("File with the certificates of the authorities to trust (PEM)"),
    certFile: file("File with the certificate to show (PEM); goes with keyFile"),
    keyFile: file("File with that certificate's private key (PEM)"),
    insecure: z.boolean().prefault(false).meta({
      description: "Lets the embedded broker listen beyond this machine without password and TLS",
      limit: "true, false",
    }),
    commands: z
      .enum(COMMANDS)
      .prefault("auto")
      .meta(
        words(
          "Whether verbs that change something are obeyed over MQTT; auto is on the embedded broker only",
          COMMANDS,
        ),
      ),
    homeAssistant: z.boolean().prefault(false).meta({
      description: "Makes each model a device of Home Assistant, by discovery messages",
      limit: "true, false",
    }),
    discoveryPrefix: z.string().regex(PREFIX).prefault("homeassistant").meta({
      description: "First levels of the topics that Home Assistant reads",
      limit: "topic levels as for prefix",
    }),
    replyPrefix: z.string().regex(PREFIX).nullable().prefault(null).meta({
      description: "Begin of the response topics that requests may name (MQTT 5); null is <prefix>/bridge/reply",
      limit: "topic levels as for prefix, outside of it; or null",
    }),
    clientId: z.string().regex(CLIENT_ID).nullable().prefault(null).meta({
      description: "Name under which an external broker knows the daemon; null is one made at the first start",
      limit: "1 to 64 letters, digits, dots, underscores and hyphens, or null",
    }),
    protocol: z
      .enum(PROTOCOLS)
      .prefault("auto")
      .meta(words("MQTT version spoken with an external broker; auto is 5, else 3.1.1", PROTOCOLS)),
    keepalive: duration("Silence after which an external broker is asked whether it is there", "1s", "1h", "15s"),
  })
  .prefault({})
  .meta({ description: "Where samples come from" });
