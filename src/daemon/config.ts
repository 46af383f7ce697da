// Reads the configuration once into a frozen value: defaults < file < environment < --set < --data. Refuses with every
// fault at once. The daemon never writes it.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { RivuletError } from "../error.ts";
import { ENSEMBLE_INPUTS_MAX } from "../learner/ensemble/members.ts";
import {
  type ConfigFault,
  type Finding,
  findingsOf,
  formatFault,
  formatPath,
  type KeyPath,
  valueAt,
} from "./config-faults.ts";
import { environmentOverrides, type Override, setOverrides } from "./config-overrides.ts";
import { checkRules } from "./config-rules.ts";
import { type ConfigFile, configSchema } from "./config-schema.ts";
import { type Config, shapeConfig } from "./config-shape.ts";
import { isTree, readConfigText, type Tree } from "./config-text.ts";

export { type ConfigFault, formatFault } from "./config-faults.ts";
export {
  type Change,
  compareLearnerConfig,
  type Difference,
  learnerConfigJson,
  optimizerOf,
} from "./config-learner.ts";
export type { Config, ModelConfig } from "./config-shape.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Says where a configuration comes from. */
export interface ConfigSources {
  /** The YAML file; null is the one that RIVULET_CONFIG names, else none. */
  readonly file: string | null;
  readonly env: Environment;
  /** `path=value`, in rising precedence. */
  readonly set: readonly string[];
  /** The data folder, over everything else; null for none. */
  readonly data: string | null;
  /** What relative paths are relative to; the working directory of the process by default. */
  readonly cwd?: string;
}

/** What may stand over a text. */
export type ConfigOverrides = Partial<Omit<ConfigSources, "file">>;

/** Is a configuration, or everything that is wrong with it. */
export type ConfigCheck =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** Reads and checks the configuration. Throws `config-unreadable`, or `config-invalid` with all faults in its message. */
export function readConfig(sources: ConfigSources): Config {
  const file = fileOf(sources);
  return configOrThrow(checkConfigText(readText(file), sources), file);
}

/** Checks the configuration and returns every fault. Throws `config-unreadable`. */
export function checkConfig(sources: ConfigSources): ConfigCheck {
  return checkConfigText(readText(fileOf(sources)), sources);
}

/** Parses a text instead of a file; null is the built-in defaults. Throws `config-invalid`. */
export function parseConfig(text: string | null, overrides: ConfigOverrides = {}): Config {
  return configOrThrow(checkConfigText(text, overrides), null);
}

/** Checks a text instead of a file; null is the built-in defaults. */
export function checkConfigText(text: string | null, overrides: ConfigOverrides = {}): ConfigCheck {
  const { env = {}, set = [], data = null, cwd = process.cwd() } = overrides;
  const { root, faults: textFaults, lineOf } = readConfigText(text ?? "");
  const models = modelNames(root);
  const environment = environmentOverrides(env, models);
  const options = setOverrides(set, models);
  const applied: Override[] = [...environment.overrides, ...options.overrides];
  if (data !== null) applied.push({ path: ["data"], value: data, source: "--data" });
  const tree: Tree = root ?? Object.create(null);
  for (const { path, value } of applied) assign(tree, path, value);
  chooseLearners(tree);
  const { config, findings } = checkKeys(tree);
  // Of a text that is no YAML nothing is known: neither which models it has, nor what its keys are to be held against.
  const known = (fault: ConfigFault) => root !== null || !/\bmodels\.|_MODELS__/i.test(fault.source ?? "");
  const rules = config === null || root === null ? [] : rulesBeside(findings, config);
  const found = [...findings, ...rules].map(({ path, message }): ConfigFault => {
    const source = applied.findLast((override) => isWithin(path, override.path))?.source ?? null;
    return { path: formatPath(path), message, source, line: source === null ? lineOf(path) : null };
  });
  const inText = [...textFaults, ...found].sort((a, b) => lineRank(a) - lineRank(b));
  const faults = [...inText, ...environment.faults.filter(known), ...options.faults.filter(known)];
  if (faults.length > 0 || config === null) return { ok: false, faults };
  return { ok: true, config: shapeConfig(config, cwd, env["CREDENTIALS_DIRECTORY"]) };
}

function lineRank({ line }: ConfigFault): number {
  return line ?? Number.MAX_SAFE_INTEGER;
}

