import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type ConfigOverrides,
  checkConfig,
  checkConfigText,
  formatFault,
  parseConfig,
  readConfig,
} from "../../src/daemon/config.ts";
import { CONFIG_BYTES_MAX } from "../../src/daemon/config-text.ts";
import { readCredentials } from "../../src/daemon/open-broker.ts";
import { RivuletError } from "../../src/error.ts";

function faultsOf(text: string, overrides: ConfigOverrides = {}): readonly string[] {
  const check = checkConfigText(text, overrides);
  return check.ok ? [] : check.faults.map(formatFault);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RivuletError) return error.code;
    throw error;
  }
  return "none";
}

describe("a configuration without a file", () => {
  it("is the built-in one: one model by the name of default", () => {
    const config = parseConfig(null, { cwd: "/srv" });
    expect(Object.keys(config.models)).toEqual(["default"]);
    expect(config).toEqual({
      data: resolve("/srv/data"),
      mqtt: {
        broker: "embedded",
        host: "127.0.0.1",
        port: 1883,
        prefix: "rivulet",
        username: null,
        passwordFile: null,
        caFile: null,
        certFile: null,
        keyFile: null,
        insecure: false,
        commands: "auto",
        homeAssistant: false,
        discoveryPrefix: "homeassistant",
        replyPrefix: null,
        clientId: null,
        protocol: "auto",
        keepaliveMs: 15_000,
      },
      intake: { bytesMax: 16e6, payloadBytesMax: 1_048_576, rowsMax: 8192, ringRows: 32_768, ringBytesMax: 32e6 },
      commit: { profile: "balanced", maxDelayMs: 50, maxSamples: 4096, bytesPerDay: 1e9 },
      memory: { bytesMax: 2 ** 31 },
      store: { bytesMax: 4e9 },
      http: {
        host: "127.0.0.1",
        port: 8787,
        hosts: [],
        tokenFile: null,
        certFile: null,
        keyFile: null,
        insecure: false,
      },
      control: { access: "owner" },
      log: { level: "info" },
      models: {
        default: {
          features: ["x1", "x2"],
          label: "y",
          classes: null,
          learner: "ensemble",
          ensemble: { neighbours: 0 },
          network: {
            hidden: [32],
            activation: "relu",
            output: null,
            loss: "cross-entropy",
            init: "he",
            seed: 1,
            fourier: null,
          },
          scale: "standard",
          precision: "f64",
          optimizer: {
            kind: "adagrad",
            learningRate: null,
            momentum: 0,
            nesterov: false,
            decay: 0.9,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            l2: 0,
            clipNorm: null,
            noise: 1e-4,
            covariance: "full",
            schedule: { kind: "constant", steps: 10_000, factor: 0.5 },
          },
          averaging: { decay: 0 },
          replay: { kind: "none", rows: 1000, batches: 4, size: 8 },
          batch: { size: 4, maxAgeMs: 20 },
          categorical: {},
          classWeights: "none",
          missing: "mean",
          late: { keep: 10_000 },
          metrics: "full",
          drift: { detector: "adwin", input: "error", policy: "auto" },
          snapshot: { every: { ms: 60_000 }, minGapMs: 10_000, keep: { last: 100, hourly: 168, daily: 365 } },
          history: { keepSteps: 1e6 },
          journal: { keepRows: 1e6 },
        },
      },
    });
  });

  it("is what an empty text and a text of comments say, too", () => {
    expect(parseConfig("")).toEqual(parseConfig(null));
    expect(parseConfig("# nothing yet\n")).toEqual(parseConfig(null));
  });

  it("is frozen through and through", () => {
    const check = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      expect(Object.isFrozen(value), path).toBe(true);
      for (const [key, child] of Object.entries(value)) check(child, `${path}.${key}`);
    };
    check(parseConfig("models: { a: { network: { activation: [tanh] }, classes: [ok, worn] } }"), "config");
  });

  it("answers a look-up of a model by any name with that model or nothing", () => {
    const { models } = parseConfig("models: { pump: {} }");
    expect(models["pump"]).toEqual(parseConfig(null).models["default"]);
    for (const name of ["default", "constructor", "toString", "__proto__"]) expect(models[name]).toBeUndefined();
  });
});

