// The sub-paths of the library, `rivulet/learner` and its like: what src/index.ts takes from one room. They are cut out of it,
// so that there is one list of what the library gives.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";

export const DOORS = ["learner", "sample", "evaluate", "stream", "export"] as const;

const NAMESPACE = "door";
const EXPORT = /^export [^;]*? from "\.\/([a-z]+)\/[^"]*";$/gms;

/** Names the entry points for a bundle that `doorPlugin` takes part in. */
export function doorEntries(): Readonly<Record<string, string>> {
  return Object.fromEntries(DOORS.map((room) => [room, `${NAMESPACE}:${room}`]));
}

/** Makes the modules behind `doorEntries`. */
export function doorPlugin(root: string): Plugin {
  return {
    name: NAMESPACE,
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^door:/ }, ({ path }) => ({ namespace: NAMESPACE, path: path.slice(NAMESPACE.length + 1) }));
      onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: doorOf(root, path),
        loader: "ts",
        resolveDir: join(root, "src"),
      }));
    },
  };
}

/** Writes the declarations of the doors beside those of src/. */
export function writeDoorTypes(root: string, folder: string): void {
  for (const room of DOORS) writeFileSync(join(folder, `${room}.d.ts`), doorOf(root, room));
}

function doorOf(root: string, room: string): string {
  const index = readFileSync(join(root, "src", "index.ts"), "utf8");
  const exports = [...index.matchAll(EXPORT)].filter(([, from]) => from === room).map(([text]) => text);
  if (exports.length === 0) throw new Error(`src/index.ts takes nothing from ${room}`);
  return `export { RivuletError } from "./error.ts";\n${exports.join("\n")}\n`;
}
