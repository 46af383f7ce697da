import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { programs } from "../programs.ts";
import { type Faults, openFaults } from "./faults.ts";

const CHILD = fileURLToPath(new URL("faults-child.ts", import.meta.url));
const INSERT = "INSERT INTO t (b) VALUES (zeroblob(10000))";
/** A page and its header. */
const FRAME_BYTES = 4096 + 24;
const COUNT = "SELECT count(*) AS n FROM t";

/** SQLite in a process of its own, on the disk that misbehaves. */
class Sqlite {
  readonly #child;
  readonly #lines;
  readonly #end: Promise<unknown>;

  constructor(faults: Faults, path: string) {
    this.#child = spawn(process.execPath, [CHILD, path], {
      env: { ...process.env, ...faults.env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#end = once(this.#child, "exit");
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async run(sql: string): Promise<string> {
    this.#child.stdin.write(`${sql}\n`);
    return (await this.#lines.next()).value ?? "ended";
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#end;
  }
}

describe.skipIf(!programs.cc)("a disk that misbehaves", () => {
  let folder: string;
  let faults: Faults;
  let sqlite: Sqlite;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "rivulet-"));
    faults = await openFaults(join(folder, "data"));
    sqlite = new Sqlite(faults, join(folder, "data", "a.db"));
    expect(await sqlite.run("PRAGMA journal_mode = WAL")).toContain("wal");
    await sqlite.run("PRAGMA synchronous = FULL");
    await sqlite.run("PRAGMA wal_autocheckpoint = 0");
    expect(await sqlite.run("CREATE TABLE t (b BLOB) STRICT")).toBe("ok");
    expect(await sqlite.run(INSERT)).toBe("ok");
  });

  afterEach(async () => {
    await sqlite.end();
    faults.close();
    rmSync(folder, { recursive: true });
  });

  it("counts one flush for each commit in WAL with synchronous=FULL, and none with NORMAL", async () => {
    const before = faults.counts();
    for (let i = 0; i < 10; i++) expect(await sqlite.run(INSERT)).toBe("ok");
    const after = faults.counts();
    expect(after.flushes - before.flushes).toBe(10);
    expect(after.logFlushes - before.logFlushes).toBe(10);
    expect(after.flushesBegun).toBe(after.flushes);
    expect(after.writes).toBeGreaterThan(before.writes + 10);
    expect(after.bytesWritten - before.bytesWritten).toBeGreaterThan(100_000);
    expect(after.faults).toBe(0);
    await sqlite.run("PRAGMA synchronous = NORMAL");
    expect(await sqlite.run(INSERT)).toBe("ok");
    expect(faults.counts().flushes).toBe(after.flushes);
  });

  it("leaves files outside of its folder alone", async () => {
    const { bytesWritten } = faults.counts();
    faults.mode = "write-error";
    const other = new Sqlite(faults, join(folder, "b.db"));
    expect(await other.run("CREATE TABLE t (b BLOB) STRICT")).toBe("ok");
    await other.end();
    expect(faults.counts()).toMatchObject({ bytesWritten, faults: 0 });
  });

  it("holds a flush until it is let go", async () => {
    const { flushes, flushesBegun } = faults.counts();
    faults.flushDelayMs = 1e9;
    const done = sqlite.run(INSERT);
    await expect.poll(() => faults.counts().flushesBegun).toBe(flushesBegun + 1);
    expect(faults.counts().flushes).toBe(flushes);
    faults.flushDelayMs = 0;
    expect(await done).toBe("ok");
    expect(faults.counts().flushes).toBe(flushes + 1);
  });

  it("is full at once, after some more bytes, and no more when there is room", async () => {
    faults.mode = "full";
    expect(await sqlite.run(INSERT)).toBe("SQLITE_FULL");
    expect(faults.counts().faults).toBe(1);
    const { bytesWritten } = faults.counts();
    faults.roomBytes = 5000;
    expect(await sqlite.run(INSERT)).toBe("SQLITE_FULL");
    expect(faults.counts().bytesWritten - bytesWritten).toBe(5000);
    expect(faults.roomBytes).toBe(0);
    expect(await sqlite.run(COUNT)).toBe('[{"n":1}]');
    faults.roomBytes = 1e6;
    expect(await sqlite.run(INSERT)).toBe("ok");
    expect(faults.roomBytes).toBeLessThan(1e6);
    faults.mode = "none";
    expect(await sqlite.run(INSERT)).toBe("ok");
    expect(await sqlite.run(COUNT)).toBe('[{"n":3}]');
  });

  it("refuses to lengthen the shared index on a full disk, without ending the program", async () => {
    // A piece of that file is full after 4062 frames of the log. Each change below adds one frame, for which there is
    // exactly room: what is missing is the room for the next piece.
    expect(await sqlite.run("CREATE TABLE u (n INTEGER) STRICT")).toBe("ok");
    expect(await sqlite.run("INSERT INTO u (n) VALUES (0)")).toBe("ok");
    expect(await sqlite.run("INSERT INTO t (b) VALUES (zeroblob(16500000))")).toBe("ok");
    faults.mode = "full";
    let answer = "ok";
    for (let i = 0; answer === "ok" && i < 100; i++) {
      faults.roomBytes = FRAME_BYTES;
      answer = await sqlite.run("UPDATE u SET n = n + 1");
    }
    expect(answer).toBe("SQLITE_IOERR_SHMSIZE");
    faults.mode = "none";
    expect(await sqlite.run("UPDATE u SET n = n + 1")).toBe("ok");
    expect(await sqlite.run(COUNT)).toBe('[{"n":2}]');
  });

  it("gives I/O errors for writes, flushes and reads", async () => {
    faults.mode = "write-error";
    expect(await sqlite.run(INSERT)).toBe("SQLITE_IOERR_WRITE");
    faults.mode = "flush-error";
    expect(await sqlite.run(INSERT)).toBe("SQLITE_IOERR_FSYNC");
    faults.mode = "none";
    expect(await sqlite.run("PRAGMA wal_checkpoint(TRUNCATE)")).toContain("busy");
    await sqlite.run("PRAGMA cache_size = 0");
    await sqlite.run("PRAGMA shrink_memory");
    faults.mode = "read-error";
    // SQLite takes a read that ends with EIO for damage of the file.
    expect(await sqlite.run("SELECT sum(length(b)) FROM t")).toBe("SQLITE_CORRUPT");
    faults.mode = "none";
    expect(await sqlite.run(INSERT)).toBe("ok");
    expect(await sqlite.run("PRAGMA integrity_check")).toContain('"ok"');
  });

  it("is read-only for what is open and for what is opened", async () => {
    faults.mode = "read-only";
    expect(await sqlite.run(INSERT)).toBe("SQLITE_IOERR_WRITE");
    const other = new Sqlite(faults, join(folder, "data", "a.db"));
    expect(await other.run(COUNT)).toBe('[{"n":1}]');
    expect(await other.run(INSERT)).toBe("SQLITE_READONLY");
    await other.end();
    const third = new Sqlite(faults, join(folder, "data", "new.db"));
    expect(await third.run("SELECT 1")).toBe("SQLITE_CANTOPEN");
    await third.end();
    faults.mode = "none";
    expect(await sqlite.run(INSERT)).toBe("ok");
  });
});
