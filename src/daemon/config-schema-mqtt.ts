// The keys of the brokers: the one to bring along, and one to join.

import * as z from "zod/mini";
import { duration, file, group, HOST, key, whole, words } from "./config-values.ts";

const COMMANDS = ["auto", "on", "off"] as const;
const PROTOCOLS = ["auto", "5", "3.1.1"] as const;
const PREFIX = /^[^/+#$\s\p{Cc}]{1,64}(\/[^/+#$\s\p{Cc}]{1,64}){0,5}$/u;
const BROKER = /^(embedded|mqtts?:\/\/[^\s/@?#]{1,255}\/?)$/;
const CLIENT_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Tells whether a word is "embedded" or the address of a broker; credentials have keys of their own. */
function isBroker(text: string): boolean {
  return text === "embedded" || (URL.canParse(text) && new URL(text).hostname !== "");
}

export const mqttSchema = group(
  {
    broker: key(z.string().check(z.regex(BROKER), z.refine(isBroker)), "embedded", {
      description: "The broker to bring along, or the address of one to join",
      limit: "embedded, mqtt://host:port or mqtts://host:port, without credentials",
    }),
    host: key(z.string().check(z.regex(HOST)), "127.0.0.1", {
      description: "Address on which the embedded broker listens",
      limit: "a host name or an IP address",
    }),
    port: whole("Port of the embedded broker; 0 takes any free one", "", 0, 65_535, 1883),
    prefix: key(z.string().check(z.regex(PREFIX)), "rivulet", {
      description: "First levels of every topic",
      limit: "1 to 6 topic levels of 1 to 64 characters, without +, #, $, blanks, or a slash at either end",
    }),
    username: key(z.nullable(z.string().check(z.minLength(1), z.maxLength(256))), null, {
      description: "User name that the broker asks for, or is given",
      limit: "1 to 256 characters, or null for none",
    }),
    passwordFile: file("File that holds the password"),
    caFile: file("File with the certificates of the authorities to trust (PEM)"),
    certFile: file("File with the certificate to show (PEM); goes with keyFile"),
    keyFile: file("File with that certificate's private key (PEM)"),
    insecure: key(z.boolean(), false, {
      description: "Lets the embedded broker listen beyond this machine without password and TLS",
      limit: "true, false",
    }),
    commands: key(
      z.enum(COMMANDS),
      "auto",
      words("Whether verbs that change something are obeyed over MQTT; auto is on the embedded broker only", COMMANDS),
    ),
    homeAssistant: key(z.boolean(), false, {
      description: "Makes each model a device of Home Assistant, by discovery messages",
      limit: "true, false",
    }),
    discoveryPrefix: key(z.string().check(z.regex(PREFIX)), "homeassistant", {
      description: "First levels of the topics that Home Assistant reads",
      limit: "topic levels as for prefix",
    }),
    replyPrefix: key(z.nullable(z.string().check(z.regex(PREFIX))), null, {
      description: "Begin of the response topics that requests may name (MQTT 5); null is <prefix>/bridge/reply",
      limit: "topic levels as for prefix, outside of it; or null",
    }),
    clientId: key(z.nullable(z.string().check(z.regex(CLIENT_ID))), null, {
      description: "Name under which an external broker knows the daemon; null is one made at the first start",
      limit: "1 to 64 letters, digits, dots, underscores and hyphens, or null",
    }),
    protocol: key(
      z.enum(PROTOCOLS),
      "auto",
      words("MQTT version spoken with an external broker; auto is 5, else 3.1.1", PROTOCOLS),
    ),
    keepalive: duration("Silence after which an external broker is asked whether it is there", "1s", "1h", "15s"),
  },
  "Where samples come from",
);
