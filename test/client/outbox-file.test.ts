import { once } from "node:events";
import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutboxFile, type Wanted } from "../../src/client/outbox-file.ts";
import { digestOf, NO_ROWS } from "../../src/client/outbox-frames.ts";
import { onEnd, temporaryFolder } from "../daemon/open.ts";
import { spawnProducer } from "./spawn-producer.ts";

const wanted: Wanted = { source: "pump", model: "default", epoch: null, fresh: "e1" };
const rowOf = (seq: number) => `{"x1":${seq},"note":"Größe \\n ${"x".repeat(seq % 7)}"}`;
const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => rowOf(from + i));

async function open(path: string, extra: Partial<Wanted> = {}): Promise<OutboxFile> {
  const outbox = await OutboxFile.open(path, { ...wanted, ...extra });
  onEnd(() => outbox.close());
  return outbox;
}

/** Takes all rows that the outbox holds. */
async function drain(
  outbox: OutboxFile,
): Promise<{ readonly seqs: readonly number[]; readonly texts: readonly string[] }> {
  const seqs: number[] = [];
  const texts: string[] = [];
  for (;;) {
    const row = outbox.next();
    if (row !== undefined) {
      seqs.push(row.seq);
      texts.push(row.text);
    } else if (outbox.more) await outbox.load();
    else return { seqs, texts };
  }
}

const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("an outbox file", () => {
  it("goes on where it was when it is opened again, in its epoch", async () => {
    const path = join(temporaryFolder(), "outbox");
    const first = await open(path);
    await first.append(rows(1, 3));
    await first.append(rows(4, 4));
    first.settle(2);
    await first.close();
    const second = await open(path, { fresh: "another" });
    expect([second.numbering.epoch, second.last, second.settled]).toEqual(["e1", 4, 2]);
    expect(await drain(second)).toEqual({ seqs: [3, 4], texts: rows(3, 4) });
    await second.append(rows(5, 6));
    expect(await drain(second)).toEqual({ seqs: [5, 6], texts: rows(5, 6) });
    expect(second.digest).toBe(rows(1, 6).reduce(digestOf, NO_ROWS));
  });

  it("keeps rows whether or not it was closed", async () => {
    const folder = temporaryFolder();
    const first = await open(join(folder, "outbox"));
    await first.append(rows(1, 100));
    writeFileSync(join(folder, "copy"), readFileSync(join(folder, "outbox")));
    const second = await open(join(folder, "copy"));
    expect((await drain(second)).texts).toEqual(rows(1, 100));
  });

  it("reads back what does not fit into memory, in order, while more is written and settled", async () => {
    const outbox = await open(join(temporaryFolder(), "outbox"));
    const taken: number[] = [];
    let last = 0;
    for (let round = 0; round < 200; round++) {
      await outbox.append(rows(last + 1, last + 97));
      last += 97;
      for (let i = 0; i < 60; i++) {
        if (outbox.more && round % 3 === 0) await outbox.load();
        const row = outbox.next();
        if (row === undefined) break;
        expect(row.text).toBe(rowOf(row.seq));
        taken.push(row.seq);
      }
      outbox.settle((taken.at(-1) ?? 0) - 10);
    }
    taken.push(...(await drain(outbox)).seqs);
    expect(taken).toEqual(count(1, last));
  });

  it("stays small while rows come and go, and loses none when it is written anew", async () => {
    const path = join(temporaryFolder(), "outbox");
    const outbox = await open(path);
    let largest = 0;
    const total = 200_000;
    for (let last = 0; last < total; last += 1000) {
      await outbox.append(rows(last + 1, last + 1000));
      await drain(outbox);
      outbox.settle(last + 500);
      largest = Math.max(largest, statSync(path).size);
    }
    expect(largest).toBeLessThan(600_000);
    await outbox.close();
    const again = await open(path);
    expect([again.last, again.settled]).toEqual([total, total - 500]);
    expect(await drain(again)).toEqual({ seqs: count(total - 499, total), texts: rows(total - 499, total) });
  });

  it("counts the bytes of what is not settled", async () => {
    const outbox = await open(join(temporaryFolder(), "outbox"));
    expect(outbox.heldBytes).toBe(0);
    await outbox.append(rows(1, 10));
    const ten = outbox.heldBytes;
    await outbox.append(rows(11, 20));
    expect(outbox.heldBytes).toBeGreaterThan(ten);
    outbox.settle(20);
    expect(outbox.heldBytes).toBe(0);
  });

  it("begins in an empty file, and where a link leads", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "outbox");
    writeFileSync(path, "");
    symlinkSync(path, join(folder, "link"));
    const outbox = await open(join(folder, "link"));
    await outbox.append(rows(1, 2));
    await outbox.close();
    expect((await open(path)).last).toBe(2);
  });

  it.each([
    ["source", { source: "other" }],
    ["model", { model: "other" }],
    ["epoch", { epoch: "other" }],
  ])("is not used for another %s", async (what, other) => {
    const path = join(temporaryFolder(), "outbox");
    await (await open(path)).close();
    await expect(open(path, other)).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(what) });
    await open(path, { epoch: "e1" });
  });

  it("says what is wrong where it cannot be opened", async () => {
    const folder = temporaryFolder();
    for (const path of [join(folder, "missing", "outbox"), folder]) {
      await expect(open(path)).rejects.toMatchObject({
        code: "file-unreadable",
        hint: expect.stringContaining("folder"),
      });
    }
    const other = join(folder, "rows.csv");
    writeFileSync(other, "x1,x2,y\n1,2,3\n");
    await expect(open(other)).rejects.toMatchObject({
      code: "outbox-damaged",
      message: expect.stringContaining("no outbox"),
    });
    expect(readFileSync(other, "utf8")).toBe("x1,x2,y\n1,2,3\n");
  });

  it("is held by one at a time, and let go of when its process is killed", async () => {
    const path = join(temporaryFolder(), "outbox");
    const held = await open(path);
    await expect(open(path)).rejects.toMatchObject({ code: "outbox-locked", hint: expect.stringContaining("own") });
    await held.close();
    const child = spawnProducer({ url: "mqtt://127.0.0.1:1", file: path, rows: 1 });
    await child.said("sent 1");
    await expect(open(path)).rejects.toMatchObject({ code: "outbox-locked" });
    child.process.kill("SIGKILL");
    await once(child.process, "exit");
    expect((await open(path, { source: child.source })).last).toBe(1);
  });
});

