import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// `include` is set because Vitest would otherwise also collect compiled tests; one worker for each of the machine's cores.
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/reporter.ts"],
    globalSetup: ["./test/programs.ts"],
  },
});
