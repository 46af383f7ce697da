// A Debian of its own: a clean root file system with systemd as its first process, in namespaces of this machine, for
// what a test must install. It needs root, and debootstrap with a mirror once; nothing of the machine is changed.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SUITE = "bookworm";
const INCLUDE = "systemd,dbus,mosquitto,mosquitto-clients,libstdc++6";
const CGROUPS = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
const STARTED_MS_MAX = 60_000;
const POLL_MS = 100;
const CLEAN_TRIES_MAX = 50;
/** Mounts what systemd expects below the root in $1, which takes the place of `/`; mosquitto is started by the test, when it wants one. */
const INIT = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs $1/run
mount -t tmpfs tmpfs $1/tmp
mount -t proc proc $1/proc
mount -t sysfs sysfs $1/sys
mount -t cgroup2 cgroup2 $1/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs $1/dev
for device in null zero full random urandom tty; do touch $1/dev/$device; mount --bind /dev/$device $1/dev/$device; done
mkdir $1/dev/pts $1/dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts $1/dev/pts
ln -s pts/ptmx $1/dev/ptmx
touch $1/dev/console
cd $1
mkdir -p old
pivot_root . old
umount -l old
mount --make-rshared /
exec env -i container=walk PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd --log-target=journal --show-status=false
`;

/** Makes the file system that the roots stand on, where it is not there; returns its folder. */
export function debianBase(folder = join(tmpdir(), `rivulet-debian-${SUITE}`)): string {
  if (existsSync(join(folder, "usr", "lib", "systemd", "systemd"))) return folder;
  rmSync(folder, { recursive: true, force: true });
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  execFileSync("debootstrap", ["--variant=minbase", `--include=${INCLUDE}`, SUITE, made], { stdio: "ignore" });
  execFileSync("mv", [made, folder]);
  return folder;
}

/** Is a running Debian: what is done in it is gone with it. */
export class DebianRoot {
  readonly root: string;
  readonly #work: string;
  readonly #cgroup: string;
  readonly #process: ChildProcess;
  #init = 0;

  constructor(work: string, cgroup: string, process: ChildProcess) {
    this.#work = work;
    this.#cgroup = cgroup;
    this.#process = process;
    this.root = join(work, "root");
  }

  /** Waits until systemd has started what it starts. */
  async started(): Promise<void> {
    const end = performance.now() + STARTED_MS_MAX;
    for (;;) {
      const children = readFileSync(`/proc/${this.#process.pid}/task/${this.#process.pid}/children`, "utf8");
      this.#init = Number(children.trim().split(" ")[0]);
      // Some units of a bare root fail, as they would in a container.
      if (this.#init > 0 && /running|degraded/.test(this.tried("systemctl is-system-running").stdout)) return;
      if (performance.now() > end) throw new Error("systemd does not start");
      await pause();
    }
  }

  /** Runs a command of the shell as root; throws with what it said where it fails. */
  run(command: string): string {
    const { status, stdout, stderr } = this.tried(command);
    if (status !== 0) throw new Error(`${command} exited with ${status}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  tried(command: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
    const args = [
      "-t",
      `${this.#init}`,
      "-a",
      "-r",
      "-w",
      "env",
      "-i",
      "PATH=/usr/local/bin:/usr/sbin:/usr/bin",
      "LC_ALL=C",
      "sh",
      "-c",
      command,
    ];
    return spawnSync("nsenter", args, { encoding: "utf8" });
  }

  async end(): Promise<void> {
    const end = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await end;
    // The kernel ends all processes of a namespace with its first; the mounts go with the last of them.
    for (let tries = 0; !this.#isCleaned() && tries < CLEAN_TRIES_MAX; tries++) await pause();
  }

  #isCleaned(): boolean {
    const isMounted = () => spawnSync("mountpoint", ["-q", this.#work]).status === 0;
    if (isMounted()) spawnSync("umount", ["-R", this.#work]);
    if (existsSync(this.#cgroup))
      spawnSync("find", [this.#cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
    if (isMounted() || existsSync(this.#cgroup)) return false;
    rmdirSync(this.#work);
    return true;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** Starts a Debian on a layer of its own over `base`, with a network of its own. */
export async function openDebian(base: string): Promise<DebianRoot> {
  const work = mkdtempSync(join(tmpdir(), "rivulet-root-"));
  const [root, upper, scratch] = ["root", "upper", "scratch"].map((name) => join(work, name)) as [
    string,
    string,
    string,
  ];
  // A layer cannot be on a file system that is one itself, as in a container.
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", work]);
  for (const folder of [root, upper, scratch]) mkdirSync(folder);
  execFileSync("mount", [
    "-t",
    "overlay",
    "overlay",
    "-o",
    `lowerdir=${base},upperdir=${upper},workdir=${scratch}`,
    root,
  ]);
  const cgroups = CGROUPS.find((path) => existsSync(join(path, "cgroup.procs"))) ?? "";
  const cgroup = join(cgroups, work.split("/").at(-1) ?? "");
  mkdirSync(cgroup);
  const shell = `echo $$ > ${cgroup}/cgroup.procs; exec unshare --fork --kill-child -p -m -u -i -n -C sh -c "$2" sh "$1"`;
  const child = spawn("sh", ["-c", shell, "sh", root, INIT], { stdio: "ignore" });
  const debian = new DebianRoot(work, cgroup, child);
  await debian.started();
  return debian;
}

/** Copies a file into a running Debian. */
export function put(debian: DebianRoot, path: string, bytes: Buffer | string): void {
  writeFileSync(join(debian.root, path), bytes);
}
