import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// `include` is set because Vitest would otherwise also collect compiled tests; one worker for each of the machine's cores.
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is polled may be a command that takes a second to start while other tests run.
    expect: { poll: { timeout: 20_000 } },
    reporters: ["default", "./test/reporter.ts"],
    globalSetup: ["./test/programs.ts", "./test/program.ts"],
  },
});
