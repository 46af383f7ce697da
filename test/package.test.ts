// What devices get: the archives are what other programs read, the same bytes each time, and only what is needed.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stripped } from "../deploy/package/elf.ts";
import { tar } from "../deploy/package/tar.ts";
import { file, withFolders } from "../deploy/package/tree.ts";
import { programs } from "./programs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const arch = process.arch === "arm64" ? "arm64" : "x64";
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const name = `rivulet-${version}-linux-${arch}`;
const PACKAGE_BYTES_MAX = 60e6;
const BUILD_MS_MAX = 240_000;

let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "rivulet-package-"));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Builds this machine's package in a folder of its own, quickly. */
function build(folder: string, env: Readonly<Record<string, string>> = {}): string {
  const out = join(work, folder);
  const args = [join(root, "deploy", "package.ts"), "--arch", arch, "--level", "1", "--out", out];
  execFileSync(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  return out;
}

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

describe("the archive writer", () => {
  it("writes what GNU tar reads: long names, modes, links, time and owner", () => {
    const long = `${"deep/".repeat(24)}file`;
    const entries = withFolders([
      file("b/run", "#!/bin/sh\n", true),
      file(long, "x".repeat(1000)),
      { kind: "link", path: "a", target: "b/run" },
    ]);
    const listed = execFileSync("tar", ["-tv", "--utc", "--full-time"], { input: tar(entries, 86_400) }).toString();
    const lines = listed.trim().split("\n");
    expect(lines[0]).toBe("lrwxrwxrwx root/root         0 1970-01-02 00:00:00 a -> b/run");
    expect(lines).toContain("drwxr-xr-x root/root         0 1970-01-02 00:00:00 b/");
    expect(lines).toContain("-rwxr-xr-x root/root        10 1970-01-02 00:00:00 b/run");
    expect(lines).toContain(`-rw-r--r-- root/root      1000 1970-01-02 00:00:00 ${long}`);
  });

  it("refuses a name that does not fit, and one that is there twice", () => {
    expect(() => tar([file("x".repeat(101), "")], 0)).toThrow("does not fit");
    expect(() => withFolders([file("a", "1"), file("a", "2")])).toThrow("twice");
  });
});

describe("the stripped program", () => {
  it("runs, is smaller, and is for one architecture", () => {
    const whole = readFileSync(process.execPath);
    expect(() => stripped(whole, arch === "x64" ? "arm64" : "x64")).toThrow("not for");
    expect(() => stripped(Buffer.alloc(100), arch)).toThrow("no 64-bit ELF");
    const part = stripped(whole, arch);
    expect(part.length).toBeLessThanOrEqual(whole.length);
    // What was cut once has nothing left to cut.
    expect(stripped(part, arch).equals(part)).toBe(true);
  });
});

describe.skipIf(!programs.packaging)("the package of this machine", () => {
  let out: string;
  let tree: string;

  beforeAll(() => {
    out = build("first");
    execFileSync("tar", ["-xzf", join(out, `${name}.tar.gz`), "-C", work]);
    tree = join(work, name);
  }, BUILD_MS_MAX);

  it("has the same bytes when it is built again elsewhere, at another hour, by another user", {
    timeout: BUILD_MS_MAX,
  }, () => {
    const again = build("again", { TZ: "Asia/Tokyo", LANG: "tr_TR.UTF-8", TMPDIR: work, USER: "other" });
    const files = readdirSync(out).sort();
    expect(files).toEqual([`${name}.tar.gz`, expect.stringMatching(/^rivulet_.*\.deb$/)]);
    for (const one of files) expect(sha256(readFileSync(join(again, one)))).toBe(sha256(readFileSync(join(out, one))));
  });

  it("names the checksum of every file that is in it", () => {
    const manifest = JSON.parse(readFileSync(join(tree, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ format: "rivulet-package", version, arch });
    const found = readdirSync(tree, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
      .filter((path) => path !== "manifest.json");
    expect(Object.keys(manifest.sha256).sort()).toEqual(found.sort());
    for (const path of found) expect(sha256(readFileSync(join(tree, path)))).toBe(manifest.sha256[path]);
  });

  it("has a licence text for everything that comes along, and stays below its size", () => {
    const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    const installed = Object.entries<{ dev?: boolean; optional?: boolean }>(packages).filter(
      ([path, { dev, optional }]) => path !== "" && !dev && !optional,
    );
    expect(installed.length).toBeGreaterThan(20);
    const texts = readdirSync(join(tree, "licenses"));
    for (const [path] of installed) {
      expect(texts).toContain(
        `${path
          .replace(/^node_modules\//, "")
          .replaceAll("node_modules/", "in/")
          .replaceAll("/", "-")}.txt`,
      );
    }
    expect(readFileSync(join(tree, "licenses", "node.txt"), "utf8")).toContain("OpenSSL");
    for (const one of readdirSync(out)) expect(statSync(join(out, one)).size).toBeLessThan(PACKAGE_BYTES_MAX);
  });

  it("runs where it was unpacked, with nothing of the checkout: it learns, is killed, and goes on", async () => {
    const program = join(tree, "bin", "rivulet");
    const data = join(work, "data");
    const env = { PATH: "/usr/bin:/bin" };
    const ask = (...args: readonly string[]) =>
      JSON.parse(execFileSync(program, [...args, "--data", data, "--json"], { env, cwd: work, encoding: "utf8" }));
    // The program is a script that becomes Node: the signal reaches the daemon itself.
    const daemon = spawn(program, ["start", "--data", data, "--set", "mqtt.port=0", "--set", "http.port=0"], {
      env,
      cwd: work,
    });
    const end = once(daemon, "exit");
    let told = "";
    daemon.stdout.on("data", (text) => {
      told += text;
    });
    await expect.poll(() => told).toContain("rivulet listens on");
    const client = await connectAsync(/mqtt:\/\/[\d.:]+/.exec(told)?.[0] ?? "");
    for (let i = 0; i < 8; i++) {
      await client.publishAsync("rivulet/default/sample", JSON.stringify({ x1: i, x2: -i, y: i % 2 }), { qos: 1 });
    }
    await client.endAsync(true);
    daemon.kill("SIGKILL");
    await end;
    expect(ask("status").models.default.durableSequence).toBe(8);
    expect(ask("verify")).toMatchObject({ outcome: "same", rows: 8 });
    expect(readdirSync(join(tree, "lib", "node_modules", "better-sqlite3", "prebuilds"))).toEqual([
      `linux-${arch}.node`,
    ]);
  });

  it("is a Debian package as dpkg reads it", () => {
    const deb = join(out, readdirSync(out).find((one) => one.endsWith(".deb")) ?? "");
    const field = (key: string) => execFileSync("dpkg-deb", ["--field", deb, key], { encoding: "utf8" }).trim();
    expect([field("Package"), field("Version"), field("Architecture")]).toEqual([
      "rivulet",
      version,
      arch === "x64" ? "amd64" : "arm64",
    ]);
    const listed = execFileSync("dpkg-deb", ["--contents", deb], { encoding: "utf8" });
    for (const path of [
      "./opt/rivulet/bin/node",
      "./etc/rivulet/rivulet.yaml",
      "./usr/lib/systemd/system/rivulet.service",
      "./usr/bin/rivulet -> /opt/rivulet/bin/rivulet",
      "./usr/share/doc/rivulet/copyright",
    ]) {
      expect(listed).toContain(path);
    }
    const control = join(work, "control");
    execFileSync("dpkg-deb", ["--control", deb, control]);
    expect(readFileSync(join(control, "conffiles"), "utf8")).toBe("/etc/rivulet/rivulet.yaml\n");
    for (const script of ["preinst", "postinst", "prerm", "postrm"]) {
      expect(statSync(join(control, script)).mode & 0o111).not.toBe(0);
    }
    execFileSync("dpkg-deb", ["--extract", deb, join(work, "extracted")]);
    execFileSync("md5sum", ["--check", "--quiet", "--strict", join(control, "md5sums")], {
      cwd: join(work, "extracted"),
    });
  });

  describe("installed below another root", () => {
    const install = (target: string, ...args: readonly string[]) =>
      execFileSync("sh", [join(tree, "install.sh"), "--root", target, ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });

    it("is upgraded, removed and purged, and keeps configuration and data until the last", () => {
      const target = join(work, "root");
      expect(install(target)).toContain(`rivulet ${version} is installed`);
      const config = join(target, "etc/rivulet/rivulet.yaml");
      const data = join(target, "var/lib/rivulet/rivulet.db");
      expect(readFileSync(config, "utf8")).toContain("data: /var/lib/rivulet");
      for (const path of ["opt/rivulet/bin/node", "opt/rivulet/install.sh", "etc/systemd/system/rivulet.service"]) {
        expect(existsSync(join(target, path))).toBe(true);
      }
      execFileSync("sh", [
        "-c",
        `echo '# mine' >> ${config}; echo rows > ${data}; echo old > ${target}/opt/rivulet/lib/old.js`,
      ]);
      const again = install(target);
      expect(again).toContain(`rivulet ${version} is in the place of ${version}`);
      expect(again).toContain("keeps ");
      expect(existsSync(join(target, "opt/rivulet/lib/old.js"))).toBe(false);
      expect(install(target, "--uninstall")).toContain("stay");
      expect(readdirSync(join(target, "opt"))).toEqual([]);
      expect(readFileSync(config, "utf8")).toContain("# mine");
      expect(readFileSync(data, "utf8")).toBe("rows\n");
      install(target, "--purge");
      expect([existsSync(config), existsSync(data)]).toEqual([false, false]);
      expect(readdirSync(join(target, "etc/systemd/system"))).toEqual([]);
    });

    it("is not where a file is damaged or missing", () => {
      const target = join(work, "untouched");
      const store = join(tree, "lib", "store-worker.js");
      const code = readFileSync(store);
      execFileSync("sh", ["-c", `echo x >> ${store}`]);
      expect(() => install(target)).toThrow("damaged or missing");
      execFileSync("rm", [store]);
      expect(() => install(target)).toThrow("damaged or missing");
      execFileSync("tee", [store], { input: code });
      expect(existsSync(target)).toBe(false);
      expect(() => install(target, "--what")).toThrow("usage");
    });
  });
});

describe.skipIf(!programs.systemd)("the units", () => {
  const units = join(root, "deploy", "systemd");
  const EXPOSURE_MAX = 1.5;

  it.each(["rivulet.service", "rivulet-backup.service"])("%s is exposed to little", (unit) => {
    const args = ["security", "--offline=true", "--no-pager", join(units, unit)];
    const told = execFileSync("systemd-analyze", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(told)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(EXPOSURE_MAX);
  });

  it("have no fault that systemd finds, but what an older one does not know", () => {
    const paths = readdirSync(units).map((unit) => join(units, unit));
    const wrong = execFileSync("sh", ["-c", 'systemd-analyze verify "$@" 2>&1 || true', "sh", ...paths], {
      encoding: "utf8",
    })
      .split("\n")
      // The program is not installed here; the two keys are of systemd 254. Other units of the machine are none of ours.
      .filter((line) => /rivulet/.test(line) && !/is not executable|RestartSteps|RestartMaxDelaySec/.test(line));
    expect(wrong).toEqual([]);
  });
});
