import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cHeaderOf } from "../../src/export/c-header.ts";
import { predictionGraph } from "../../src/export/ensemble-graph.ts";
import { anyModelFileOf } from "../../src/export/model-file.ts";
import { PredictionGraph } from "../../src/export/prediction-graph.ts";
import type { Learner } from "../../src/learner/learner.ts";
import { Random } from "../../src/learner/random.ts";
import { binary, programs } from "../programs.ts";
import { evaluateGraph } from "./evaluate-graph.ts";
import { randomEnsemble, randomModel, randomRow } from "./random-models.ts";

const ROWS = 20;
const NETWORKS = 24;
const ENSEMBLES = 12;
const SEEDS = Array.from({ length: NETWORKS + ENSEMBLES }, (_, i) => i + 1);

describe.skipIf(!programs.cc)("a model as a C header", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "rivulet-"));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Compiles headers into one program without libm, and gives the outputs of each for its rows. */
  function run(
    graphs: readonly PredictionGraph[],
    rows: readonly (readonly (readonly number[])[])[],
    flags: readonly string[] = [],
  ): readonly (readonly number[])[] {
    graphs.forEach((graph, m) => {
      writeFileSync(join(folder, `m${m}.h`), cHeaderOf(graph, `m-${m}`));
    });
    writeFileSync(join(folder, "main.c"), mainOf(graphs));
    const program = join(folder, "program");
    const warnings = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wdouble-promotion", "-Werror"];
    const compiled = spawnSync(binary("cc"), [...warnings, "-O1", ...flags, "main.c", "-o", program], { cwd: folder });
    expect(compiled.stderr.toString()).toBe("");
    const input = rows.map((one) => `${one.length} ${one.flat().map(String).join(" ")}`).join("\n");
    const { stdout, status } = spawnSync(program, { input });
    expect(status).toBe(0);
    const lines = stdout.toString().trim().split("\n");
    return lines.map((line) => line.trim().split(" ").map(Number));
  }

  it.each([
    ["double, to 1e-9", [], 1e-9],
    ["float, to 1e-6", ["-DRIVULET_F32"], 1e-6],
  ] as const)("predicts what it predicts here in %s of the largest output", (_, flags, tolerance) => {
    const models = SEEDS.map((seed) => randomModel(seed, seed > NETWORKS));
    const random = new Random(5);
    const rows = models.map(({ config }) =>
      Array.from({ length: ROWS }, () =>
        randomRow(config, random).map((value, i) => {
          // A hash as a float holds it.
          const buckets = config.categorical?.[config.features[i] ?? ""];
          return typeof buckets === "number" ? value % buckets : value;
        }),
      ),
    );
    const outputs = run(
      models.map((learner) => predictionGraph(anyModelFileOf(learner))),
      rows,
      flags,
    );
    models.forEach((learner, m) => {
      const wanted = rows[m]?.flatMap((row) => [...learner.outputsFor(row), classOf(learner, row)]) ?? [];
      const scale = Math.max(1, ...wanted.map(Math.abs));
      expect(outputs[m]).toHaveLength(wanted.length);
      wanted.forEach((output, i) => {
        const got = outputs[m]?.[i] ?? Number.NaN;
        expect(Math.abs(got - output) / scale, `model ${SEEDS[m]}, ${got}, ours ${output}`).toBeLessThan(tolerance);
      });
    });
  });

  it.each([
    ["double", [], 1e-9],
    ["float", ["-DRIVULET_F32"], 1e-5],
  ] as const)("holds what an ensemble is made of, in %s", (_, flags, tolerance) => {
    const graphs = [1, 2, 3].map(randomEnsemble);
    const random = new Random(6);
    const rows = graphs.map(({ meaning }) =>
      Array.from({ length: ROWS }, () => meaning.features.map(() => Math.fround(3 * random.normal()))),
    );
    const outputs = run(graphs, rows, flags);
    graphs.forEach((graph, m) => {
      const wanted =
        rows[m]?.flatMap((row) => [...evaluateGraph(graph, row), Number((evaluateGraph(graph, row)[0] ?? 0) >= 0.5)]) ??
        [];
      wanted.forEach((output, i) => {
        expect(Math.abs((outputs[m]?.[i] ?? Number.NaN) - output)).toBeLessThan(tolerance);
      });
    });
  });

  it("reads as a comment whatever names there are, and has doubles that look like whole numbers", () => {
    const name = "*/ int x; /* ??/\n\\";
    const graph = new PredictionGraph({
      features: [name],
      label: "größe */",
      classes: [name, "b"],
      categorical: {},
      isProbability: false,
    });
    graph.affine(graph.features, [123456789012345680000, -0, 1], [1e-7, 5, 2 ** 53]);
    const [outputs] = run([graph], [[[1]]]);
    expect(outputs?.slice(0, 3)).toEqual([123456789012345680000, 5, 2 ** 53 + 1]);
  });

  it("says in float that a number is beyond its range", () => {
    const meaning = { features: ["x"], label: "y", classes: null, categorical: {}, isProbability: false };
    const graph = new PredictionGraph(meaning);
    graph.affine(graph.features, [1e300], [0]);
    writeFileSync(join(folder, "large.c"), cHeaderOf(graph, "large"));
    const flags = ["-std=c99", "-DRIVULET_F32", "-fsyntax-only", "large.c"];
    expect(spawnSync(binary("cc"), flags, { cwd: folder }).stderr.toString()).toContain("beyond the range of float");
  });
});

function classOf(learner: Learner, row: readonly number[]): number {
  const outputs = [...learner.outputsFor(row)];
  if (learner.config.network.loss === "mse") return -1;
  return outputs.length > 1 ? outputs.indexOf(Math.max(...outputs)) : Number((outputs[0] ?? 0) >= 0.5);
}

/** A program that reads rows for each model and writes outputs and classes, a line a model; −1 where there are no classes. */
function mainOf(graphs: readonly PredictionGraph[]): string {
  const blocks = graphs.map(({ meaning }, m) => {
    const p = `rivulet_m_${m}_`;
    return `  if (scanf("%d", &rows) != 1) return 1;
  for (int r = 0; r < rows; r++) {
    double read; ${p}real x[${p}FEATURES], y[${p}OUTPUTS];
    for (int i = 0; i < ${p}FEATURES; i++) { if (scanf("%lf", &read) != 1) return 2; x[i] = (${p}real)read; }
    ${p}predict(x, y);
    for (int k = 0; k < ${p}OUTPUTS; k++) printf("%.17g ", (double)y[k]);
    printf("%d ", ${meaning.isProbability ? `${p}class(y)` : "-1"});
  }
  printf("\\n");`;
  });
  const includes = graphs.map((_, m) => `#include "m${m}.h"`);
  return `#include <stdio.h>
${includes.join("\n")}
int main(void)
{
  int rows;
${blocks.join("\n")}
  return 0;
}
`;
}