describe("the precedence", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rivulet-config-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is defaults, file, environment, --set, --data", () => {
    const file = join(folder, "a.yaml");
    writeFileSync(file, "data: file\nmqtt: { port: 1, host: ::1, prefix: file }\nhttp: { port: 10 }\n");
    const env = { RIVULET_DATA: "env", RIVULET_MQTT__PORT: "2", RIVULET_MQTT__PREFIX: "env" };
    const set = ["data=set", "mqtt.port=3", "mqtt.port=4"];
    const config = readConfig({ file, env, set, data: "flag", cwd: folder });
    expect(config.data).toBe(join(folder, "flag"));
    expect(config.mqtt).toMatchObject({ port: 4, prefix: "env", host: "::1" });
    expect(config.http).toMatchObject({ host: "127.0.0.1", port: 10 });
    expect(readConfig({ file, env, set, data: null, cwd: folder }).data).toBe(join(folder, "set"));
    expect(readConfig({ file, env, set: [], data: null, cwd: folder }).data).toBe(join(folder, "env"));
    expect(readConfig({ file, env: {}, set: [], data: null, cwd: folder }).data).toBe(join(folder, "file"));
  });

  it("lets --config name another file than RIVULET_CONFIG", () => {
    writeFileSync(join(folder, "a.yaml"), "mqtt: { port: 1 }");
    writeFileSync(join(folder, "b.yaml"), "mqtt: { port: 2 }");
    const portOf = (file: string | null) =>
      readConfig({ file, env: { RIVULET_CONFIG: "a.yaml" }, set: [], data: null, cwd: folder }).mqtt.port;
    expect(portOf(null)).toBe(1);
    expect(portOf("b.yaml")).toBe(2);
  });

  it("takes relative paths from the working directory, not from the file's folder", () => {
    const file = join(folder, "a.yaml");
    writeFileSync(file, "mqtt: { passwordFile: secret, username: u, caFile: /etc/ca.pem }");
    const { mqtt } = readConfig({ file, env: {}, set: [], data: null, cwd: "/srv" });
    expect(mqtt).toMatchObject({ passwordFile: resolve("/srv/secret"), caFile: "/etc/ca.pem" });
  });

  it("finds what the service manager hands over by the folder that it names", () => {
    const file = join(folder, "a.yaml");
    writeFileSync(
      file,
      "mqtt: { username: u, passwordFile: $CREDENTIALS_DIRECTORY/p, caFile: $CREDENTIALS_DIRECTORY.pem }",
    );
    const sources = { file, set: [], data: null, cwd: "/srv" };
    const { mqtt } = readConfig({ ...sources, env: { CREDENTIALS_DIRECTORY: "/run/credentials/rivulet.service" } });
    expect(mqtt.passwordFile).toBe("/run/credentials/rivulet.service/p");
    expect(mqtt.caFile).toBe("/srv/$CREDENTIALS_DIRECTORY.pem");
    const outside = readConfig({ ...sources, env: {} });
    expect(outside.mqtt.passwordFile).toBe("/srv/$CREDENTIALS_DIRECTORY/p");
    expect(() => readCredentials(outside)).toThrow(
      expect.objectContaining({ code: "file-unreadable", hint: expect.stringContaining("Only the service") }),
    );
  });

  it("reports a file that cannot be read", () => {
    const sources = { file: join(folder, "none.yaml"), env: {}, set: [], data: null };
    expect(codeOf(() => readConfig(sources))).toBe("config-unreadable");
    expect(codeOf(() => checkConfig({ ...sources, file: folder }))).toBe("config-unreadable");
  });
});

