// The rules that set one key against another. Each finding names the keys that it read, so that it stays silent where one
// of them is wrong already.

import { ENSEMBLE_INPUTS_MAX } from "../learner/ensemble/members.ts";
import { replayLength } from "../learner/experience-replay.ts";
import { covarianceEntriesOf } from "../learner/kalman/filter-layout.ts";
import { classesOf, inputsOf, outputsOf } from "../learner/learner-config.ts";
import { GRADIENT_OPTIMIZERS } from "../learner/optimizer.ts";
import { layoutOf } from "../learner/topology.ts";
import { HEAP_BYTES_MAX } from "../learner/wasm/heap.ts";
import { NUMERIC } from "../sample/csv.ts";
import type { Finding, KeyPath } from "./config-faults.ts";
import { outputOf } from "./config-learner.ts";
import { type ConfigFile, INPUTS_MAX, MODELS_MAX, type ModelEntry, RESERVED_FIELDS } from "./config-schema.ts";
import { memoryPlan } from "./memory-plan.ts";

/** Parameters of one model: 32 MB for each vector of them. */
const PARAMETERS_MAX = 4_194_304;

/** Is a finding with the keys that led to it. */
export interface RuleFinding extends Finding {
  readonly reads: readonly KeyPath[];
}

/** Finds every pair of keys that contradict one another. */
export function checkRules(config: ConfigFile): readonly RuleFinding[] {
  const findings = [
    ...intakeRules(config),
    ...brokerRules(config),
    ...httpRules(config),
    ...modelsRules(config),
    ...Object.entries(config.models).flatMap(([name, model]) => modelRules(["models", name], model, config)),
  ];
  return findings.length > 0 ? findings : memoryRules(config);
}

function intakeRules({ intake }: ConfigFile): readonly RuleFinding[] {
  const { ringRows, rowsMax, bytesMax, payloadBytesMax } = intake;
  const findings: RuleFinding[] = [];
  if (ringRows < 2 * rowsMax) {
    findings.push(
      finding(
        ["intake", "ringRows"],
        `came ${ringRows}; allowed: at least twice intake.rowsMax, which is ${2 * rowsMax}`,
        [["intake", "rowsMax"]],
      ),
    );
  }
  if (payloadBytesMax > bytesMax) {
    findings.push(
      finding(
        ["intake", "payloadBytesMax"],
        `came ${payloadBytesMax} bytes; allowed: up to intake.bytesMax, ${bytesMax}`,
        [["intake", "bytesMax"]],
      ),
    );
  }
  return findings;
}

function brokerRules({ mqtt }: ConfigFile): readonly RuleFinding[] {
  const { broker, host, insecure, username, passwordFile, certFile, keyFile, prefix, replyPrefix } = mqtt;
  const findings: RuleFinding[] = [];
  const add = (key: keyof typeof mqtt, message: string, ...others: (keyof typeof mqtt)[]) =>
    findings.push(
      finding(
        ["mqtt", key],
        message,
        others.map((other) => ["mqtt", other]),
      ),
    );
  if (certFile !== null && keyFile === null) add("certFile", "goes with mqtt.keyFile, which is missing", "keyFile");
  if (keyFile !== null && certFile === null) add("keyFile", "goes with mqtt.certFile, which is missing", "certFile");
  if (
    replyPrefix !== null &&
    (`${replyPrefix}/`.startsWith(`${prefix}/`) || `${prefix}/`.startsWith(`${replyPrefix}/`))
  ) {
    add("replyPrefix", `came "${replyPrefix}"; allowed: topics outside of mqtt.prefix, which is ${prefix}`, "prefix");
  }
  if (broker === "embedded") {
    if (!isLoopback(host) && !insecure && (passwordFile === null || certFile === null)) {
      const message = `came "${host}"; beyond this machine the broker needs mqtt.passwordFile, mqtt.certFile and mqtt.keyFile, or mqtt.insecure: true`;
      add("host", message, "broker", "insecure", "passwordFile", "certFile", "keyFile");
    }
    return findings;
  }
  if (passwordFile !== null && username === null) {
    add("passwordFile", "goes with mqtt.username, which is missing", "username", "broker");
  }
  if (!broker.startsWith("mqtts:")) {
    for (const key of ["caFile", "certFile", "keyFile"] as const) {
      if (mqtt[key] !== null) add(key, "is of no use with mqtt://; write mqtts:// to connect with TLS", "broker");
    }
  }
  return findings;
}

function httpRules({ http }: ConfigFile): readonly RuleFinding[] {
  const { host, port, insecure, certFile, keyFile } = http;
  const at = (key: keyof typeof http) => ["http", key];
  if ((certFile === null) !== (keyFile === null)) {
    const [there, missing] =
      certFile === null ? (["keyFile", "certFile"] as const) : (["certFile", "keyFile"] as const);
    return [finding(at(there), `goes with http.${missing}, which is missing`, [at(missing)])];
  }
  if (port === "off" || isLoopback(host) || insecure || certFile !== null) return [];
  const message = `came "${host}"; beyond this machine HTTP needs http.certFile and http.keyFile, or http.insecure: true`;
  return [finding(at("host"), message, [at("port"), at("insecure"), at("certFile"), at("keyFile")])];
}

