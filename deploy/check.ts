// Checks types, then style. Prints which of them failed; the architecture is a test (test/architecture.test.ts).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const steps = [
  { name: "types", command: ["tsc", "-p", "tsconfig.json"] },
  // The dashboard runs where there is a page, and no Node.
  { name: "types of the dashboard", command: ["tsc", "-p", "src/http/browser/tsconfig.json"] },
  { name: "style", command: ["biome", "check", "--config-path=test", "--error-on-warnings", "."] },
] as const;

const failed = steps.filter(({ command: [program, ...args] }) => {
  const { status, error } = spawnSync(join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  return status !== 0;
});

const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(", ");
console.log(failed.length === 0 ? `checked: ${names(steps)}` : `check failed: ${names(failed)}`);
if (failed.length > 0) process.exitCode = 1;
