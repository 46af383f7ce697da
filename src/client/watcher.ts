import { connect } from "mqtt";
import { addressOf } from "./connect.ts";

export interface WatchOptions {
  /** mqtt://host:port. */
  readonly url: string;
  readonly filters: readonly string[];
  readonly onMessage: (topic: string, payload: string) => void;
}

/** Subscribes to topics and tells what comes, connecting anew where the connection is lost; returns what ends it. */
export async function watch({ url, filters, onMessage }: WatchOptions): Promise<() => Promise<void>> {
  const client = connect({ ...addressOf(url), manualConnect: true, protocolVersion: 4, reconnectPeriod: 500 });
  // The attempts to reconnect go on.
  client.on("error", () => {});
  client.on("message", (topic, payload) => onMessage(topic, payload.toString("utf8")));
  const connected = new Promise<void>((resolve) => client.once("connect", () => resolve()));
  client.connect();
  await connected;
  await client.subscribeAsync([...filters]);
  return () => client.endAsync(true);
}