function modelsRules({ models }: ConfigFile): readonly RuleFinding[] {
  const count = Object.keys(models).length;
  if (count >= 1 && count <= MODELS_MAX) return [];
  return [finding(["models"], `came ${count} models; allowed: 1 to ${MODELS_MAX}`, [])];
}

/** Holds what the models need against what they may take; only where nothing else is wrong with them. */
function memoryRules({ models, intake, memory }: ConfigFile): readonly RuleFinding[] {
  const { totalBytes, enginesBytes, models: planned } = memoryPlan(models, intake);
  if (enginesBytes > HEAP_BYTES_MAX) {
    const message = `the engines need ${enginesBytes} bytes, one to spare included; all of them share ${HEAP_BYTES_MAX}`;
    return [finding(["models"], message, [])];
  }
  if (totalBytes <= memory.bytesMax) return [];
  const sizes = Object.entries(planned).map(([name, bytes]) => ({ name, bytes: bytes.engineBytes + bytes.ringBytes }));
  const largest = sizes.reduce((most, size) => (size.bytes > most.bytes ? size : most));
  const message = `came ${memory.bytesMax} bytes; the models need ${totalBytes}, of which ${largest.name} ${largest.bytes}`;
  return [finding(["memory", "bytesMax"], message, [["models"], ["intake", "ringBytesMax"]])];
}

function modelRules(at: readonly string[], model: ModelEntry, { intake }: ConfigFile): readonly RuleFinding[] {
  const { features, label, classes, batch, optimizer } = model;
  const findings: RuleFinding[] = [];
  const reserved = (name: string) =>
    `"${name}" is a field that payloads have already; reserved: ${RESERVED_FIELDS.join(", ")}`;
  features.forEach((name, i) => {
    const path = [...at, "features", i];
    if (features.indexOf(name) < i) findings.push(finding(path, `"${name}" is there twice`, []));
    if (RESERVED_FIELDS.includes(name)) findings.push(finding(path, reserved(name), []));
  });
  if (RESERVED_FIELDS.includes(label)) findings.push(finding([...at, "label"], reserved(label), []));
  if (features.includes(label)) {
    findings.push(finding([...at, "label"], `"${label}" is a feature as well`, [[...at, "features"]]));
  }
  classes?.forEach((name, i) => {
    if (classes.indexOf(name) < i) findings.push(finding([...at, "classes", i], `"${name}" is there twice`, []));
  });
  findings.push(...categoryRules([...at, "categorical"], model, [...at, "features"]));
  const { classWeights } = model;
  const weightsPath = [...at, "classWeights"];
  if (classWeights !== "none" && model.network.loss === "mse") {
    findings.push(finding(weightsPath, "goes with cross-entropy", [[...at, "network", "loss"]]));
  } else if (typeof classWeights !== "string" && classWeights.length !== classesOf(model)) {
    const message = `came ${classWeights.length} weights for ${classesOf(model)} classes`;
    findings.push(finding(weightsPath, message, [[...at, "classes"]]));
  }
  if (batch.size > intake.ringRows / 2) {
    const message = `came ${batch.size}; allowed: up to half of intake.ringRows, which is ${Math.floor(intake.ringRows / 2)}`;
    findings.push(finding([...at, "batch", "size"], message, [["intake", "ringRows"]]));
  }
  if (optimizer.nesterov && (optimizer.kind !== "sgd" || optimizer.momentum === 0)) {
    findings.push(
      finding([...at, "optimizer", "nesterov"], "goes with kind sgd and a momentum above 0", [
        [...at, "optimizer", "kind"],
        [...at, "optimizer", "momentum"],
      ]),
    );
  }
  if (model.network.loss === "mse" && classes !== null) {
    const message = `came "mse"; classes need cross-entropy`;
    findings.push(finding([...at, "network", "loss"], message, [[...at, "classes"]]));
  }
  findings.push(...gradientRules(at, model));
  if (model.learner === "ensemble") return [...findings, ...ensembleRules(at, model)];
  if (model.ensemble.neighbours > 0) {
    findings.push(finding([...at, "ensemble", "neighbours"], "goes with learner ensemble", [[...at, "learner"]]));
  }
  return [...findings, ...filterRules(at, model), ...networkRules([...at, "network"], model, [...at, "features"])];
}

function ensembleRules(at: readonly string[], model: ModelEntry): readonly RuleFinding[] {
  const inputs = inputsOf(model);
  if (inputs <= ENSEMBLE_INPUTS_MAX) return [];
  const message = `came "ensemble"; allowed with ${inputs} inputs: network, for what an ensemble knows of them grows with their square (up to ${ENSEMBLE_INPUTS_MAX})`;
  return [
    finding([...at, "learner"], message, [
      [...at, "features"],
      [...at, "categorical"],
    ]),
  ];
}

