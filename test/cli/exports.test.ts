import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import type { Prediction } from "../../src/daemon/predict.ts";
import type { SnapshotLine } from "../../src/daemon/verb-snapshots.ts";
import { binary, programs } from "../programs.ts";
import { rivulet, rivuletJson, startDaemon, stopped, temporaryFolder } from "./run.ts";

const ROW = [0.25, -0.75];

/** A data folder whose daemon runs and learned a little. */
async function learned() {
  const data = temporaryFolder();
  const started = await startDaemon(data);
  const port = `mqtt.port=${started.port}`;
  const args = ["publish", "--stream", "moons", "--count", "300", "--data", data, "--set", port];
  expect(await rivulet(args)).toMatchObject({ code: 0 });
  await rivuletJson(["snapshots", "take", "--data", data]);
  return { data, ...started };
}

async function predicted(data: string): Promise<number> {
  const { prediction } = await rivuletJson<Prediction>(["predict", "--data", data, ...ROW.map(String)]);
  return Number(prediction);
}

async function exported(data: string, format: string, file: string): Promise<string> {
  const out = join(data, file);
  const args = ["snapshots", "export", "2", "--format", format, "--out", out, "--data", data];
  expect(await rivulet(args)).toMatchObject({ code: 0, stderr: "" });
  return out;
}

describe("on the command line", () => {
  it("a snapshot is exported as ONNX, and as a C header, which predict what the daemon does", async () => {
    const { data } = await learned();
    const wanted = await predicted(data);
    const onnx = readFileSync(await exported(data, "onnx", "model.onnx"));
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(new Uint8Array(onnx));
    const { probability } = await session.run({ features: new ort.Tensor("float64", Float64Array.from(ROW), [1, 2]) });
    expect(Number(probability?.data[0])).toBeCloseTo(wanted, 9);
    await exported(data, "c", "model.h");
    if (!programs.cc) return;
    const main = `#include <stdio.h>
#include "model.h"
int main(void)
{
  rivulet_default_real x[2] = {${ROW.join(", ")}}, y[1];
  rivulet_default_predict(x, y);
  printf("%.17g %d", y[0], rivulet_default_class(y));
  return 0;
}
`;
    writeFileSync(join(data, "main.c"), main);
    const flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "program"];
    expect(spawnSync(binary("cc"), flags, { cwd: data }).status).toBe(0);
    const [probable, chosen] = spawnSync(join(data, "program")).stdout.toString().split(" ").map(Number);
    expect(probable).toBeCloseTo(wanted, 9);
    expect(chosen).toBe(Number(wanted >= 0.5));
  });

  it("a network is exported, and imported by a daemon that runs or is stopped", async () => {
    const { data, process: child } = await learned();
    const [before, file] = [await predicted(data), await exported(data, "json", "model.json")];
    const other = temporaryFolder();
    const running = await startDaemon(other);
    const line = await rivuletJson<SnapshotLine>(["models", "import", file, "--data", other]);
    expect(line).toMatchObject({ id: 2, parent: 1, reason: "import", step: 0 });
    expect(await predicted(other)).toBe(before);
    await stopped(running.process, "SIGTERM");
    await stopped(child, "SIGTERM");
    const { code, stdout } = await rivulet(["models", "import", file, "--data", other]);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`goes on from ${file}`)]);
    expect((await rivulet(["verify", "--data", other])).code).toBe(0);
  });

  it("an import tells what does not fit, and what is no model file", async () => {
    const data = temporaryFolder();
    await startDaemon(data);
    const file = join(data, "other.json");
    const layer = { weights: [[1, 2]], biases: [0], activation: "sigmoid" };
    const model = { features: ["a", "b"], label: "y", loss: "cross-entropy", layers: [layer], scaler: null };
    writeFileSync(file, JSON.stringify({ format: "rivulet-model", version: 1, ...model }));
    const { code, stderr } = await rivulet(["models", "import", file, "--data", data]);
    expect(code).toBe(1);
    for (const told of ["features", "ensemble is null in the file", "scale", "models reset"])
      expect(stderr).toContain(told);
    writeFileSync(file, "{}");
    expect((await rivulet(["models", "import", file, "--data", data])).stderr).toContain("not valid");
  });
});
