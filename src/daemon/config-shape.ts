import { resolve } from "node:path";
import type { ClassWeightsConfig } from "../learner/class-weights.ts";
import type { ReplayConfig, ReplayKind } from "../learner/experience-replay.ts";
import type { Categorical, Init, Watch } from "../learner/learner-config.ts";
import type { Precision } from "../learner/precision.ts";
import type { Activation, Loss, OutputActivation } from "../learner/topology.ts";
import type { AveragingConfig } from "../learner/weight-average.ts";
import type { ConfigFile, ModelEntry } from "./config-schema.ts";
import type { OptimizerEntry } from "./config-schema-optimizer.ts";
import type { ControlAccess } from "./control-socket.ts";

/** Begins the path of a secret that the service manager hands over. */
export const CREDENTIALS = "$CREDENTIALS_DIRECTORY";

/** Holds one model's configuration. */
export interface ModelConfig {
  readonly features: readonly string[];
  readonly label: string;
  /** Names of the classes, two or more; null where labels are numbers. */
  readonly classes: readonly string[] | null;
  readonly classWeights: "none" | ClassWeightsConfig;
  /** Features that are no numbers, by name. */
  readonly categorical: Categorical;
  /** What learns: several networks, mixed, or the one that `network` and `optimizer` describe. */
  readonly learner: "ensemble" | "network";
  /** Newest rows that are kept for their neighbourhood; 0 is none. */
  readonly ensemble: { readonly neighbours: number };
  readonly network: {
    readonly hidden: readonly number[];
    /** One for all hidden layers, or one for each. */
    readonly activation: Activation | readonly Activation[];
    /** Null is sigmoid or, of more than two classes, softmax for cross-entropy, and identity for mse. */
    readonly output: OutputActivation | null;
    readonly loss: Loss;
    readonly init: Init;
    readonly seed: number;
    readonly fourier: { readonly count: number; readonly gamma: number } | null;
  };
  readonly scale: "standard" | "none";
  /** What becomes of a row in which some features are missing. */
  readonly missing: "mean" | "refuse";
  readonly precision: Precision;
  readonly optimizer: OptimizerEntry;
  /** A decay of 0 is none. */
  readonly averaging: AveragingConfig;
  readonly replay: Omit<ReplayConfig, "kind"> & { readonly kind: "none" | ReplayKind };
  readonly batch: { readonly size: number; readonly maxAgeMs: number };
  /** Questions that are kept until they are answered. */
  readonly late: { readonly keep: number };
  /** Whether predictions are scored as they come. */
  readonly metrics: Watch["metrics"];
  readonly drift: Pick<Watch, "detector" | "input"> & { readonly policy: Watch["policy"] | "auto" };
  readonly snapshot: {
    readonly every: { readonly ms: number } | { readonly steps: number };
    readonly minGapMs: number;
    readonly keep: { readonly last: number; readonly hourly: number; readonly daily: number };
  };
  readonly history: { readonly keepSteps: number };
  readonly journal: { readonly keepRows: number };
}

/** Holds the whole configuration, deeply frozen. Paths are absolute. */
export interface Config {
  readonly data: string;
  readonly mqtt: {
    /** "embedded", or the address of a broker: mqtt://host:port, mqtts://host:port. */
    readonly broker: string;
    readonly host: string;
    /** 0 takes any free port. */
    readonly port: number;
    readonly prefix: string;
    readonly username: string | null;
    readonly passwordFile: string | null;
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly insecure: boolean;
    readonly commands: "auto" | "on" | "off";
    readonly homeAssistant: boolean;
    readonly discoveryPrefix: string;
    readonly replyPrefix: string | null;
    readonly clientId: string | null;
    readonly protocol: "auto" | "5" | "3.1.1";
    readonly keepaliveMs: number;
  };
  readonly intake: {
    readonly bytesMax: number;
    readonly payloadBytesMax: number;
    /** Rows of one message. */
    readonly rowsMax: number;
    readonly ringRows: number;
    readonly ringBytesMax: number;
  };
  readonly commit: {
    readonly profile: "eager" | "balanced" | "sd-card";
    readonly maxDelayMs: number;
    readonly maxSamples: number;
    readonly bytesPerDay: number;
  };
  readonly memory: { readonly bytesMax: number };
  readonly store: { readonly bytesMax: number };
  readonly http: {
    readonly host: string;
    /** 0 takes any free port. */
    readonly port: number | "off";
    readonly hosts: readonly string[];
    /** Null is `<data>/token`. */
    readonly tokenFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly insecure: boolean;
  };
  readonly control: { readonly access: ControlAccess };
  readonly log: { readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent" };
  /** By name; it has no prototype, so any name may be looked up. */
  readonly models: Readonly<Record<string, ModelConfig>>;
}

/**
 * Names the units, makes paths absolute, and freezes all of it. `credentials` is the folder in which systemd hands over a
 * unit's secrets, which paths call `$CREDENTIALS_DIRECTORY`; undefined outside of the unit.
 */
export function shapeConfig(file: ConfigFile, cwd: string, credentials: string | undefined): Config {
  const absolute = (path: string | null) => (path === null ? null : resolve(cwd, withCredentials(path, credentials)));
  const models: Record<string, ModelConfig> = Object.create(null);
  for (const [name, model] of Object.entries(file.models)) models[name] = shapeModel(model);
  const { intake, commit, memory, store, http, control, log } = file;
  const { keepalive, ...mqtt } = file.mqtt;
  return deepFreeze({
    data: resolve(cwd, file.data),
    mqtt: {
      ...mqtt,
      keepaliveMs: keepalive,
      passwordFile: absolute(mqtt.passwordFile),
      caFile: absolute(mqtt.caFile),
      certFile: absolute(mqtt.certFile),
      keyFile: absolute(mqtt.keyFile),
    },
    intake,
    commit: {
      profile: commit.profile,
      maxDelayMs: commit.maxDelay,
      maxSamples: commit.maxSamples,
      bytesPerDay: commit.bytesPerDay,
    },
    memory,
    store,
    http: {
      ...http,
      tokenFile: absolute(http.tokenFile),
      certFile: absolute(http.certFile),
      keyFile: absolute(http.keyFile),
    },
    control,
    log,
    models,
  });
}

/** Outside of the unit the path stays as it is written: whoever reads the file is told then. */
function withCredentials(path: string, folder: string | undefined): string {
  const isCredential = path.startsWith(`${CREDENTIALS}/`) && folder !== undefined;
  return isCredential ? folder + path.slice(CREDENTIALS.length) : path;
}

function shapeModel({ batch, snapshot, ...same }: ModelEntry): ModelConfig {
  return {
    ...same,
    batch: { size: batch.size, maxAgeMs: batch.maxAge },
    snapshot: { every: snapshot.every, minGapMs: snapshot.minGap, keep: snapshot.keep },
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}
