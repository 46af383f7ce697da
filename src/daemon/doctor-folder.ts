import { accessSync, constants, readdirSync, statfsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { listBackups } from "../store/backup-names.ts";
import type { Config } from "./config.ts";
import { CREDENTIALS } from "./config-shape.ts";
import type { Finding } from "./doctor.ts";
import { megabytes } from "./text.ts";

const WRITABLE_BY_OTHERS = 0o022;
const OPEN_TO_OTHERS = 0o077;
const DAY_MS = 86_400_000;
const BACKUP_AGE_DAYS_MAX = 7;
/** Less room than this is as good as none. */
const ROOM_BYTES_MIN = 100_000_000;
/** Before this release was written no clock can be right. */
const RELEASED_MS = Date.UTC(2026, 0, 1);
const CLOCK_BACK_MS_MAX = 60_000;

/** Looks at the data folder itself. */
export function folderOf(data: string): Finding {
  const what = "folder";
  const found = statSync(data, { throwIfNoEntry: false });
  if (found === undefined) {
    return { what, outcome: "unknown", says: `${data} is not there yet`, todo: "rivulet start" };
  }
  if (!found.isDirectory())
    return { what, outcome: "fail", says: `${data} is no folder`, todo: "name another with --data" };
  try {
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const says = `${data} cannot be written by this user`;
    return { what, outcome: "fail", says, todo: `sudo chown -R $(id -un) ${data}` };
  }
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    return { what, outcome: "warn", says: `${data} can be written by other users`, todo: `chmod go-w ${data}` };
  }
  return { what, outcome: "ok", says: `${data} is there and writable`, todo: null };
}

/** Looks at the files that hold secrets. */
export function secretsOf({ mqtt }: Config): readonly Finding[] {
  const what = "secrets";
  return [mqtt.passwordFile, mqtt.keyFile]
    .filter((file) => file !== null)
    .map((file) => {
      if (file.includes(CREDENTIALS)) {
        return { what, outcome: "unknown", says: `${basename(file)} is handed to the service alone`, todo: null };
      }
      try {
        accessSync(file, constants.R_OK);
      } catch {
        return { what, outcome: "fail", says: `${file} cannot be read`, todo: `sudo chown $(id -un) ${file}` };
      }
      const isOpen = (statSync(file).mode & OPEN_TO_OTHERS) !== 0;
      return isOpen
        ? { what, outcome: "warn", says: `${file} is open to other users`, todo: `chmod 600 ${file}` }
        : { what, outcome: "ok", says: `${file} is this user's alone`, todo: null };
    });
}

/** Looks for stores that were set aside. */
export function setAsideOf(data: string): Finding {
  const what = "set aside";
  const names = exists(data)
    ? readdirSync(data).filter((name) => /^rivulet\.db\.(corrupt|before-restore)-/.test(name))
    : [];
  if (names.length === 0) return { what, outcome: "ok", says: "no store was set aside", todo: null };
  const bytes = names.reduce((sum, name) => sum + statSync(join(data, name)).size, 0);
  const isDamage = names.some((name) => name.includes(".corrupt-"));
  const says = `${names.join(", ")}: ${megabytes(bytes)}${isDamage ? "; a store was damaged: is the disk sound?" : ""}`;
  return { what, outcome: "warn", says, todo: `when it is needed no more: rm ${join(data, names[0] ?? "")}` };
}

/** Looks for a backup that is not too old. */
export function backupsOf(data: string): Finding {
  const what = "backups";
  const [newest, ...others] = listBackups(data);
  if (newest === undefined) return { what, outcome: "warn", says: "there is none", todo: "rivulet backup" };
  const days = Math.floor((Date.now() - statSync(newest).mtimeMs) / DAY_MS);
  const isOld = days > BACKUP_AGE_DAYS_MAX;
  const says = `${1 + others.length}, the newest ${newest}${isOld ? `, ${days} days old` : ""}`;
  return { what, outcome: isOld ? "warn" : "ok", says, todo: isOld ? "rivulet backup" : null };
}

/** Looks whether there is room for what the store may still take. */
export function diskOf({ data, store }: Config): Finding {
  const what = "disk";
  if (!exists(data)) return { what, outcome: "unknown", says: `${data} is not there yet`, todo: null };
  const { bavail, bsize } = statfsSync(data);
  const room = bavail * bsize;
  const held = statSync(join(data, "rivulet.db"), { throwIfNoEntry: false })?.size ?? 0;
  const wanted = Math.max(0, store.bytesMax - held);
  const says = `${megabytes(room)} of room, and the store may take ${megabytes(wanted)} more (store.bytesMax)`;
  if (room < ROOM_BYTES_MIN) return { what, outcome: "fail", says, todo: `make room: du -xh ${data} | sort -h` };
  if (room < wanted) return { what, outcome: "warn", says, todo: "make room, or set store.bytesMax lower" };
  return { what, outcome: "ok", says, todo: null };
}

/** Looks whether the time of day can be right; `newestAtMs` is when the newest commit was made. */
export function clockOf(newestAtMs: number | null, nowMs: number): Finding {
  const what = "clock";
  const now = new Date(nowMs).toISOString();
  const todo = "timedatectl set-ntp true";
  if (nowMs < RELEASED_MS) {
    return { what, outcome: "warn", says: `it says ${now}, before this release was written`, todo };
  }
  if (newestAtMs !== null && newestAtMs > nowMs + CLOCK_BACK_MS_MAX) {
    const says = `it says ${now}, and the newest commit was made ${new Date(newestAtMs).toISOString()}`;
    return { what, outcome: "warn", says, todo };
  }
  return { what, outcome: "ok", says: `it says ${now}`, todo: null };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
