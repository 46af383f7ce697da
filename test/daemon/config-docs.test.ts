import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseConfig, readConfig } from "../../src/daemon/config.ts";
import { configSchemaJson, configTable, configYaml, keyEntries } from "../../src/daemon/config-docs.ts";

const pathOf = (name: string) => fileURLToPath(new URL(`../../config/${name}`, import.meta.url));
const read = (name: string) => readFileSync(pathOf(name), "utf8");
const load = (name: string) => readConfig({ file: pathOf(name), env: {}, set: [], data: null });

describe("config/default.yaml", () => {
  it("is in step with the schema (node deploy/schema.ts writes it)", () =>
    expect(read("default.yaml")).toBe(configYaml()));

  it("says exactly what the built-in defaults are", () => expect(load("default.yaml")).toEqual(parseConfig(null)));

  it("spells every key out", () => {
    const tree: unknown = parse(read("default.yaml"));
    for (const { path } of keyEntries(["default"])) expect(tree, path.join(".")).toHaveProperty([...path]);
  });
});

describe("config/schema.json", () => {
  it("is in step with the schema (node deploy/schema.ts writes it)", () =>
    expect(read("schema.json")).toBe(configSchemaJson()));

  it("holds no keyword that is not of JSON Schema", () => expect(read("schema.json")).not.toContain('"limit"'));
});

describe("every key", () => {
  it("has a default, a limit and a meaning", () => {
    const entries = keyEntries(["default"]);
    expect(entries.length).toBeGreaterThan(40);
    for (const { path, doc } of entries) {
      expect(doc, path.join(".")).toMatchObject({ limit: expect.any(String), description: expect.any(String) });
      expect(doc.default, path.join(".")).toBeDefined();
    }
  });

  it("has a row in the table", () => {
    const rows = configTable().trimEnd().split("\n");
    expect(rows).toHaveLength(2 + keyEntries(["NAME"]).length);
    expect(rows).toContain(
      "| `models.NAME.batch.size` | `4` | 1 to 4096 rows, at most half of intake.ringRows | Rows of a full mini-batch |",
    );
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(6);
  });
});

describe("config/textbook.yaml", () => {
  it("is the textbook's network and training step, and changes nothing by itself", () => {
    const { models, ...rest } = load("textbook.yaml");
    const { models: defaults, ...others } = parseConfig(null);
    expect(rest).toEqual(others);
    expect(models).toEqual({
      default: {
        ...defaults["default"],
        learner: "network",
        network: {
          hidden: [2],
          activation: "relu",
          output: null,
          loss: "cross-entropy",
          init: "textbook",
          seed: 1,
          fourier: null,
        },
        scale: "none",
        optimizer: { ...defaults["default"]?.optimizer, kind: "sgd", learningRate: 0.01 },
        batch: { size: 32, maxAgeMs: 20 },
        drift: { detector: "adwin", input: "error", policy: "event" },
      },
    });
  });
});

describe("config/plain.yaml", () => {
  it("is one network, of 32 units, and a step a row", () => {
    expect(load("plain.yaml").models["default"]).toMatchObject({
      learner: "network",
      network: { hidden: [32], activation: "relu" },
      optimizer: { kind: "adagrad", learningRate: 0.25 },
      batch: { size: 1 },
    });
  });
});

describe("config/bench.yaml", () => {
  it("is 2-2-1, plain gradient descent, batches of 32, no scaler, no scores", () => {
    expect(load("bench.yaml").models["default"]).toMatchObject({
      features: ["x1", "x2"],
      network: { hidden: [2], loss: "cross-entropy" },
      scale: "none",
      optimizer: { kind: "sgd" },
      batch: { size: 32 },
      metrics: "none",
    });
  });
});