/** What only a network has that gradients train. */
function gradientRules(at: readonly string[], model: ModelEntry): readonly RuleFinding[] {
  const { learner, optimizer, averaging, replay, features } = model;
  if (learner === "network" && optimizer.kind !== "ekf") {
    const held = replayLength(replay, features.length);
    if (replay.kind === "none" || held <= PARAMETERS_MAX) return [];
    const message = `came ${replay.rows}, which are ${held} numbers; allowed: ${PARAMETERS_MAX}`;
    return [finding([...at, "replay", "rows"], message, [[...at, "features"]])];
  }
  const wants = `goes with learner network and optimizer.kind ${GRADIENT_OPTIMIZERS.join(", ")}`;
  const reads = [
    [...at, "learner"],
    [...at, "optimizer", "kind"],
  ];
  return [
    ...(averaging.decay === 0 ? [] : [finding([...at, "averaging", "decay"], wants, reads)]),
    ...(replay.kind === "none" ? [] : [finding([...at, "replay", "kind"], wants, reads)]),
  ];
}

/** What the extended Kalman filter needs, and what needs it. */
function filterRules(at: readonly string[], model: ModelEntry): readonly RuleFinding[] {
  const { network, optimizer, classes } = model;
  const kindPath = [...at, "optimizer", "kind"];
  if (optimizer.kind !== "ekf") {
    if (network.fourier === null) return [];
    return [finding([...at, "network", "fourier"], "goes with optimizer.kind ekf", [kindPath])];
  }
  const findings: RuleFinding[] = [];
  if (network.loss === "mse" && outputOf({ network, classes }) !== "identity") {
    findings.push(finding([...at, "network", "output"], "is identity, or null, with ekf and mse", [kindPath]));
  }
  const { hidden } = network;
  const options = {
    hidden,
    activation: hidden.map(() => "tanh" as const),
    covariance: optimizer.covariance,
    noise: 0,
    relevance: false,
    ...(network.fourier === null ? {} : { fourier: network.fourier }),
  };
  const entries = covarianceEntriesOf(options, inputsOf(model), outputsOf(model));
  if (entries > PARAMETERS_MAX) {
    const message = `its covariance would have ${entries} numbers; allowed: ${PARAMETERS_MAX}`;
    findings.push(finding([...at, "network", "hidden"], message, [kindPath, [...at, "features"]]));
  }
  return findings;
}

function categoryRules(at: readonly string[], model: ModelEntry, features: KeyPath): readonly RuleFinding[] {
  const findings: RuleFinding[] = [];
  for (const [name, given] of Object.entries(model.categorical)) {
    const path = [...at, name];
    if (!model.features.includes(name)) findings.push(finding(path, `there is no feature "${name}"`, [features]));
    if (typeof given === "number") continue;
    given.forEach((category, i) => {
      if (given.indexOf(category) < i) findings.push(finding([...path, i], `"${category}" is there twice`, []));
      // Numbers stand for the categories in their order.
      if (NUMERIC.test(category)) findings.push(finding([...path, i], `"${category}" reads as a number`, []));
    });
  }
  const inputs = inputsOf(model);
  if (inputs > INPUTS_MAX) findings.push(finding(at, `makes ${inputs} inputs; allowed: ${INPUTS_MAX}`, [features]));
  return findings;
}

function networkRules(at: readonly string[], model: ModelEntry, features: KeyPath): readonly RuleFinding[] {
  const { hidden, activation, output, loss } = model.network;
  const findings: RuleFinding[] = [];
  const hiddenPath = [...at, "hidden"];
  if (typeof activation !== "string" && activation.length !== hidden.length) {
    const message = `came ${activation.length} activations for ${hidden.length} hidden layers; allowed: one word for all, or one for each`;
    findings.push(finding([...at, "activation"], message, [hiddenPath]));
  }
  const outputs = outputsOf(model);
  const classesPath = [...at.slice(0, -1), "classes"];
  const wanted = outputs > 1 ? "softmax" : "sigmoid";
  if (loss === "cross-entropy" && output !== null && output !== wanted) {
    const message = `came "${output}"; allowed with cross-entropy and ${outputs > 1 ? "more than two classes" : "two classes"}: ${wanted}, null`;
    findings.push(finding([...at, "output"], message, [[...at, "loss"], classesPath]));
  }
  if (loss === "mse" && output === "softmax") {
    findings.push(finding([...at, "output"], `came "softmax"; it goes with cross-entropy`, [[...at, "loss"]]));
  }
  const activations = [...hidden.map(() => "relu" as const), outputOf(model)];
  const { parameterCount } = layoutOf({ units: [inputsOf(model), ...hidden, outputs], activations, loss });
  if (parameterCount > PARAMETERS_MAX) {
    const message = `the network would have ${parameterCount} parameters; allowed: ${PARAMETERS_MAX}`;
    findings.push(finding(hiddenPath, message, [features]));
  }
  return findings;
}

function finding(path: KeyPath, message: string, others: readonly KeyPath[]): RuleFinding {
  return { path, message, reads: [path, ...others] };
}

/** Tells whether an address can be reached from this machine only. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
