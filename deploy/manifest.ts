// Cuts out of package.json what is for a checkout only, while npm packs (`prepack`), and puts it back (`postpack`). Who
// installs the package brings Node along, and needs neither our scripts nor our tools.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = join(root, "package.json");
const kept = join(root, ".package.json.whole");
const CHECKOUT_ONLY: readonly string[] = ["scripts", "allowScripts", "devDependencies", "optionalDependencies"];

switch (process.argv[2]) {
  case "cut":
    cut();
    break;
  case "restore":
    if (existsSync(kept)) renameSync(kept, manifest);
    break;
  default:
    throw new Error("usage: manifest.ts cut|restore");
}

function cut(): void {
  // Packing was broken off before: the whole one is still there.
  if (existsSync(kept)) renameSync(kept, manifest);
  const whole = readFileSync(manifest, "utf8");
  const entries = Object.entries<unknown>(JSON.parse(whole)).filter(([key]) => !CHECKOUT_ONLY.includes(key));
  writeFileSync(kept, whole);
  writeFileSync(manifest, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}
