import { describe, expect, it } from "vitest";
import { checkConfigText, formatFault, parseConfig } from "../../src/daemon/config.ts";
import { nearest } from "../../src/daemon/config-faults.ts";
import { parseDuration, parseSize } from "../../src/daemon/config-values.ts";

function pathsOf(text: string): readonly string[] {
  const check = checkConfigText(text);
  return check.ok ? [] : check.faults.map((fault) => formatFault(fault).split(/[ :]/)[0] ?? "");
}

const model = (yaml: string) => `models: { a: { ${yaml} } }`;

describe("durations and sizes", () => {
  it.each([
    ["50ms", 50],
    ["0ms", 0],
    ["60s", 60_000],
    ["1.5s", 1500],
    ["1.001s", 1001],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["365d", 31_536_000_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "5", "s", "5 s", "-5s", "5S", "1e3s", "0.5ms", "1.2.3s", "5sec", "999999999999999d"])(
    "%j is no duration",
    (text) => expect(parseDuration(text)).toBeNull(),
  );

  it.each([
    ["16MB", 16e6],
    ["1MiB", 1_048_576],
    ["0.5GiB", 536_870_912],
    ["1.5kB", 1500],
    ["7B", 7],
    ["2TB", 2e12],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(["", "16", "16mb", "16 MB", "0.5B", "-1MB", "999999999999999TB"])("%j is no size", (text) =>
    expect(parseSize(text)).toBeNull(),
  );
});

describe("values at and beyond their limits", () => {
  it.each([
    ["data: x"],
    ["mqtt: { port: 0, host: '::1' }"],
    ["mqtt: { broker: 'mqtts://[::1]:8883/', username: me, passwordFile: p, caFile: c, certFile: a, keyFile: b }"],
    ["mqtt: { prefix: a/b/c/d/e/f, commands: on }"],
    ["mqtt: { host: 0.0.0.0, insecure: true }"],
    ["mqtt: { host: 0.0.0.0, passwordFile: p, certFile: a, keyFile: b }"],
    ["http: { port: off, host: 0.0.0.0 }"],
    ["http: { port: 0, host: '::1', hosts: [pi.lan, a], tokenFile: t }"],
    ["http: { host: 0.0.0.0, insecure: true }"],
    ["http: { host: pi.lan, certFile: a, keyFile: b }"],
    ["intake: { bytesMax: 65536, payloadBytesMax: 65536, rowsMax: 4, ringRows: 8 }"],
    ["commit: { profile: sd-card, maxDelay: 0ms, maxSamples: 1, bytesPerDay: 1MB }"],
    ["log: { level: silent }"],
    [model("label: x3, classes: [ok, worn], scale: none")],
    [model("features: [temperature °C]")],
    [model("network: { hidden: [], activation: [], output: tanh, loss: mse, init: glorot, seed: 4294967295 }")],
    [model("network: { hidden: [1, 2, 3, 4, 5, 6, 7, 8], activation: leaky-relu, output: sigmoid }")],
    [model("network: { hidden: [2, 2], activation: [tanh, identity] }")],
    [model("classWeights: balanced, classes: [a, b, c]")],
    [model("classWeights: [1, 2.5]")],
    [model("optimizer: { kind: ekf, noise: 0.1, covariance: units }, network: { fourier: { count: 8, gamma: 2 } }")],
    [model("learner: network, averaging: { decay: 0.9999 }")],
    [model("averaging: { decay: 0 }, replay: { kind: none }")],
    [model("learner: network, replay: { kind: window, rows: 1000000, batches: 64, size: 4096 }")],
    [model("ensemble: { neighbours: 10 }")],
    [model("missing: refuse, categorical: { x1: [red, green], x2: 4094 }")],
    [model("optimizer: { kind: sgd, learningRate: 1000 }, batch: { size: 4096, maxAge: 1h }")],
    [model("snapshot: { every: 1 step, minGap: 0ms, keep: { last: 1, hourly: 0, daily: 0 } }")],
    [`models: { ${"a".repeat(40)}: {} }`],
  ])("%s is taken", (text) => expect(pathsOf(text)).toEqual([]));

  it.each([
    ["data: 5", "data"],
    ["mqtt: { port: 65536 }", "mqtt.port"],
    ["mqtt: { port: 1.5 }", "mqtt.port"],
    ["mqtt: { port: '1883' }", "mqtt.port"],
    ["mqtt: { host: a b }", "mqtt.host"],
    ["mqtt: { broker: http://host }", "mqtt.broker"],
    ["mqtt: { broker: 'mqtt://' }", "mqtt.broker"],
    ["mqtt: { broker: 'mqtt://host:99999' }", "mqtt.broker"],
    ["mqtt: { broker: 'mqtt://me@host' }", "mqtt.broker"],
    ["mqtt: { prefix: a/b/c/d/e/f/g }", "mqtt.prefix"],
    ["mqtt: { prefix: /a }", "mqtt.prefix"],
    ["mqtt: { prefix: a/ }", "mqtt.prefix"],
    ["mqtt: { prefix: a//b }", "mqtt.prefix"],
    ["mqtt: { prefix: 'a/+' }", "mqtt.prefix"],
    ["mqtt: { prefix: 'a/#' }", "mqtt.prefix"],
    ["mqtt: { prefix: $SYS }", "mqtt.prefix"],
    ["mqtt: { prefix: '' }", "mqtt.prefix"],
    ["mqtt: { insecure: yes }", "mqtt.insecure"],
    ["mqtt: { commands: true }", "mqtt.commands"],
    ["mqtt: { username: '' }", "mqtt.username"],
    ["http: { port: 65536 }", "http.port"],
    ["http: { port: false }", "http.port"],
    ["http: { port: on }", "http.port"],
    ["http: { host: 0.0.0.0 }", "http.host"],
    ["http: { host: pi.lan }", "http.host"],
    ["http: { hosts: [Pi.lan] }", "http.hosts[0]"],
    ["http: { hosts: ['pi.lan:8787'] }", "http.hosts[0]"],
    ["http: { hosts: ['*'] }", "http.hosts[0]"],
    ["http: { certFile: a }", "http.certFile"],
    ["http: { keyFile: a }", "http.keyFile"],
    ["commit: { maxDelay: 50 }", "commit.maxDelay"],
    ["commit: { maxDelay: 61s }", "commit.maxDelay"],
    ["commit: { bytesPerDay: 1kB }", "commit.bytesPerDay"],
    ["intake: { rowsMax: 0 }", "intake.rowsMax"],
    ["log: { level: loud }", "log.level"],
    ["models: { bridge: {} }", "models.bridge"],
    ["models: { Pump: {} }", "models.Pump"],
    ["models: { 1a: {} }", "models.1a"],
    [`models: { ${"a".repeat(41)}: {} }`, `models.${"a".repeat(41)}`],
    [model("features: []"), "models.a.features"],
    [model("features: [1, 2]"), "models.a.features[0]"],
    [model("features: [' x']"), "models.a.features[0]"],
    [model('features: ["a\\tb"]'), "models.a.features[0]"],
    [model("label: ''"), "models.a.label"],
    [model("classes: [ok]"), "models.a.classes"],
    [model("classes: [0, 1]"), "models.a.classes[0]"],
    [model("missing: zero"), "models.a.missing"],
    [model("classWeights: even"), "models.a.classWeights"],
    [model("classWeights: [1, 0]"), "models.a.classWeights[1]"],
    [model("averaging: { decay: 1 }"), "models.a.averaging.decay"],
    [model("replay: { kind: queue }"), "models.a.replay.kind"],
    [model("replay: { rows: 0 }"), "models.a.replay.rows"],
    [model("replay: { batches: 65 }"), "models.a.replay.batches"],
    [model("replay: { size: 4097 }"), "models.a.replay.size"],
    [model("categorical: [x1]"), "models.a.categorical"],
    [model("categorical: { x1: [] }"), "models.a.categorical.x1"],
    [model("categorical: { x1: 1 }"), "models.a.categorical.x1"],
    [model("categorical: { x1: [1, 2] }"), "models.a.categorical.x1"],
    [model("network: { hidden: 2 }"), "models.a.network.hidden"],
    [model("network: { hidden: [1, 1, 1, 1, 1, 1, 1, 1, 1] }"), "models.a.network.hidden"],
    [model("network: { hidden: [4097] }"), "models.a.network.hidden[0]"],
    [model("network: { activation: softplus }"), "models.a.network.activation"],
    [model("network: { seed: -1 }"), "models.a.network.seed"],
    [model("optimizer: { nesterov: true }"), "models.a.optimizer.nesterov"],
    [model("optimizer: { kind: sgd, nesterov: true }"), "models.a.optimizer.nesterov"],
    [model("optimizer: { momentum: 1 }"), "models.a.optimizer.momentum"],
    [model("optimizer: { schedule: { kind: step, factor: 1 } }"), "models.a.optimizer.schedule.factor"],
    [model("optimizer: { learningRate: 0 }"), "models.a.optimizer.learningRate"],
    [model("optimizer: { learningRate: 1000.1 }"), "models.a.optimizer.learningRate"],
    [model("optimizer: { learningRate: .nan }"), "models.a.optimizer.learningRate"],
    [model("optimizer: { kind: newton }"), "models.a.optimizer.kind"],
    [model("batch: { size: 4097 }"), "models.a.batch.size"],
    [model("batch: { size: 0 }"), "models.a.batch.size"],
    [model("snapshot: { every: 0 steps }"), "models.a.snapshot.every"],
    [model("snapshot: { every: 5000 }"), "models.a.snapshot.every"],
    [model("snapshot: { every: 1ms }"), "models.a.snapshot.every"],
    [model("snapshot: { keep: { last: 0 } }"), "models.a.snapshot.keep.last"],
    [model("history: { keepSteps: 0 }"), "models.a.history.keepSteps"],
    [model("journal: { keepRows: 1e13 }"), "models.a.journal.keepRows"],
  ])("%s is refused at its own path", (text, path) => expect(pathsOf(text)[0]).toBe(path));
});

describe("keys that contradict one another", () => {
  it.each([
    ["a ring below two messages", "intake: { rowsMax: 5, ringRows: 9 }", "intake.ringRows"],
    ["a payload above the bytes held", "intake: { bytesMax: 1MB, payloadBytesMax: 2MB }", "intake.payloadBytesMax"],
    ["a certificate without its key", "mqtt: { certFile: a }", "mqtt.certFile"],
    ["a key without its certificate", "mqtt: { keyFile: a }", "mqtt.keyFile"],
    ["an open broker", "mqtt: { host: 0.0.0.0 }", "mqtt.host"],
    ["an open broker with a password in the clear", "mqtt: { host: '::', passwordFile: p }", "mqtt.host"],
    ["a password for nobody", "mqtt: { broker: 'mqtts://h', passwordFile: p }", "mqtt.passwordFile"],
    ["TLS files without TLS", "mqtt: { broker: 'mqtt://h', caFile: c }", "mqtt.caFile"],
    ["no model", "models: {}", "models"],
    [
      "rings beyond the memory",
      "intake: { ringRows: 1048576, ringBytesMax: 10GB }\nmodels: { a: {}, b: { features: [" +
        `${Array.from({ length: 300 }, (_, i) => `f${i}`)}] } }`,
      "memory.bytesMax",
    ],
    ["a feature twice", model("features: [a, b, a]"), "models.a.features[2]"],
    ["a reserved feature", model("features: [seq]"), "models.a.features[0]"],
    ["a reserved label", model("label: weight"), "models.a.label"],
    ["a label that is a feature", model("label: x2"), "models.a.label"],
    ["two classes of one name", model("classes: [ok, ok]"), "models.a.classes[1]"],
    ["weights of fewer classes", model("classes: [a, b, c], classWeights: [1, 2]"), "models.a.classWeights"],
    ["weights of classes for values", model("network: { loss: mse }, classWeights: balanced"), "models.a.classWeights"],
    ["categories of no feature", model("categorical: { x3: [a, b] }"), "models.a.categorical.x3"],
    ["two categories of one name", model("categorical: { x1: [a, b, a] }"), "models.a.categorical.x1[2]"],
    ["a category that reads as a number", model("categorical: { x1: [a, '1e3'] }"), "models.a.categorical.x1[1]"],
    ["more inputs than there may be", model("categorical: { x1: 4096 }"), "models.a.categorical"],
    ["sigmoid for three classes", model("classes: [a, b, c], network: { output: sigmoid }"), "models.a.network.output"],
    ["softmax for two classes", model("network: { output: softmax }"), "models.a.network.output"],
    ["softmax for values", model("network: { loss: mse, output: softmax }"), "models.a.network.output"],
    [
      "Fourier features without a filter",
      model("network: { fourier: { count: 8, gamma: 1 } }"),
      "models.a.network.fourier",
    ],
    ["replay for an ensemble", model("replay: { kind: window }"), "models.a.replay.kind"],
    ["replay for a filter", model("optimizer: { kind: ekf }, replay: { kind: reservoir }"), "models.a.replay.kind"],
    [
      "more held for replay than there may be",
      model("learner: network, features: [a, b, c], replay: { kind: window, rows: 900000 }"),
      "models.a.replay.rows",
    ],
    ["averaged weights of an ensemble", model("averaging: { decay: 0.99 }"), "models.a.averaging.decay"],
    [
      "averaged weights of a filter",
      model("optimizer: { kind: ekf }, averaging: { decay: 0.99 }"),
      "models.a.averaging.decay",
    ],
    [
      "a filter of values with an activation behind",
      model("optimizer: { kind: ekf }, network: { loss: mse, output: tanh }"),
      "models.a.network.output",
    ],
    [
      "a covariance beyond all bounds",
      model("optimizer: { kind: ekf }, network: { hidden: [1000] }"),
      "models.a.network.hidden",
    ],
    ["rows for a network", model("ensemble: { neighbours: 10 }, learner: network"), "models.a.ensemble.neighbours"],
    ["classes for values", model("classes: [a, b], network: { loss: mse }"), "models.a.network.loss"],
    [
      "a batch above half the ring",
      `intake: { rowsMax: 4, ringRows: 9 }\n${model("batch: { size: 5 }")}`,
      "models.a.batch.size",
    ],
    ["too few activations", model("network: { hidden: [2, 2], activation: [relu] }"), "models.a.network.activation"],
    ["cross-entropy of another output", model("network: { output: tanh }"), "models.a.network.output"],
    ["less memory than the models need", `memory: { bytesMax: 1MB }\n${model("")}`, "memory.bytesMax"],
    [
      "engines beyond what they share, whatever they may take",
      `memory: { bytesMax: 900GB }\nmodels:\n${Array.from({ length: 7 }, (_, i) => `  m${i}: { network: { hidden: [4096, 900] }, optimizer: { kind: adam }, batch: { size: 4096 } }\n`).join("")}`,
      "models",
    ],
    ["too many parameters", model("network: { hidden: [4096, 4096] }"), "models.a.network.hidden"],
  ])("%s is refused", (_, text, path) => expect(pathsOf(text)).toEqual([path]));

  it("more models than there may be are refused", () => {
    const models = (count: number) => `models:\n${Array.from({ length: count }, (_, i) => `  m${i}: {}\n`).join("")}`;
    expect(Object.keys(parseConfig(models(1000)).models)).toHaveLength(1000);
    expect(pathsOf(models(1001))).toEqual(["models"]);
  });
});

describe("the nearest word", () => {
  it.each([
    ["maxAgeMs", ["size", "maxAge"], "maxAge"],
    ["prot", ["host", "port"], "port"],
    ["PORT", ["host", "port"], "port"],
    ["embeded", ["embedded"], "embedded"],
    ["zzzz", ["host", "port"], null],
    ["", ["on"], null],
  ])("of %j among %j is %j", (word, known, expected) => expect(nearest(word, known)).toBe(expected));
});
