import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ModelFile } from "../../src/export/model-file.ts";
import { initialModel, relativeError, type Trajectory, toleranceAt, trajectories } from "../golden/trajectories.ts";
import { rivulet, rivuletJson, temporaryFolder } from "./run.ts";

interface Fitted {
  readonly iterations: number;
  readonly costs: readonly { readonly step: number; readonly cost: number }[];
  readonly seconds: number;
}

function csvOf({ x, y }: Trajectory): string {
  const header = [...(x[0]?.map((_, i) => `x${i + 1}`) ?? []), "y"].join(",");
  return `${header}\n${x.map((row, r) => [...row, y[r]].join(",")).join("\n")}\n`;
}

const textbook = trajectories.find(({ name }) => name === "textbook-2-2-1") as Trajectory;

/** Writes a trajectory's data and first model into a new folder. */
function files(trajectory: Trajectory): { csv: string; model: string; out: string } {
  const folder = temporaryFolder();
  const [csv, model, out] = ["data.csv", "in.json", "out.json"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(csv, csvOf(trajectory));
  writeFileSync(model, JSON.stringify(initialModel(trajectory)));
  return { csv, model, out };
}

describe.each(trajectories)("fit, golden run $name", (trajectory) => {
  it.each(trajectory.after.map(({ step }) => step))(
    "is where the independent program is after step %i",
    async (step) => {
      const { csv, model, out } = files(trajectory);
      const { batchSize, learningRate } = trajectory;
      const fitted = await rivuletJson<Fitted>([
        ...["fit", csv, "--model", model, "--out", out, "--iterations", String(step)],
        ...["--batch-size", String(batchSize), "--learning-rate", String(learningRate)],
      ]);
      const expected = trajectory.after.find((point) => point.step === step);
      expect(fitted.iterations).toBe(step);
      expect(fitted.costs.at(-1)?.step).toBe(step);
      expect(relativeError(fitted.costs.at(-1)?.cost ?? Number.NaN, expected?.cost ?? 0)).toBeLessThan(
        toleranceAt(step),
      );
      const trained: ModelFile = JSON.parse(readFileSync(out, "utf8"));
      trained.layers.forEach((layer, l) => {
        const wanted = expected?.parameters[l];
        [...layer.weights.flat(), ...layer.biases].forEach((value, p) => {
          const reference = [...(wanted?.weights.flat() ?? []), ...(wanted?.biases ?? [])][p] ?? Number.NaN;
          expect(relativeError(value, reference)).toBeLessThan(toleranceAt(step));
        });
      });
    },
  );
});

describe("fit", () => {
  it("reports step 1, each --log-every-th, and the last", async () => {
    const { csv, model } = files(textbook);
    const fitted = await rivuletJson<Fitted>([
      "fit",
      csv,
      "--model",
      model,
      "--iterations",
      "250",
      "--log-every",
      "100",
    ]);
    expect(fitted.costs.map(({ step }) => step)).toEqual([1, 100, 200, 250]);
    expect(Object.keys(fitted)).toEqual(["iterations", "costs", "seconds"]);
  });

  it("takes the whole file for a step unless it is told otherwise", async () => {
    const { csv, model } = files(textbook);
    const args = ["fit", csv, "--model", model, "--iterations", "5", "--learning-rate", "0.5"];
    const full = await rivuletJson<Fitted>([...args, "--batch-size", "full"]);
    expect((await rivuletJson<Fitted>(args)).costs).toEqual(full.costs);
    expect((await rivuletJson<Fitted>([...args, "--batch-size", "3"])).costs).not.toEqual(full.costs);
  });

  it("stops at the target cost, and exits with 1 where it is not reached", async () => {
    const { csv, model } = files(textbook);
    const args = ["fit", csv, "--model", model, "--learning-rate", "0.5"];
    const fitted = await rivuletJson<Fitted>([...args, "--target-cost", "0.6", "--iterations", "20000"]);
    expect(fitted.costs.at(-1)?.cost).toBeLessThanOrEqual(0.6);
    expect(fitted.iterations).toBeLessThan(20_000);
    expect((await rivulet([...args, "--target-cost", "0.001", "--iterations", "5"])).code).toBe(1);
  });

  it("learns from the header alone, the last column being the label, and repeats itself for a seed", async () => {
    const { csv, out } = files(textbook);
    const args = ["fit", csv, "--iterations", "50", "--out", out];
    await rivuletJson(args);
    const first: ModelFile = JSON.parse(readFileSync(out, "utf8"));
    expect([first.features, first.label, first.loss]).toEqual([["x1", "x2"], "y", "cross-entropy"]);
    await rivuletJson(args);
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(first);
    await rivuletJson([...args, "--seed", "2"]);
    expect(JSON.parse(readFileSync(out, "utf8")).layers).not.toEqual(first.layers);
  });

  it("takes columns by name, in the order given", async () => {
    const folder = temporaryFolder();
    const csv = join(folder, "a.csv");
    const out = join(folder, "out.json");
    writeFileSync(csv, "when;b;a;ok\r\n2024;1;0.5;1\r\n2025;0;0.25;0\r\n");
    await rivuletJson(["fit", csv, "--features", "a,b", "--label", "ok", "--iterations", "3", "--out", out]);
    const model: ModelFile = JSON.parse(readFileSync(out, "utf8"));
    expect([model.features, model.label, model.layers[0]?.weights[0]?.length]).toEqual([["a", "b"], "ok", 2]);
  });

  it("trains the configured network where a configuration is named", async () => {
    const { csv, out } = files(textbook);
    const config = new URL("../../config/textbook.yaml", import.meta.url).pathname;
    await rivuletJson(["fit", csv, "--config", config, "--iterations", "2", "--out", out]);
    const model: ModelFile = JSON.parse(readFileSync(out, "utf8"));
    expect(model.layers.map(({ biases }) => biases.length)).toEqual([2, 1]);
    expect(model.scaler).toBeNull();
  });

  it("takes an empty cell for a missing value, which is the mean of the column", async () => {
    const folder = temporaryFolder();
    const out = (name: string) => join(folder, name);
    writeFileSync(out("gaps.csv"), "x1,x2,y\n1,5,1\n,7,0\n3,,1\n");
    writeFileSync(out("filled.csv"), "x1,x2,y\n1,5,1\n2,7,0\n3,6,1\n");
    const args = [
      "--iterations",
      "20",
      "--set",
      "models.default.learner=network",
      "--set",
      "models.default.scale=none",
      "--batch-size",
      "full",
    ];
    for (const name of ["gaps", "filled"]) {
      await rivuletJson(["fit", out(`${name}.csv`), ...args, "--out", out(`${name}.json`)]);
    }
    const layersOf = (name: string) => JSON.parse(readFileSync(out(name), "utf8")).layers;
    const near = JSON.parse(JSON.stringify(layersOf("filled.json")), (_, value) =>
      typeof value === "number" ? expect.closeTo(value, 9) : value,
    );
    expect(layersOf("gaps.json")).toEqual(near);
  });

  it("learns from categories, which the model file holds", async () => {
    const folder = temporaryFolder();
    const [csv, out] = [join(folder, "a.csv"), join(folder, "a.json")];
    const rows = Array.from(
      { length: 40 },
      (_, i) => `${i % 3},${["red", "green", ""][i % 3]},${["a", "b"][i % 2]},${i % 2}`,
    );
    writeFileSync(csv, `x1,colour,plant,y\n${rows.join("\n")}\n`);
    const args = ["--learning-rate", "0.5", "--target-cost", "0.1", "--iterations", "3000", "--out", out];
    const yaml = join(folder, "rivulet.yaml");
    writeFileSync(
      yaml,
      "models: { default: { features: [x1, colour, plant], categorical: { colour: [red, green], plant: 16 }, network: { hidden: [] } } }",
    );
    await rivuletJson(["fit", csv, "--config", yaml, ...args]);
    const model: ModelFile = JSON.parse(readFileSync(out, "utf8"));
    expect(model.categorical).toEqual({ colour: ["red", "green"], plant: 16 });
    expect(model.layers[0]?.weights[0]).toHaveLength(19);
    const { costs } = await rivuletJson<Fitted>(["fit", csv, "--model", out, "--iterations", "1"]);
    expect(costs[0]?.cost).toBeLessThan(0.1);
    writeFileSync(csv, "x1,colour,plant,y\n1,blue,a,1\n");
    const refused = await rivulet(["fit", csv, "--model", out, "--iterations", "1"]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("column colour has blue; red or green"),
    ]);
  });

  it.each([
    ["a file that is not there", "", [], 1, "cannot be read"],
    ["an empty file", " ", [], 1, "header"],
    ["a label that is no class", "x1,x2,y\n1,2,3\n", [], 1, "line 2"],
    ["a cell that is no number", "x1,x2,y\n1,two,1\n", [], 1, "x2"],
    ["a row without any feature", "x1,x2,y\n1,2,1\n,,1\n", [], 1, "line 3: column x1, x2 is empty"],
    [
      "an empty cell, if so configured",
      "x1,x2,y\n1,,1\n",
      ["--set", "models.default.missing=refuse"],
      1,
      "x2 is empty",
    ],
    ["an empty label", "x1,x2,y\n1,2,\n", [], 1, "column y is empty"],
    ["a column that is not there", "a,b\n1,1\n", ["--features", "c"], 1, "no column"],
    ["a model file that is none", "x1,x2,y\n1,2,1\n", ["--model", "CSV"], 1, "model file"],
    ["a batch of nothing", "x1,x2,y\n1,2,1\n", ["--batch-size", "0"], 64, "--batch-size"],
    ["an optimizer that is none", "x1,x2,y\n1,2,1\n", ["--optimizer", "magic"], 64, "sgd, adagrad"],
  ])("refuses %s", async (_, text, args, code, message) => {
    const csv = join(temporaryFolder(), "data.csv");
    if (text !== "") writeFileSync(csv, text.trim() === "" ? "" : text);
    const result = await rivulet(["fit", csv, "--iterations", "1", ...args.map((arg) => (arg === "CSV" ? csv : arg))]);
    expect(result.stderr).toContain(message);
    expect(result.code).toBe(code);
    expect(result.stderr).not.toContain("    at ");
  });
});
