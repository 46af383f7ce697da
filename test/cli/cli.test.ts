import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Status } from "../../src/daemon/verb-queries.ts";
import { binary, programs } from "../programs.ts";
import { main, rivulet, rivuletJson, spawnRivulet, startDaemon, stopped, temporaryFolder } from "./run.ts";

describe("the program", () => {
  it("names both remedies and exits with 1 where the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" ? address?.port : 0;
    const { code, stderr } = await rivulet(["start", "--data", temporaryFolder(), "--set", `mqtt.port=${port}`]);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`--set mqtt.broker=mqtt://127.0.0.1:${port}`);
    expect(stderr).toContain("--set mqtt.port=");
  });

  it("says where it listens, where the data is, and what to type next", async () => {
    const data = temporaryFolder();
    const { greeting, process: child } = await startDaemon(data);
    expect(greeting).toContain(`data in ${data}`);
    expect(await stopped(child, "SIGINT")).toBe(0);
    for (const line of greeting.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("msg");
    // A token that anybody may read in the log of a service would be none.
    expect(greeting).not.toContain("token");
  });

  it.skipIf(!programs.script)("says at a terminal what to type next", async () => {
    const data = temporaryFolder();
    const command = `exec "${process.execPath}" "${main}" start --data "${data}" --set mqtt.port=0 --set http.port=0`;
    const child = spawn(binary("script"), ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
    let said = "";
    for await (const text of child.stdout.setEncoding("utf8")) {
      said += text;
      if (!said.includes("another terminal")) continue;
      child.stdin.write("\u0003");
      break;
    }
    child.stdout.resume();
    await once(child, "exit");
    expect(said).toContain(`data in ${data}`);
    expect(said).toContain("mosquitto_pub");
    expect(said).toContain("publish FILE.csv");
    expect(said).toContain(`/#token=${readFileSync(join(data, "token"), "utf8").trim()}`);
  });

  it("names the address of the dashboard, whose token is in the data folder", async () => {
    const data = temporaryFolder();
    const { greeting, process: child } = await startDaemon(data, ["--set", "http.port=0"]);
    const url = /"http":"(http:\/\/127\.0\.0\.1:\d+)"/.exec(greeting)?.[1] ?? "";
    const token = readFileSync(join(data, "token"), "utf8").trim();
    const taken = await fetch(`${url}/api/snapshots-take`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await taken.json()).toMatchObject({ id: 2, reason: "command" });
    const { code, stderr } = await rivulet([
      "start",
      "--data",
      temporaryFolder(),
      "--set",
      "mqtt.port=0",
      "--set",
      `http.port=${new URL(url).port}`,
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("--set http.port=off")]);
    expect(await stopped(child, "SIGTERM")).toBe(0);
  });

  it("exits with 1 where the certificate for an external broker cannot be used, and greets nobody", async () => {
    const data = temporaryFolder();
    const file = join(data, "garbage.pem");
    writeFileSync(file, "garbage\n");
    const set = ["broker=mqtts://127.0.0.1:1", `certFile=${file}`, `keyFile=${file}`];
    const { code, stdout, stderr } = await rivulet([
      "start",
      "--data",
      data,
      ...set.flatMap((key) => ["--set", `mqtt.${key}`]),
    ]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("certificates cannot be used");
  });

  it("exits with 1 where what fails is the last thing of its start", async () => {
    // The path of its control socket is too long for the kernel, and the folder for such does not exist.
    const data = join(temporaryFolder(), "d".repeat(100));
    const environment = { XDG_RUNTIME_DIR: join(data, "missing") };
    const { code, stdout, stderr } = await rivulet(["start", "--data", data, "--set", "mqtt.port=0"], environment);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("control socket");
  });

  it("tells a query where nothing is stored what to do", async () => {
    const data = join(temporaryFolder(), "nothing");
    const { code, stderr } = await rivulet(["status", "--data", data]);
    expect(code).toBe(1);
    expect(stderr).toContain("rivulet start");
  });

  it("answers from the store where no daemon runs, and lets only one process work on it", async () => {
    const data = temporaryFolder();
    const { process: child } = await startDaemon(data);
    const second = await rivulet(["start", "--data", data, "--set", "mqtt.port=0"]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("another process works on");
    await stopped(child, "SIGTERM");
    expect(await rivuletJson(["status", "--data", data])).toMatchObject({
      broker: null,
      models: { default: { step: 0 } },
    });
    expect(await rivuletJson(["models", "list", "--data", data])).toMatchObject([{ name: "default", active: true }]);
  });

  it("deletes a model only when it is told twice", async () => {
    const data = temporaryFolder();
    const { process: child } = await startDaemon(data);
    const live = await rivulet(["models", "delete", "default", "--yes", "--data", data]);
    expect([live.code, live.stderr]).toEqual([64, expect.stringContaining("is live")]);
    await stopped(child, "SIGTERM");
    expect((await rivulet(["models", "delete", "default", "--data", data])).code).toBe(64);
    expect((await rivulet(["models", "delete", "default", "--yes", "--data", data])).code).toBe(0);
    expect(await rivuletJson(["models", "list", "--data", data])).toEqual([]);
  });

  it("checks a configuration with every fault at once", async () => {
    const file = join(temporaryFolder(), "config.yaml");
    writeFileSync(file, "mqtt: { prt: 1 }\nmodels: { default: { batch: { size: 0 } } }\n");
    const { code, stdout } = await rivulet(["config", "check", "--config", file]);
    expect(code).toBe(1);
    expect(stdout).toContain("did you mean mqtt.port?");
    expect(stdout).toContain("models.default.batch.size");
    expect((await rivulet(["config", "check"])).code).toBe(0);
  });

  it.each([
    [["fly"], 64],
    [["rollback"], 64],
    [["history", "--points", "x"], 64],
    [["start", "--config", "no-such-file.yaml"], 1],
    [["start", "--set", "mqtt.port=many"], 1],
    [["start", "--data", "/dev/null/data"], 1],
    [["publish", "no-such-file.csv"], 1],
    [["--help"], 0],
  ])("exits by the rule for %j with %i, without a stack trace", async (args, code) => {
    const result = await rivulet(
      args[0] === "--help" || args.includes("--data") ? args : [...args, "--data", temporaryFolder()],
    );
    expect(result.code).toBe(code);
    expect(result.stderr).not.toContain("    at ");
  });

  it("publishes a generated stream, the same for the same seed, and predicts", async () => {
    const data = temporaryFolder();
    const { port } = await startDaemon(data);
    const args = ["--stream", "moons", "--seed", "4", "--count", "300", "--set", `mqtt.port=${port}`];
    for (const source of ["a", "b"]) {
      const { code, stdout } = await rivulet(["publish", ...args, "--source", source]);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^300 of 300 rows committed in /)]);
    }
    const { stdout } = await rivulet(["journal", "export", "--data", data]);
    const rows = stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.slice(line.indexOf(",")));
    expect(rows.slice(0, 300)).toEqual(rows.slice(300));
    const predicted = await rivuletJson<{ prediction: number; class: number }>([
      "predict",
      "--data",
      data,
      "0.5",
      "-1",
    ]);
    expect(predicted).toMatchObject({ class: expect.any(Number), prediction: expect.any(Number) });
    for (const wrong of [[], ["--stream", "no-such"], ["x.csv", "--stream", "moons"]]) {
      expect((await rivulet(["publish", ...wrong])).code).toBe(64);
    }
    expect((await rivulet(["predict", "--data", data, "1"])).code).toBe(64);
  });

  it.each([
    [["--source", "bad name"], '--source is "bad name"'],
    [["--source", ""], '--source is ""'],
    [["--source", "pump", "--epoch", "a/b"], '--epoch is "a/b"'],
    [["--epoch", "one"], "--source"],
  ])("sends nothing where the numbering is wrong: %j", async (wrong, told) => {
    // There is no daemon: what is sent would fail otherwise.
    const args = ["publish", "--stream", "moons", "--count", "3", "--data", temporaryFolder(), "--set", "mqtt.port=1"];
    const { code, stderr } = await rivulet([...args, ...wrong]);
    expect(code).toBe(64);
    expect(stderr).toContain(told);
  });

  it("does not say that all is well where rows that it published were refused", async () => {
    const data = temporaryFolder();
    const { port } = await startDaemon(data);
    const at = ["--set", `mqtt.port=${port}`];
    const file = join(temporaryFolder(), "rows.csv");
    writeFileSync(file, `x1,x2,y\n${"1,2,1\n".repeat(500)}1,2,7\n`);
    const { code, stdout, stderr } = await rivulet(["publish", file, "--json", ...at]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("label-invalid")]);
    expect(JSON.parse(stdout)).toMatchObject({
      acknowledged: 501,
      refusal: expect.stringContaining("label-invalid"),
    });
    const fine = await rivulet(["publish", file, "--json", "--count", "500", ...at]);
    expect([fine.code, fine.stderr]).toEqual([0, ""]);
    expect(JSON.parse(fine.stdout)).toMatchObject({ acknowledged: 500, refusal: null });
  });

  it("publishes rows with gaps and categories, and what it exports of them once more", async () => {
    const [data, folder] = [temporaryFolder(), temporaryFolder()];
    const [config, csv, journal] = ["rivulet.yaml", "rows.csv", "journal.csv"].map((name) => join(folder, name));
    if (config === undefined || csv === undefined || journal === undefined) throw new Error("there are three");
    writeFileSync(
      config,
      "models: { default: { features: [x1, colour, plant], categorical: { colour: [red, green], plant: 8 } } }\n",
    );
    writeFileSync(csv, "x1,colour,plant,y\n1,green,north,1\n,red,,0\n3,,south,1\n2,1,7,0\n");
    const { port } = await startDaemon(data, ["--config", config]);
    const at = ["--config", config, "--set", `mqtt.port=${port}`];
    expect((await rivulet(["publish", csv, ...at])).code).toBe(0);
    const exported = async () => (await rivulet(["journal", "export", "--data", data])).stdout;
    const once = await exported();
    expect(once.replaceAll(/\d{8,}/g, "#").split("\n")).toEqual([
      ...["sequence,x1,colour,plant,y", "1,1,green,#,1", "2,,red,,0", "3,3,,#,1", "4,2,green,7,0", ""],
    ]);
    writeFileSync(journal, once);
    expect((await rivulet(["publish", journal, ...at])).code).toBe(0);
    const rowsOf = (text: string) =>
      text
        .split("\n")
        .slice(1, -1)
        .map((line) => line.replace(/^\d+,/, ""));
    expect(rowsOf(await exported())).toEqual([...rowsOf(once), ...rowsOf(once)]);
    const predict = (...values: readonly string[]) => rivulet(["predict", "--data", data, "--json", ...values]);
    const hash = once.split("\n")[1]?.split(",")[3] ?? "";
    expect(JSON.parse((await predict("", "green", "north")).stdout)).toEqual(
      JSON.parse((await predict("", "1", hash)).stdout),
    );
    expect(await predict("1", "blue", "north")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("red or green"),
    });
  });

  it("reloads its configuration at SIGHUP, and says what came of it", async () => {
    const data = temporaryFolder();
    const file = join(temporaryFolder(), "rivulet.yaml");
    const write = (rate: string) =>
      writeFileSync(file, `models: { default: { optimizer: { learningRate: ${rate} } } }\n`);
    write("0.3");
    const { process: child } = await startDaemon(data, ["--config", file]);
    const reloaded = async () => (await rivuletJson<Status>(["status", "--data", data])).reloaded;
    write("0.1");
    child.kill("SIGHUP");
    await expect.poll(reloaded).toMatchObject({ changed: ["models.default.optimizer.learningRate"], failure: null });
    write("much");
    child.kill("SIGHUP");
    await expect.poll(reloaded).toMatchObject({ failure: expect.stringContaining("learningRate") });
    expect(await stopped(child, "SIGTERM")).toBe(0);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("shows a demo until %s, and leaves nothing behind", async (signal) => {
    const folder = temporaryFolder();
    const child = spawnRivulet(["demo", "--rate", "2000"], { TMPDIR: folder });
    let said = "";
    const end = new Promise<number | null>((resolve) => child.once("exit", resolve));
    for await (const text of child.stdout) {
      said += String(text);
      if (/[1-9]\d* samples, step/.test(said) && !child.killed) child.kill(signal);
    }
    expect(await end).toBe(0);
    expect(said).toMatch(/accuracy \d+\.\d %, \d+ snapshots/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("refuses a Node that is too old in one line, before it loads anything native", async () => {
    const old = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });";
    const preload = join(temporaryFolder(), "old.cjs");
    writeFileSync(preload, old);
    const { code, stdout, stderr } = await rivulet(["status"], { NODE_OPTIONS: `--require ${preload}` });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("install Node 22.14 or later");
  });
});
