// Bundles the dashboard: one page, one style sheet, and JavaScript, all with names that hold a hash of what is in them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const SOURCE = "src/http/browser";

/** Bundles the dashboard of the checkout `root` into `folder`. Returns the bytes of its JavaScript. */
export async function buildDashboard(root: string, folder: string): Promise<number> {
  const { outputs } = (
    await build({
      absWorkingDir: root,
      entryPoints: ["start.ts", "style.css", "icon.svg"].map((name) => `${SOURCE}/${name}`),
      outdir: folder,
      entryNames: "[name]-[hash]",
      chunkNames: "[name]-[hash]",
      splitting: true,
      loader: { ".svg": "copy" },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      target: ["es2022", "chrome123", "firefox120", "safari17.5"],
      metafile: true,
      logLevel: "warning",
    })
  ).metafile;
  const built = new Map(
    Object.entries(outputs).flatMap(([path, { entryPoint }]) =>
      entryPoint === undefined ? [] : [[basename(entryPoint), basename(path)]],
    ),
  );
  // What is copied has no entry point in the list of outputs.
  const icon = Object.keys(outputs).find((path) => path.endsWith(".svg"));
  if (icon !== undefined) built.set("icon.svg", basename(icon));
  const page = readFileSync(join(root, SOURCE, "index.html"), "utf8").replace(
    /(src|href)="([\w.-]+)"/g,
    (_, attribute: string, name: string) => `${attribute}="/${built.get(name) ?? missing(name)}"`,
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.html"), page);
  return Object.entries(outputs)
    .filter(([path]) => path.endsWith(".js"))
    .reduce((sum, [, { bytes }]) => sum + bytes, 0);
}

function missing(name: string): never {
  throw new Error(`the page asks for ${name}, which is not built`);
}
