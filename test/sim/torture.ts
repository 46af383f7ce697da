// Runs the machine that tries for longer than the tests do: npm run torture -- --seed S --kills N. N counts the kills over
// both brokers together.

import { fileURLToPath } from "node:url";
import { inspect, parseArgs } from "node:util";
import { programs } from "../programs.ts";
import { buildBundle } from "./daemon-child.ts";
import { torture } from "./machine.ts";

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const { values } = parseArgs({
  options: { seed: { type: "string", default: String(Date.now() % 1e6) }, kills: { type: "string", default: "100" } },
});
for (const [name, text] of Object.entries(values)) {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    console.error(`--${name} is ${text}; a whole number of at least 1 is needed`);
    process.exit(64);
  }
}
const [seed, kills] = [Number(values.seed), Number(values.kills)];
const command = `npm run torture -- --seed ${seed} --kills ${kills}`;
const brokers = programs.mosquitto ? (["embedded", "mosquitto"] as const) : (["embedded"] as const);
console.log(command);
if (!programs.mosquitto) console.log("without Mosquitto, which is not on this machine");
if (!programs.cc) console.log("without full disks, for there is no C compiler on this machine");
buildBundle();
try {
  for (const [b, broker] of brokers.entries()) await run(broker, Math.floor((kills + b) / brokers.length));
  console.log(
    `nothing lost, nothing twice; at most ${Math.round(process.resourceUsage().maxRSS / 1000)} MB of memory here`,
  );
} catch (error) {
  console.error(`\n${inspect(error)}\nfailed; again: ${command}`);
  process.exitCode = 1;
}

async function run(broker: "embedded" | "mosquitto", kills: number): Promise<void> {
  const startedAt = performance.now();
  const result = await torture({
    ...{ seed, kills, broker, main },
    onLife: (counts) => {
      const seconds = (performance.now() - startedAt) / 1000;
      const told = `${broker}: ${counts.kills} of ${kills} kills, ${counts.stops} stops, ${seconds.toFixed(0)} s `;
      if (process.stdout.isTTY) process.stdout.write(`\r${told}`);
      else if (counts.kills % 50 === 0) console.log(told);
    },
  });
  const { lives, stops, diskTroubles, brokerTroubles, rows, steps, snapshots, orders, refused, silences, seconds } =
    result;
  if (process.stdout.isTTY) process.stdout.write("\r");
  console.log(
    `${broker}: ${lives} lives, ${result.kills} kills, ${stops} stops, ${diskTroubles} troubles of the disk, ${brokerTroubles} of the broker; ` +
      `${rows} rows, ${steps} steps, ${snapshots} snapshots, ${orders} orders obeyed, ${refused} messages refused, ${silences} silences broken; ` +
      `${seconds.toFixed(0)} s, ${(seconds / lives).toFixed(2)} s a life`,
  );
}
