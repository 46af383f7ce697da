// A bare aedes, which acknowledges at once and does nothing with what comes. Its first line is its name, the second its port.

import { createServer } from "node:net";
import { Aedes } from "aedes";

const aedes = await Aedes.createBroker();
const server = createServer({ noDelay: true }, aedes.handle);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log("a bare aedes");
  process.stdin.on("data", () => console.log(typeof address === "object" ? address?.port : 0));
});
