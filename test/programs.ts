// Programs that some tests run and that a bare machine may lack. Their tests are skipped there, one line tells how to
// get them, and RIVULET_TEST_REQUIRE (names, separated by commas) turns each absence into a failure.
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

interface Known {
  readonly binaries: readonly string[];
  /** Other files that it is of no use without. */
  readonly files?: readonly string[];
  readonly install: string;
}

const known = {
  bash: { binaries: ["bash"], install: "apt-get install bash" },
  cc: { binaries: ["cc"], install: "apt-get install gcc libc6-dev" },
  chromium: { binaries: ["chromium"], install: "apt-get install chromium" },
  fish: { binaries: ["fish"], install: "apt-get install fish" },
  jinja: {
    binaries: ["python3"],
    files: ["/usr/lib/python3/dist-packages/jinja2/__init__.py"],
    install: "apt-get install python3-jinja2",
  },
  mosquitto: {
    binaries: ["mosquitto", "mosquitto_pub", "mosquitto_passwd"],
    install: "apt-get install mosquitto mosquitto-clients",
  },
  openssl: { binaries: ["openssl"], install: "apt-get install openssl" },
  packaging: {
    binaries: ["dpkg-deb", "tar", "gzip", "xz", "sha256sum"],
    install: "apt-get install dpkg tar gzip xz-utils coreutils",
  },
  paho: {
    binaries: ["python3"],
    files: ["/usr/lib/python3/dist-packages/paho/mqtt/client.py"],
    install: "apt-get install python3-paho-mqtt",
  },
  // Gives a program a terminal.
  script: { binaries: ["script"], install: "apt-get install bsdutils" },
  // Perl stands for the other end of its socket.
  systemd: { binaries: ["systemd-notify", "systemd-analyze", "perl"], install: "apt-get install systemd perl" },
  zsh: { binaries: ["zsh"], install: "apt-get install zsh" },
} as const satisfies Readonly<Record<string, Known>>;

export type ProgramName = keyof typeof known;
export type BinaryName = (typeof known)[ProgramName]["binaries"][number];

export interface Program {
  readonly present: boolean;
  readonly hint: string;
}

const names = Object.keys(known).filter(isKnown);

/** Tells which programs are on this machine, for `describe.skipIf(!programs.mosquitto)`. */
export const programs = Object.fromEntries(names.map((name) => [name, program(name).present])) as Readonly<
  Record<ProgramName, boolean>
>;

/** Looks a program up: present when all of its binaries are; `hint` says how to install it. */
export function program(name: ProgramName): Program {
  const { binaries, files = [], install }: Known = known[name];
  const present = binaries.every((binary) => find(binary) !== undefined) && files.every((file) => existsSync(file));
  return { present, hint: `install: ${install}` };
}

/** Finds the absolute path of a binary; throws where its program is absent, so ask `programs` first. */
export function binary(name: BinaryName): string {
  const path = find(name);
  if (path === undefined) throw new Error(`${name} is not on this machine`);
  return path;
}

/** Tells of each absent program in one line; throws where the environment requires it. Called once by Vitest. */
export default function setup(): void {
  const required = (process.env["RIVULET_TEST_REQUIRE"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  // The emulator is asked for by test/arm64.ts.
  const unknown = required.filter((name) => !isKnown(name) && name !== "arm64");
  if (unknown.length > 0) {
    throw new Error(`RIVULET_TEST_REQUIRE names ${unknown.join(", ")}; known are ${names.join(", ")}`);
  }
  for (const name of names) {
    if (programs[name]) continue;
    const { hint } = program(name);
    if (required.includes(name)) throw new Error(`RIVULET_TEST_REQUIRE names ${name}, which is absent (${hint})`);
    process.stdout.write(`skipped: tests that need ${name} (${hint})\n`);
  }
}

function isKnown(name: string): name is ProgramName {
  return Object.hasOwn(known, name);
}

function find(binary: string): string | undefined {
  // Debian puts daemons into sbin, which is not on an ordinary user's path.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, binary))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