function modelNames(root: Tree | null): readonly string[] {
  const models = root?.["models"];
  return models === undefined ? ["default"] : isTree(models) ? Object.keys(models) : [];
}

/** Sets a value; where the file has something else than a mapping on the way, that is a fault of its own. */
function assign(root: Tree, path: readonly string[], value: unknown): void {
  let tree = root;
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(tree, step) ? tree[step] : Object.create(null);
    if (!isTree(next)) return;
    tree[step] = next;
    tree = next;
  }
  tree[path.at(-1) ?? ""] = value;
}

/** Keys of `network` that an ensemble has as well. */
const SHARED_KEYS: readonly string[] = ["loss", "seed"];

/**
 * Whoever describes a network, or how it is trained, and does not say what learns, wants that network; so does who has more
 * inputs than an ensemble is for.
 */
function chooseLearners(tree: Tree): void {
  const models = tree["models"];
  if (!isTree(models)) return;
  for (const model of Object.values(models)) {
    if (!isTree(model) || Object.hasOwn(model, "learner")) continue;
    const [network, optimizer] = [model["network"], model["optimizer"]];
    const describes = isTree(network) && Object.keys(network).some((key) => !SHARED_KEYS.includes(key));
    const trains = isTree(optimizer) && Object.keys(optimizer).length > 0;
    if (describes || trains || inputsIn(model) > ENSEMBLE_INPUTS_MAX) model["learner"] = "network";
  }
}

/** Counts the inputs as far as they can be told before the keys are checked. */
function inputsIn(model: Tree): number {
  const [features, categorical] = [model["features"], model["categorical"]];
  const names = Array.isArray(features) ? features.length : 2;
  if (!isTree(categorical)) return names;
  return Object.values(categorical).reduce<number>(
    (sum, given) => sum + (Array.isArray(given) ? given.length - 1 : typeof given === "number" ? given - 1 : 0),
    names,
  );
}

/** Checks every key alone. The configuration has the defaults in place of the keys that are wrong. */
function checkKeys(tree: Tree): { config: ConfigFile | null; findings: readonly Finding[] } {
  const first = configSchema.safeParse(tree);
  if (first.success) return { config: first.data, findings: [] };
  const findings = findingsOf(first.error.issues, tree);
  for (const { path } of findings) remove(tree, path);
  return { config: configSchema.safeParse(tree).data ?? null, findings };
}

/** Checks the keys against one another. A rule that reads a key which is wrong already says nothing. */
function rulesBeside(findings: readonly Finding[], config: ConfigFile): readonly Finding[] {
  return checkRules(config).filter(
    ({ reads }) => !reads.some((read) => findings.some(({ path }) => isWithin(path, read) || isWithin(read, path))),
  );
}

/** Takes a key out of a tree; the item of a list takes the whole list with it. */
function remove(root: Tree, path: KeyPath): void {
  const item = path.findIndex((step) => typeof step === "number");
  const keys = item < 0 ? path : path.slice(0, item);
  const parent = valueAt(root, keys.slice(0, -1));
  const key = keys.at(-1);
  if (isTree(parent) && typeof key === "string") delete parent[key];
}

function isWithin(path: KeyPath, outer: KeyPath): boolean {
  return outer.every((step, i) => path[i] === step);
}

function fileOf({ file, env, cwd = process.cwd() }: ConfigSources): string | null {
  const name = file ?? env["RIVULET_CONFIG"] ?? null;
  return name === null ? null : resolve(cwd, name);
}

function readText(file: string | null): string | null {
  if (file === null) return null;
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RivuletError("config-unreadable", `the configuration file ${file} cannot be read: ${reason}`, {
      hint: "Name another file with --config or RIVULET_CONFIG, or none for the defaults.",
      cause,
    });
  }
}

function configOrThrow(check: ConfigCheck, file: string | null): Config {
  if (check.ok) return check.config;
  const { faults } = check;
  const what = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  const lines = faults.map((fault) => `  ${formatFault(fault)}`);
  throw new RivuletError(
    "config-invalid",
    [`the configuration${file === null ? "" : ` ${file}`} has ${what}:`, ...lines].join("\n"),
    {
      hint: "config/default.yaml shows every key with its default and its limit.",
    },
  );
}
