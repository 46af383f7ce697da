// Runs the machine that tries for longer than the tests do: npm run torture -- --seed S --kills N. About 1.5 s a kill and broker.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({
  options: { seed: { type: "string", default: String(Date.now() % 1e6) }, kills: { type: "string", default: "100" } },
});
for (const [name, text] of Object.entries(values)) {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    console.error(`--${name} is ${text}; a whole number of at least 1 is needed`);
    process.exit(64);
  }
}
console.log(`torture --seed ${values.seed} --kills ${values.kills}`);
const { status } = spawnSync("npx", ["vitest", "run", "--config", "test/vitest.config.ts", "test/sim"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, RIVULET_TORTURE_SEED: values.seed, RIVULET_TORTURE_KILLS: values.kills },
});
process.exitCode = status ?? 1;