describe("a disk that is full", () => {
  it("ends the outbox with a code; what was sent before is there when it is opened again", async () => {
    const path = join(temporaryFolder(), "outbox");
    const child = spawnProducer({ url: "mqtt://127.0.0.1:1", file: path, rows: 10_000, fileKilobytesMax: 16 });
    await child.said("failed outbox-failed");
    expect(await child.ended).toBe(0);
    const sent = Number(child.lines.findLast((line) => line.startsWith("sent "))?.slice(5));
    expect(sent).toBeGreaterThan(100);
    const outbox = await open(path);
    expect(outbox.last).toBe(sent);
    expect((await drain(outbox)).seqs).toEqual(count(1, sent));
  });
});

describe("an outbox file that is cut off or damaged", () => {
  /** Makes a file with frames of these many rows; tells where each frame ends, the header's end first. */
  async function fileOf(frames: readonly number[]) {
    const path = join(temporaryFolder(), "outbox");
    const outbox = await open(path);
    const ends = [statSync(path).size];
    const lasts = [0];
    for (const frame of frames) {
      const last = lasts.at(-1) ?? 0;
      await outbox.append(rows(last + 1, last + frame));
      lasts.push(last + frame);
      ends.push(statSync(path).size);
    }
    const bytes = readFileSync(path);
    await outbox.close();
    return { bytes, ends, lasts };
  }

  it("has all frames that are whole, at whatever byte its end is torn off, and goes on from there", async () => {
    const { bytes, ends, lasts } = await fileOf([1, 3, 2, 5]);
    const folder = temporaryFolder();
    for (let end = ends[0] ?? 0; end <= bytes.length; end++) {
      const path = join(folder, `torn-${end}`);
      writeFileSync(path, bytes.subarray(0, end));
      const outbox = await open(path);
      const last = lasts[ends.findLastIndex((at) => at <= end)] ?? -1;
      expect(outbox.last).toBe(last);
      await outbox.append(["{}"]);
      await outbox.close();
      const again = await open(path);
      expect((await drain(again)).texts).toEqual([...rows(1, last), "{}"]);
      await again.close();
    }
  });

  it("has all frames that are whole where its end is there, but not what was written", async () => {
    const { bytes, ends, lasts } = await fileOf([2, 2, 40]);
    const folder = temporaryFolder();
    for (let from = ends[2] ?? 0; from < bytes.length; from += 3) {
      const path = join(folder, `zeros-${from}`);
      // A file system may have made it longer, and lost a piece of the last flush.
      writeFileSync(path, Buffer.from(bytes).fill(0, from, Math.min(bytes.length, from + 100)));
      const outbox = await open(path);
      expect(outbox.last).toBe(lasts[2]);
      await outbox.close();
    }
  });

  it("is refused where a byte before its last frame is another one, and is not changed", async () => {
    const { bytes, ends } = await fileOf([1, 3, 2, 5]);
    const folder = temporaryFolder();
    const before = ends.at(-2) ?? 0;
    for (let at = 0; at < before; at++) {
      const path = join(folder, `damaged-${at}`);
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(path, damaged);
      await expect(open(path), `byte ${at}`).rejects.toMatchObject({
        code: "outbox-damaged",
        hint: expect.stringMatching(/copy/),
      });
      expect(readFileSync(path).equals(damaged)).toBe(true);
    }
  });

  it("never gives rows that were not written, whatever happens to its bytes", async () => {
    const { bytes, ends } = await fileOf([2, 4, 3]);
    const folder = temporaryFolder();
    let name = 0;
    const change = fc.record({
      at: fc.nat(bytes.length - 1),
      remove: fc.nat(60),
      insert: fc.uint8Array({ maxLength: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, remove, insert }) => {
        const path = join(folder, String(name++));
        writeFileSync(path, Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]));
        const outbox = await open(path).catch((error) => {
          expect(error).toMatchObject({ code: "outbox-damaged" });
          return null;
        });
        if (outbox === null) return;
        const { texts } = await drain(outbox);
        await outbox.close();
        expect(texts).toEqual(rows(1, texts.length));
        // What was flushed before the last frame is missing only where it was reported.
        if (at > (ends[2] ?? 0)) expect(texts.length).toBeGreaterThanOrEqual(6);
      }),
    );
  });
});
