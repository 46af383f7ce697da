import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Control, controlSocketPath, requestControl, serveControl } from "../../src/daemon/control-socket.ts";
import { RivuletError } from "../../src/error.ts";

/** A user who owns nothing. */
const NOBODY = 65_534;

let folder: string;
let path: string;
let server: Control | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rivulet-"));
  path = controlSocketPath(folder, {});
});

afterEach(async () => {
  await server?.close();
  server = null;
  rmSync(folder, { recursive: true });
});

describe("the control socket", () => {
  it("hands over the result and the progress before it, larger than any socket buffer", async () => {
    const piece = "x".repeat(1_000_000);
    server = await serveControl(path, async (verb, params, onProgress) => {
      for (let i = 0; i < 5; i++) await onProgress({ i, piece });
      return { verb, params };
    });
    const seen: number[] = [];
    const result = await requestControl(path, "status", { a: 1 }, (progress) => {
      const { i, piece: got } = progress as { i: number; piece: string };
      expect(got.length).toBe(piece.length);
      seen.push(i);
    });
    expect(result).toEqual({ verb: "status", params: { a: 1 } });
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it("hands over the daemon's own error with code and hint", async () => {
    server = await serveControl(path, async () => {
      throw new RivuletError("unknown-snapshot", "there is no snapshot 9", { hint: "look" });
    });
    await expect(requestControl(path, "rollback", {})).rejects.toMatchObject({
      code: "unknown-snapshot",
      hint: "look",
    });
  });

  it("answers a line that is no request with an error, and goes on", async () => {
    server = await serveControl(path, async () => 1);
    const reply = await new Promise<string>((resolve) => {
      const socket = connect(path, () => socket.write("nonsense\n"));
      socket.once("data", (data) => resolve(data.toString()));
    });
    expect(JSON.parse(reply)).toMatchObject({ error: { code: "usage" } });
    expect(await requestControl(path, "status", {})).toBe(1);
  });

  it("closes a connection that sends no end of a line", async () => {
    server = await serveControl(path, async () => 1);
    await new Promise((resolve) => {
      const socket = connect(path, () => socket.write("x".repeat(17_000_000)));
      socket.on("error", () => {});
      socket.on("close", resolve);
    });
  });

  it("does not wait for an answer when it is closed", async () => {
    server = await serveControl(path, () => new Promise(() => {}));
    const asking = requestControl(path, "status", {});
    await new Promise((resolve) => connect(path, () => resolve(null)).on("error", () => {}));
    await server.close();
    await expect(asking).rejects.toMatchObject({ code: "daemon-unreachable" });
  });

  it("is for its owner only, and takes the place of one that was left behind", async () => {
    writeFileSync(path, "");
    server = await serveControl(path, async () => 1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is for its group too, where that is asked for", async () => {
    server = await serveControl(path, async () => 1, "group");
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  it.skipIf(process.getuid?.() !== 0)(
    "tells a user who may not ask what to type, and is not taken for absent",
    async () => {
      server = await serveControl(path, async () => 1);
      chmodSync(folder, 0o755);
      process.seteuid?.(NOBODY);
      try {
        const asking = requestControl(path, "status", {});
        await expect(asking).rejects.toMatchObject({ code: "forbidden", hint: expect.stringContaining("usermod -aG") });
      } finally {
        process.seteuid?.(0);
      }
    },
  );

  it("says so where nobody listens", async () => {
    await expect(requestControl(path, "status", {})).rejects.toMatchObject({ code: "daemon-unreachable" });
  });

  it("moves to the runtime folder where the path would be too long for the kernel", () => {
    const deep = `/tmp/${"d".repeat(120)}`;
    const moved = controlSocketPath(deep, { XDG_RUNTIME_DIR: "/run/user/1000" });
    expect(moved.startsWith("/run/user/1000/")).toBe(true);
    expect(Buffer.byteLength(moved)).toBeLessThanOrEqual(107);
  });
});
