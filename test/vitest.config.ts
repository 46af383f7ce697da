import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Half of the time tests wait: for a program that starts, for a disk that is slow, for what must not happen. */
const WORKERS_PER_CORE = 2;

// `include` is set because Vitest would otherwise also collect compiled tests.
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/**/*.test.ts"],
    maxWorkers: WORKERS_PER_CORE * availableParallelism(),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is polled may be a command that takes a second to start while other tests run.
    expect: { poll: { timeout: 20_000 } },
    reporters: ["default", "./test/reporter.ts"],
    globalSetup: ["./test/programs.ts", "./test/program.ts"],
  },
});
