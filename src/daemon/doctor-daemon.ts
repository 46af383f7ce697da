import { once } from "node:events";
import { connect } from "node:net";
import { commitBytes } from "../stream/commit-policy.ts";
import type { Config } from "./config.ts";
import type { Finding } from "./doctor.ts";
import type { Rooms } from "./rooms.ts";
import { megabytes } from "./text.ts";

const CONNECT_MS_MAX = 3000;
const DAY_SECONDS = 86_400;
/** A rate of fewer seconds says nothing. */
const RATE_SECONDS_MIN = 60;
const PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883 };

/** Looks whether the broker is there: by the daemon's own connection where it runs, else by a connection that says nothing. */
export async function brokerOf({ mqtt }: Config, rooms: Rooms | null): Promise<Finding> {
  const what = "broker";
  if (rooms !== null && rooms.broker !== null) {
    const { online, url, reason, dropped } = rooms.broker.status();
    if (!online) return { what, outcome: "fail", says: `${url}: ${reason}`, todo: reach(url) };
    const lost = dropped > 0 ? `, ${dropped} messages of QoS 0 were dropped` : "";
    return { what, outcome: dropped > 0 ? "warn" : "ok", says: `${url} is online${lost}`, todo: null };
  }
  const isEmbedded = mqtt.broker === "embedded";
  if (isEmbedded && mqtt.port === 0) return { what, outcome: "ok", says: "embedded, on any free port", todo: null };
  const url = isEmbedded
    ? `mqtt://${mqtt.host.includes(":") ? `[${mqtt.host}]` : mqtt.host}:${mqtt.port}`
    : mqtt.broker;
  const answers = await isListening(new URL(url));
  if (isEmbedded) {
    return answers
      ? { what, outcome: "fail", says: `another program listens on ${url}`, todo: "rivulet start --set mqtt.port=1884" }
      : { what, outcome: "ok", says: `embedded; ${url} is free`, todo: null };
  }
  return answers
    ? {
        what,
        outcome: "ok",
        says: `${url} can be reached; whether it lets the daemon in shows when it runs`,
        todo: null,
      }
    : { what, outcome: "fail", says: `${url} cannot be reached`, todo: reach(url) };
}

/** Looks whether commits succeed, and how much they write. */
export function commitsOf({ counters, config, failure }: Rooms, uptimeSeconds: number): readonly Finding[] {
  const what = "commits";
  const { commits, committedRows } = counters;
  const failing = failure();
  if (failing !== null)
    return [{ what, outcome: "fail", says: `none succeeds: ${failing.message}`, todo: failing.hint }];
  const bytes = commits * commitBytes(commits === 0 ? 0 : committedRows / commits);
  const perDay = (bytes / uptimeSeconds) * DAY_SECONDS;
  const { profile, bytesPerDay } = config.commit;
  const isMuch = uptimeSeconds >= RATE_SECONDS_MIN && perDay > bytesPerDay;
  const rate = uptimeSeconds >= RATE_SECONDS_MIN ? `, ${megabytes(perDay)} a day` : "";
  const says = `${commits} of ${committedRows} rows since the start, about ${megabytes(bytes)} written${rate} (${profile})`;
  const todo = isMuch ? "an SD card wears: --set commit.profile=sd-card, or raise commit.bytesPerDay" : null;
  return [{ what, outcome: isMuch ? "warn" : "ok", says, todo }];
}

function reach(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `nc -vz ${hostname} ${port || PORTS[protocol]}`;
}

async function isListening({ hostname, port, protocol }: URL): Promise<boolean> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connect({ host, port: Number(port || PORTS[protocol]), timeout: CONNECT_MS_MAX });
  socket.once("timeout", () => socket.destroy(new Error("no answer")));
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