describe("the environment", () => {
  it("is compared without case, with - of a name as _", () => {
    const config = parseConfig("models: { pump-1: {} }", {
      env: { rivulet_models__Pump_1__batch__SIZE: "7", RIVULET_COMMIT__MAXDELAY: "80ms" },
    });
    expect(config.models["pump-1"]?.batch.size).toBe(7);
    expect(config.commit.maxDelayMs).toBe(80);
  });

  it("sets keys of the built-in model where the file names none", () => {
    const env = { RIVULET_MODELS__DEFAULT__BATCH__SIZE: "8" };
    expect(parseConfig("mqtt: { port: 0 }", { env }).models["default"]?.batch.size).toBe(8);
  });

  it("takes lists as JSON, and every other value as its key wants it", () => {
    const { models, mqtt, data, store } = parseConfig(null, {
      env: {
        RIVULET_MODELS__DEFAULT__FEATURES: '["a", "b", "c"]',
        RIVULET_MODELS__DEFAULT__NETWORK__HIDDEN: "[4, 2]",
        RIVULET_MODELS__DEFAULT__NETWORK__ACTIVATION: '["tanh", "relu"]',
        RIVULET_MODELS__DEFAULT__LABEL: "2",
        RIVULET_MODELS__DEFAULT__CATEGORICAL: '{"a": ["red", "green"], "c": 8}',
        RIVULET_MODELS__DEFAULT__CLASSWEIGHTS: "[1, 20]",
        RIVULET_MQTT__USERNAME: "007",
        RIVULET_MQTT__INSECURE: "true",
        RIVULET_MQTT__PASSWORDFILE: "null",
        RIVULET_DATA: "/2024",
        RIVULET_STORE__BYTESMAX: "64000000",
      },
    });
    expect(models["default"]).toMatchObject({
      features: ["a", "b", "c"],
      label: "2",
      categorical: { a: ["red", "green"], c: 8 },
      classWeights: [1, 20],
      network: { hidden: [4, 2], activation: ["tanh", "relu"] },
    });
    expect(mqtt).toMatchObject({ username: "007", insecure: true, passwordFile: null });
    expect(data).toBe(resolve("/2024"));
    expect(store.bytesMax).toBe(64e6);
  });

  it("is refused where it names nothing, with the nearest name", () => {
    const refused = (name: string) => faultsOf("models: { pump: {} }", { env: { [name]: "1" } });
    expect(refused("RIVULET_MQTT__PROT")).toEqual([
      "RIVULET_MQTT__PROT: no key has this variable (it is RIVULET_ and the key's path, joined by __); did you mean RIVULET_MQTT__PORT?",
    ]);
    expect(refused("RIVULET_MODELS__DEFAULT__BATCH__SIZE")).toHaveLength(1);
    expect(refused("RIVULET_MQTT")).toHaveLength(1);
    expect(refused("RIVULET_")).toHaveLength(1);
  });

  it("may hold RIVULET_TEST_REQUIRE, RIVULET_CONFIG, and what is not ours", () => {
    expect(faultsOf("", { env: { RIVULET_TEST_REQUIRE: "x", RIVULET_CONFIG: "y", RIVULETS: "1", HOME: "/" } })).toEqual(
      [],
    );
  });

  it("is refused where it holds one key in two spellings", () => {
    expect(faultsOf("", { env: { RIVULET_DATA: "a", rivulet_data: "b" } })).toEqual([
      "rivulet_data: the same variable is there in other letters",
    ]);
  });

  it("is refused by name where its value is wrong", () => {
    expect(faultsOf("mqtt:\n  port: 5", { env: { RIVULET_MQTT__PORT: "x" } })).toEqual([
      'mqtt.port (RIVULET_MQTT__PORT): came "x"; allowed: a whole number from 0 to 65535',
    ]);
    expect(faultsOf("", { env: { RIVULET_MODELS__DEFAULT__FEATURES: "[a, b]" } })).toHaveLength(1);
  });
});

