import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { buildDashboard } from "../../../deploy/dashboard.ts";
import { temporaryFolder } from "../../daemon/open.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const GZIPPED_BYTES_MAX = 60_000;

it("has at most 60 kB of JavaScript, gzipped, one style sheet, and names that tell what is in them", async () => {
  const folder = temporaryFolder();
  await buildDashboard(ROOT, folder);
  const names = readdirSync(folder);
  const scripts = names.filter((name) => name.endsWith(".js"));
  const bytes = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0);
  expect(bytes).toBeLessThanOrEqual(GZIPPED_BYTES_MAX);
  expect(names.filter((name) => name.endsWith(".css"))).toHaveLength(1);
  const page = readFileSync(join(folder, "index.html"), "utf8");
  for (const name of names.filter((one) => one !== "index.html")) {
    expect(name).toMatch(/-[A-Z0-9]{8}\.\w+$/);
    expect(page).toContain(`"/${name}"`);
  }
  // The policy of the page forbids what stands in it.
  expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
});
