// What the environment and the command line set over the file.

import { isScalar, parseDocument } from "yaml";
import { type KeyEntry, keyDocAt, keyEntries, typesOf } from "./config-docs.ts";
import { type ConfigFault, didYouMean, nearest, unknownKey } from "./config-faults.ts";

const PREFIX = "RIVULET_";
/** Variables that set no key: the file to read, and what the test suite insists on. */
const OTHER_VARIABLES: readonly string[] = ["RIVULET_CONFIG", "RIVULET_TEST_REQUIRE"];
/** A longer value is no number or word in quotes, and need not be looked at as YAML. */
const SCALAR_CHARACTERS_MAX = 256;
const MODELS_SHOWN_MAX = 10;

/** Sets one key over what the file says. */
export interface Override {
  readonly path: readonly string[];
  readonly value: unknown;
  /** The variable or option, for people. */
  readonly source: string;
}

/** Holds what was set, in rising precedence, and what could not be. */
export interface Overrides {
  readonly overrides: readonly Override[];
  readonly faults: readonly ConfigFault[];
}

/** Reads the variables that begin with RIVULET_. A model's key can be set only for the models named here. */
export function environmentOverrides(
  env: Readonly<Record<string, string | undefined>>,
  models: readonly string[],
): Overrides {
  const variables = Object.entries(env).flatMap(([name, value]) => {
    const upper = name.toUpperCase();
    const ours = upper.startsWith(PREFIX) && !OTHER_VARIABLES.includes(upper);
    return ours && value !== undefined ? [{ name, upper, value }] : [];
  });
  const overrides: Override[] = [];
  const faults: ConfigFault[] = [];
  if (variables.length === 0) return { overrides, faults };
  const keys = new Map(keyEntries(models).map((entry) => [variableOf(entry.path), entry]));
  const seen = new Set<string>();
  for (const { name, upper, value } of variables) {
    const entry = keys.get(upper);
    const twice = seen.has(upper);
    seen.add(upper);
    if (entry === undefined || twice) {
      const message = twice
        ? "the same variable is there in other letters"
        : didYouMean(
            "no key has this variable (it is RIVULET_ and the key's path, joined by __)",
            nearest(upper, [...keys.keys(), ...OTHER_VARIABLES]),
          );
      faults.push({ path: "", line: null, source: name, message });
    } else overrides.push({ path: entry.path, value: typedValue(value, entry), source: name });
  }
  return { overrides, faults };
}

/** Reads what `--set path=value` options set. */
export function setOverrides(set: readonly string[], models: readonly string[]): Overrides {
  const overrides: Override[] = [];
  const faults: ConfigFault[] = [];
  if (set.length === 0) return { overrides, faults };
  const keys = new Map(keyEntries(models).map((entry) => [entry.path.join("."), entry]));
  for (const option of set) {
    const equals = option.indexOf("=");
    const path = (equals < 0 ? option : option.slice(0, equals)).trim();
    const source = `--set ${path}`;
    const entry = keys.get(path);
    if (equals < 0) faults.push({ path: "", line: null, source, message: "is written path=value" });
    else if (entry === undefined) {
      faults.push({ path: "", line: null, source, message: whyUnsettable(path, [...keys.keys()], models) });
    } else overrides.push({ path: entry.path, value: typedValue(option.slice(equals + 1), entry), source });
  }
  return { overrides, faults };
}

function whyUnsettable(path: string, known: readonly string[], models: readonly string[]): string {
  const steps = path.split(".");
  const [first, model] = steps;
  if (first === "models" && model !== undefined && !models.includes(model)) {
    const message = `the configuration has no model ${model}; it has: ${models.slice(0, MODELS_SHOWN_MAX).join(", ")}`;
    return didYouMean(message, nearest(model, models));
  }
  const meant = nearest(path, known);
  if (meant !== null) return didYouMean("unknown key", meant);
  return keyDocAt(steps) === null ? unknownKey(steps) : "is a group of keys; set them one by one";
}

/** Writes the variable that sets a key: RIVULET_MODELS__PUMP_1__BATCH__SIZE. */
function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((step) => step.toUpperCase().replaceAll("-", "_")).join("__");
}

/** Reads text as the key wants it: lists and maps as JSON, text verbatim, anything else as a YAML scalar. */
function typedValue(text: string, { doc }: KeyEntry): unknown {
  const types = typesOf(doc);
  const first = text.trimStart()[0];
  if ((types.includes("array") && first === "[") || (types.includes("object") && first === "{")) {
    try {
      return JSON.parse(text);
    } catch {
      // Stays text, which the key refuses with what it wants instead.
      return text;
    }
  }
  if (types.every((type) => type === "string")) return text;
  const value = scalarOf(text);
  const isText = types.includes("string") && value !== null && typeof value !== "string";
  return isText && !types.includes("number") && !types.includes("integer") ? text : value;
}

function scalarOf(text: string): unknown {
  if (text.length > SCALAR_CHARACTERS_MAX) return text;
  const { contents, errors } = parseDocument(text, { logLevel: "silent" });
  if (errors.length > 0) return text;
  if (contents === null) return null;
  return isScalar(contents) ? contents.value : text;
}
