// Fuzzes the payloads for longer than the tests do: npm run fuzz -- --seed S --runs N.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1e6) },
    runs: { type: "string", default: "100000" },
  },
});
for (const [name, text] of Object.entries(values)) {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    console.error(`--${name} is ${text}; a whole number of at least 1 is needed`);
    process.exit(64);
  }
}
console.log(`npm run fuzz -- --seed ${values.seed} --runs ${values.runs}`);
const [code] = await once(
  spawn("vitest", ["run", "--config", "test/vitest.config.ts", "test/sample/fuzz.test.ts"], {
    cwd: root,
    env: { ...process.env, RIVULET_FUZZ_SEED: values.seed, RIVULET_FUZZ_RUNS: values.runs },
    stdio: ["ignore", "inherit", "inherit"],
  }),
  "exit",
);
process.exitCode = code ?? 1;
