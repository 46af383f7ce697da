import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createEngine, defaultEngine } from "../../src/learner/engines.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerConfig } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";

const run = promisify(execFile);

const config: LearnerConfig = {
  features: ["a", "b", "c"],
  label: "y",
  classes: null,
  network: { hidden: [6], activation: ["tanh"], output: "sigmoid", loss: "cross-entropy", init: "he", seed: 5 },
  scale: "standard",
  optimizer: { kind: "adam", learningRate: 0.01 },
  batch: { size: 4 },
};

function train(learner: Learner, steps: number, random: Random): void {
  const { raw } = learner;
  const { labels } = learner.engine;
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < raw.length; i++) raw[i] = random.normal();
    for (let r = 0; r < labels.length; r++) labels[r] = random.uint32() & 1;
    learner.step(1 + (step % 4));
  }
}

describe("the choice of an engine", () => {
  it("is the compiled one where WebAssembly can run it", () => {
    expect(defaultEngine()).toEqual({ kind: "wasm", reason: null });
    expect(new Learner(config).engine.kind).toBe("wasm");
  });

  it("falls back to the reference where there is no WebAssembly, says why, and gives the same bits", async () => {
    const script = `
      const { defaultEngine } = await import("./src/learner/engines.ts");
      const { Learner } = await import("./src/learner/learner.ts");
      delete globalThis.WebAssembly;
      const learner = new Learner(${JSON.stringify(config)});
      for (let step = 0; step < 20; step++) {
        learner.raw.fill(Math.fround(step / 7));
        learner.engine.labels.fill(step & 1);
        learner.step(4);
      }
      console.log(JSON.stringify({ ...defaultEngine(), kind: learner.engine.kind, state: [...learner.save()] }));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
    const learner = new Learner(config);
    for (let step = 0; step < 20; step++) {
      learner.raw.fill(Math.fround(step / 7));
      learner.engine.labels.fill(step & 1);
      learner.step(4);
    }
    expect(JSON.parse(stdout)).toEqual({
      kind: "reference",
      reason: "there is no WebAssembly here",
      state: [...learner.save()],
    });
  });

  it.each([
    ["SharedArrayBuffer", "there is no shared memory here"],
    ["WebAssembly", "there is no WebAssembly here"],
  ])("tells why it is the reference: without %s", async (missing, reason) => {
    const script = `
      const { defaultEngine } = await import("./src/learner/engines.ts");
      delete globalThis.${missing};
      console.log(JSON.stringify(defaultEngine()));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
    expect(JSON.parse(stdout)).toEqual({ kind: "reference", reason });
  });

  it("may change under a learner's state: each goes on from what the other saved, to the same bits", () => {
    for (const precision of ["f64", "f32"] as const) {
      const learners = (["wasm", "reference"] as const).map((kind) => new Learner({ ...config, precision }, kind));
      const [wasm, reference] = learners as [Learner, Learner];
      train(wasm, 30, new Random(1));
      reference.restore(wasm.save());
      expect(reference.save()).toEqual(wasm.save());
      train(reference, 30, new Random(2));
      train(wasm, 30, new Random(2));
      expect(reference.save()).toEqual(wasm.save());
    }
  });

  it("carries parameters and moments over to another precision", () => {
    const wide = new Learner(config);
    train(wide, 30, new Random(1));
    const narrow = new Learner({ ...config, precision: "f32" });
    narrow.adopt(wide.save());
    expect([...narrow.engine.parameters]).toEqual([...wide.engine.parameters].map(Math.fround));
    expect(narrow.save().length).toBeLessThan(wide.save().length);
    wide.adopt(narrow.save());
    expect([...wide.engine.parameters]).toEqual([...narrow.engine.parameters]);
  });
});

describe("the memory of the compiled engines", () => {
  it("is one for a thousand of them, within 64 GB of addresses", { timeout: 60_000 }, async () => {
    const script = `
      const { Learner } = await import("./src/learner/learner.ts");
      const base = ${JSON.stringify(config)};
      const learners = Array.from({ length: 1000 }, (_, n) => {
        const learner = new Learner({ ...base, network: { ...base.network, hidden: [1 + (n % 50)], seed: n } });
        learner.step(4);
        return learner;
      });
      const buffers = new Set(learners.map(({ engine }) => engine.parameters.buffer.constructor.name));
      console.log(learners.filter(({ engine }) => engine.kind === "wasm" && !engine.undone).length, ...buffers);`;
    const command = `ulimit -v 64000000; exec "$0" --input-type=module -e "$1"`;
    const { stdout } = await run("bash", ["-c", command, process.execPath, script]);
    expect(stdout.trim()).toBe("1000 SharedArrayBuffer");
  });

  it("is used again once it was given back", () => {
    const options = {
      topology: { units: [3, 300, 300, 1], activations: ["relu", "relu", "sigmoid"], loss: "cross-entropy" },
      optimizer: { kind: "sgd" },
      scaled: true,
      batchMax: 32,
    } as const;
    const places = Array.from({ length: 200 }, () => {
      const engine = createEngine(options, "wasm");
      expect(engine.parameters.every((value) => value === 0)).toBe(true);
      engine.parameters.fill(1);
      engine.release();
      return engine.parameters.byteOffset;
    });
    expect(new Set(places).size).toBe(1);
  });

  it("is refused by name where there is not enough", () => {
    const units = [1000, 4096, 4096, 4096, 4096, 4096, 4096, 1];
    const activations = [...units.slice(2).map(() => "relu" as const), "sigmoid" as const];
    const topology = { units, activations, loss: "cross-entropy" } as const;
    const options = { topology, optimizer: { kind: "adam" }, scaled: false, batchMax: 1 } as const;
    expect(() => createEngine(options, "wasm")).toThrow(expect.objectContaining({ code: "memory-exceeded" }));
  });
});