describe("--set", () => {
  it("sets one key of a model that there is", () => {
    const config = parseConfig("models: { a: {}, b: {} }", { set: ["models.b.snapshot.every=5000 steps"] });
    expect(config.models["b"]?.snapshot.every).toEqual({ steps: 5000 });
    expect(config.models["a"]?.snapshot.every).toEqual({ ms: 60_000 });
  });

  it.each([
    ["mqtt.port", "--set mqtt.port: is written path=value"],
    ["mqtt.prot=1", "--set mqtt.prot: unknown key; did you mean mqtt.port?"],
    ["port=1", "--set port: unknown key; did you mean mqtt.port?"],
    ["mqtt={}", "--set mqtt: is a group of keys; set them one by one"],
    ["models.b.label=z", "--set models.b.label: the configuration has no model b; it has: default"],
    ["models.defualt.label=z", "did you mean default?"],
    ["__proto__.x=1", "--set __proto__.x: unknown key"],
    ["=1", "--set : unknown key"],
    ["mqtt.port=99999", "mqtt.port (--set mqtt.port): came 99999; allowed: a whole number from 0 to 65535"],
  ])("refuses %s", (option, message) => {
    const faults = faultsOf("", { set: [option] });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(message);
  });

  it("refuses an empty --data", () => {
    expect(faultsOf("", { data: "" })).toEqual(['data (--data): came ""; allowed: a path of 1 to 4096 characters']);
  });
});

describe("faults", () => {
  it("come all at once: of the file, the environment, the options and the rules, each with its place", () => {
    const text = [
      "mqtt:",
      "  port: 70000",
      "  prot: 3",
      "commit: { profile: balence }",
      "models:",
      "  default:",
      "    features: [a, a]",
      "    batch: { sise: 3 }",
      "port: 3",
    ].join("\n");
    const overrides = { env: { RIVULET_HTTP__PORT: "-1", RIVULET_FOO: "1" }, set: ["store.bytesMax=1", "foo"] };
    const faults = [
      "mqtt.port (line 2): came 70000; allowed: a whole number from 0 to 65535",
      "mqtt.prot (line 3): unknown key; did you mean mqtt.port?",
      'commit.profile (line 4): came "balence"; allowed: eager, balanced, sd-card; did you mean balanced?',
      'models.default.features[1] (line 7): "a" is there twice',
      "models.default.batch.sise (line 8): unknown key; did you mean models.default.batch.size?",
      "port (line 9): unknown key; did you mean mqtt.port?",
      "store.bytesMax (--set store.bytesMax): came 1; allowed: a size (such as 16MB, 1MiB, or plain bytes) from 16MB to 1000TB",
      "http.port (RIVULET_HTTP__PORT): came -1; allowed: a whole number from 0 to 65535, or off",
      "RIVULET_FOO: no key has this variable (it is RIVULET_ and the key's path, joined by __)",
      "--set foo: is written path=value",
    ];
    expect(faultsOf(text, overrides)).toEqual(faults);
  });

  it("are all in the message of one error", () => {
    expect(() => parseConfig("a: 1\nb: 2\n")).toThrow(
      /has 2 faults:\n {2}a \(line 1\): unknown key.*\n {2}b \(line 2\)/,
    );
    expect(codeOf(() => parseConfig("a: 1"))).toBe("config-invalid");
  });

  it("do not hide the rules that nothing wrong takes part in, and do not lead to further ones", () => {
    const text = "intake: { rowsMax: x, ringRows: 100 }\nmodels: { default: { label: x1, batch: { size: 90 } } }";
    expect(faultsOf(text).map((fault) => fault.split(" ")[0])).toEqual([
      "intake.rowsMax",
      "models.default.label",
      "models.default.batch.size",
    ]);
  });

  it("hide the password in an address", () => {
    const [fault = ""] = faultsOf("mqtt: { broker: 'mqtt://me:secret@host' }");
    expect(fault).toContain("mqtt.broker (line 1): came");
    expect(fault).not.toContain("secret");
  });

  it("stay short, whatever came", () => {
    const long = "x".repeat(10_000);
    for (const text of [`data: [${long}, [[1]]]`, `mqtt: { port: ${long} }`, `${long}: 1`, `mqtt: { hots: ${long} }`]) {
      for (const fault of faultsOf(text)) expect(fault.length).toBeLessThan(1000);
    }
  });

  it("tell that a group without keys is no mapping", () => {
    expect(faultsOf("mqtt:\n")).toEqual([
      "mqtt (line 1): came nothing; allowed: a mapping (write {} for all defaults)",
    ]);
    expect(faultsOf("models: [a]\n")).toHaveLength(1);
  });
});

