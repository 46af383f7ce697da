// A bare mqtt.js subscriber, QoS 1, MQTT 5, that counts messages and does nothing with them: subscriber-peer.ts URL TOPIC
// WINDOW. A number of messages comes in, and goes out when so many have come since the last answer.

import { createInterface } from "node:readline";
import { connectAsync } from "mqtt";

const [url = "", topic = "", window] = process.argv.slice(2);
let count = 0;
let wanted = Number.POSITIVE_INFINITY;
const client = await connectAsync(url, {
  protocolVersion: 5,
  properties: { receiveMaximum: Number(window) },
});
client.on("message", () => {
  count++;
  answer();
});
await client.subscribeAsync(topic, { qos: 1 });
console.log("a bare mqtt.js subscriber");
for await (const line of createInterface({ input: process.stdin })) {
  wanted = Number(line);
  answer();
}

function answer(): void {
  if (count < wanted) return;
  count -= wanted;
  console.log(wanted);
  wanted = Number.POSITIVE_INFINITY;
}
