// Publishes samples, one a message, at a steady rate until it is ended: node soak-publisher.ts URL RATE

import { publish } from "../../src/client/publisher.ts";
import { Random } from "../../src/learner/random.ts";

const [url = "", rate = "0"] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
// The one who started it is gone.
process.once("disconnect", () => process.exit(1));

function* samples(): Generator<string> {
  const random = new Random(1);
  for (;;) {
    const [x1, x2] = [random.normal(), random.normal()];
    yield `{"x1":${x1.toFixed(4)},"x2":${x2.toFixed(4)},"y":${x1 * x1 + x2 * x2 < 1.4 ? 1 : 0}}`;
  }
}

await publish({
  url,
  username: null,
  password: null,
  topic: "rivulet/default/sample",
  qos: 1,
  rate: Number(rate),
  payloads: samples(),
  signal: stop.signal,
  onProgress: () => {},
});
process.disconnect();