describe("the text", () => {
  it.each([
    ["with a broken list", "a: [1\nb: 2", "line 2: column 1: "],
    ["of two documents", "mqtt: {port: 1}\n---\nmqtt: {port: 2}", "line 2: column 1: "],
    ["with an unknown tag", "data: !!secret x", "line 1: column 7: Unresolved tag"],
    ["with an alias", "data: &a x\nmqtt: { prefix: *a }", "line 2: aliases are not taken"],
    ["with an alias of itself", "a: &a [*a]", "line 1: aliases are not taken"],
    ["that is a list", "- 1", "line 1: is no mapping of keys to values"],
    ["that is a word", "just words", "line 1: is no mapping of keys to values"],
    ["with a key twice", "mqtt:\n  port: 1\n  port: 2", "mqtt.port (line 3): this key is there twice"],
    ["with a list as a key", "? [1]\n: 2", "line 1: column 3: "],
    ["with the key __proto__", "__proto__: { x: 1 }", "__proto__ (line 1): unknown key"],
    ["with the key constructor", "mqtt: { constructor: 1 }", "mqtt.constructor (line 1): unknown key"],
    ["with a model constructor", "models:\n  constructor: {}\n  a: {}", "models.constructor (line 2): unknown key"],
    ["with deep brackets", `\n\na: ${"[".repeat(100_000)}`, "line 3: is nested deeper than 64 levels"],
    ["with deep dashes", "- ".repeat(100_000), "line 1: is nested deeper than 64 levels"],
    ["that is too long", "#".repeat(CONFIG_BYTES_MAX + 1), `is longer than ${CONFIG_BYTES_MAX} bytes`],
  ])("%s is refused", (_, text, message) => {
    const faults = faultsOf(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(message);
  });

  it("that is no YAML does not hide what is wrong with the options", () => {
    expect(faultsOf("a: [", { set: ["mqtt.port=x", "models.a.label=y"], env: { RIVULET_X: "" } })).toHaveLength(3);
  });

  it("of random junk gives a configuration or faults, and never anything else", () => {
    const word = fc.constantFrom(
      ...["mqtt", "port", "models", "default", "batch", "size", "network", "activation", "hidden", "features", "label"],
      ...[
        "__proto__",
        "constructor",
        "every",
        "60s",
        "1e999",
        "null",
        "~",
        "-1",
        "'",
        '"',
        "&a",
        "*a",
        "!!map",
        "<<",
        "|",
      ],
      ...[
        ": ",
        ":",
        "- ",
        ",",
        "[",
        "]",
        "{",
        "}",
        "\n",
        "\n  ",
        "\n    ",
        "# ",
        "?",
        "\t",
        "\u0000",
        "\ud800",
        "%",
        "---\n",
      ],
    );
    const junk = fc.oneof(
      fc.array(word, { maxLength: 40 }).map((words) => words.join("")),
      fc.string(),
    );
    const tree = fc.object({ key: word, maxDepth: 4, withNullPrototype: true }).map((value) => JSON.stringify(value));
    const seed = 20_261;
    fc.assert(
      fc.property(fc.oneof(junk, tree), fc.array(junk, { maxLength: 2 }), junk, (text, set, value) => {
        const code = codeOf(() => parseConfig(text, { set, env: { RIVULET_MODELS__DEFAULT__FEATURES: value } }));
        expect(["none", "config-invalid"]).toContain(code);
      }),
      { seed, numRuns: 2000 },
    );
  });
});
