// The configuration as the file writes it: every key with its default, its limit and its meaning, each in one place.
// Keys that no single value can settle (one key against another) are in config-rules.ts.

import * as z from "zod/mini";
import { DRIFT_POLICIES } from "../evaluate/adaptation.ts";
import { DETECTORS } from "../evaluate/detector.ts";
import { NEIGHBOURS_MAX, NEIGHBOURS_MIN } from "../learner/ensemble/members.ts";
import { INITS, LATE_KEEP, WATCH_DEFAULTS } from "../learner/learner-config.ts";
import { PRECISIONS } from "../learner/precision.ts";
import { ACTIVATIONS, LOSSES, OUTPUTS } from "../learner/topology.ts";
import { httpSchema } from "./config-schema-http.ts";
import { mqttSchema } from "./config-schema-mqtt.ts";
import { averagingSchema, BATCH_SIZE_MAX, optimizerSchema, replaySchema } from "./config-schema-optimizer.ts";
import { duration, every, group, key, PATH_CHARACTERS_MAX, size, whole, words } from "./config-values.ts";
import { CONTROL_ACCESS } from "./control-socket.ts";

/** Features of one model. */
export const FEATURES_MAX = 1024;
const HIDDEN_LAYERS_MAX = 8;
const LAYER_UNITS_MAX = 4096;
const CLASSES_MAX = 1024;
/** Inputs of one model: numbers, categories and hashes. */
export const INPUTS_MAX = 4096;
/** Bounds the models of one configuration; config-rules.ts counts them. */
export const MODELS_MAX = 1000;
/** Lists the fields of a payload that are neither features nor label. */
export const RESERVED_FIELDS: readonly string[] = ["source", "epoch", "seq", "id", "weight", "ts"];

const COMMIT_PROFILES = ["eager", "balanced", "sd-card"] as const;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
const CLASS_WEIGHTS = ["none", "balanced"] as const;
const MISSING = ["mean", "refuse"] as const;
const LEARNERS = ["ensemble", "network"] as const;
const SCALES = ["standard", "none"] as const;
/** No blank at either end and no control character, so that a name survives CSV headers, topics and logs. */
const NAME = /^(?!\s)[^\p{Cc}]{1,64}(?<!\s)$/u;
const MODEL_NAME = /^(?!bridge$)[a-z][a-z0-9-]{0,39}$/;

const intake = group(
  {
    bytesMax: size("Bytes of messages held at once before producers are made to wait", "64KiB", "4GiB", "16MB"),
    payloadBytesMax: size("Longest message; a longer one is refused", "256B", "64MiB", "1MiB"),
    rowsMax: whole("Most rows of one message", "rows", 1, 65_536, 8192),
    ringRows: whole(
      "Most rows that a model buffers between intake and training",
      "rows, at least twice rowsMax",
      2,
      1_048_576,
      32_768,
    ),
    ringBytesMax: size(
      "Bytes that these buffers of all models take together; each is small until a burst comes",
      "64KiB",
      "1000GB",
      "32MB",
    ),
  },
  "Bounds of what is held between the broker and the models",
);

const commit = group(
  {
    profile: key(
      z.enum(COMMIT_PROFILES),
      "balanced",
      words("When to commit: at once, when idle within bytesPerDay, or every 10 s", COMMIT_PROFILES),
    ),
    maxDelay: duration("Longest wait for a commit while the day's budget lasts", "0ms", "1m", "50ms"),
    maxSamples: whole("Rows after which a commit is due", "rows", 1, 65_536, 4096),
    bytesPerDay: size(
      "Bytes that commits may write a day in the profile balanced; snapshots that are due by time may write about a quarter of them as well, but with eager, and wait their turn where they would write more",
      "1MB",
      "100TB",
      "1GB",
    ),
  },
  "When samples become durable, and are acknowledged",
);

const memory = group(
  {
    bytesMax: size(
      "Bytes that the engines and rings of all models may take; more is refused at the start",
      "1MB",
      "1000GB",
      "2GiB",
    ),
  },
  "What the models may take of the memory",
);

const store = group(
  {
    bytesMax: size("Size that the store is thinned out to keep below", "16MB", "1000TB", "4GB"),
  },
  "The SQLite file in the data folder",
);

const control = group(
  {
    access: key(
      z.enum(CONTROL_ACCESS),
      "owner",
      words("Who may ask the daemon by its control socket: its user, or also its group", CONTROL_ACCESS),
    ),
  },
  "The socket in the data folder by which commands reach the daemon",
);

const log = group(
  {
    level: key(z.enum(LOG_LEVELS), "info", words("Least weight of a line that is logged", LOG_LEVELS)),
  },
  "Lines of JSON on the standard error",
);

const METRICS = ["full", "none"] as const;
const DETECTORS_OR_NONE = [...DETECTORS, "none"] as const;
const INPUTS = ["error", "loss"] as const;

const POLICIES = ["auto", ...DRIFT_POLICIES] as const;
/** Features that are made of one feature, at the most: as many as a layer may have units. */
const GAMMA_MAX = 1000;

const activation = z.enum(ACTIVATIONS);
const name = z.string().check(z.regex(NAME));
const NAME_LIMIT = `1 to 64 characters, other than ${RESERVED_FIELDS.join(", ")}`;

const network = group(
  {
    hidden: key(
      z.array(z.int().check(z.minimum(1), z.maximum(LAYER_UNITS_MAX))).check(z.maxLength(HIDDEN_LAYERS_MAX)),
      [32],
      {
        description: "Units of each hidden layer",
        limit: `a list of up to ${HIDDEN_LAYERS_MAX} whole numbers from 1 to ${LAYER_UNITS_MAX}`,
      },
    ),
    activation: key(z.union([activation, z.array(activation).check(z.maxLength(HIDDEN_LAYERS_MAX))]), "relu", {
      description: "Activation of the hidden layers",
      limit: `${ACTIVATIONS.join(", ")}; or a list of one for each hidden layer`,
    }),
    output: key(z.nullable(z.enum(OUTPUTS)), null, {
      description:
        "Activation of the output; null is what goes with the loss: sigmoid or softmax, and identity for mse",
      limit: `${OUTPUTS.join(", ")}, null; with cross-entropy sigmoid, or softmax of more than two classes`,
    }),
    loss: key(z.enum(LOSSES), "cross-entropy", words("What training makes small", LOSSES)),
    init: key(z.enum(INITS), "he", words("How the weights begin; textbook is normal numbers times 0.01", INITS)),
    seed: whole("Seed of the initial weights", "", 0, 4_294_967_295, 1),
    fourier: key(
      z.nullable(
        z.strictObject({
          count: z.int().check(z.minimum(1), z.maximum(LAYER_UNITS_MAX)),
          gamma: z.number().check(z.gt(0), z.maximum(GAMMA_MAX)),
        }),
      ),
      null,
      {
        description: "Random Fourier features before the first layer, beside the inputs; with optimizer ekf",
        limit: `{count: N, gamma: R}, N from 1 to ${LAYER_UNITS_MAX}, R above 0 up to ${GAMMA_MAX}; or null`,
      },
    ),
  },
  "The network; of an ensemble only loss and seed count",
);

const snapshot = group(
  {
    every: every(
      "When a snapshot is due: after a period, or after a number of steps; by time later where bytesPerDay bounds them",
      "10ms",
      "365d",
      "60s",
    ),
    minGap: duration("Shortest time between two snapshots that fell due", "0ms", "1d", "10s"),
    keep: group(
      {
        last: whole("Newest snapshots to keep", "snapshots", 1, 100_000, 100),
        hourly: whole("Further snapshots to keep, one an hour", "snapshots", 0, 100_000, 168),
        daily: whole("Further snapshots to keep, one a day", "snapshots", 0, 100_000, 365),
      },
      "How snapshots are thinned out; tagged ones stay",
    ),
  },
  "What can be gone back to",
);

const model = z
  .strictObject({
    features: key(z.array(name).check(z.minLength(1), z.maxLength(FEATURES_MAX)), ["x1", "x2"], {
      description: "Names of the inputs, in their order",
      limit: `a list of 1 to ${FEATURES_MAX} different names of ${NAME_LIMIT}`,
    }),
    label: key(name, "y", { description: "Name of the label", limit: `${NAME_LIMIT}, and no feature` }),
    classes: key(z.nullable(z.array(name).check(z.minLength(2), z.maxLength(CLASSES_MAX))), null, {
      description: "Names of the classes, in their order; more than two have an output each",
      limit: `a list of 2 to ${CLASSES_MAX} different names, or null where labels are 0 and 1, or values`,
    }),
    categorical: key(
      z.record(
        z.string(),
        z.union([
          z.array(name).check(z.minLength(1), z.maxLength(INPUTS_MAX)),
          z.int().check(z.minimum(2), z.maximum(INPUTS_MAX)),
        ]),
      ),
      {},
      {
        description: "Features that are no numbers: their categories, or the number of inputs that texts are hashed to",
        limit: `{feature: [names], feature: N}, N from 2; up to ${INPUTS_MAX} inputs in all`,
      },
    ),
    classWeights: key(
      z.union([
        z.enum(CLASS_WEIGHTS),
        z.array(z.number().check(z.positive(), z.maximum(1e6))).check(z.minLength(2), z.maxLength(CLASSES_MAX)),
      ]),
      "none",
      {
        description:
          "Factors of the classes' losses: balanced is the inverse of how often each came so far, at most 100",
        limit: `${CLASS_WEIGHTS.join(", ")}, or a list of one number above 0, up to 1e6, for each class; with cross-entropy`,
      },
    ),
    learner: key(
      z.enum(LEARNERS),
      "ensemble",
      words(
        "What learns: an ensemble that needs no tuning, or the network below; left out beside any key of network but loss and seed, or any of optimizer, it is the network",
        LEARNERS,
      ),
    ),
    ensemble: group(
      {
        neighbours: key(
          z.union([z.literal(0), z.int().check(z.minimum(NEIGHBOURS_MIN), z.maximum(NEIGHBOURS_MAX))]),
          0,
          {
            description:
              "Newest rows that are kept, the nearest of which are one more member; costs a pass over them for every prediction, and their bytes in every snapshot",
            limit: `0 for none, or ${NEIGHBOURS_MIN} to ${NEIGHBOURS_MAX} rows; with learner ensemble`,
          },
        ),
      },
      "What an ensemble has beside its own members",
    ),
    network,
    scale: key(z.enum(SCALES), "standard", words("Whether features are scaled to mean 0, deviation 1", SCALES)),
    missing: key(
      z.enum(MISSING),
      "mean",
      words("What becomes of a row that lacks some features: their running means take their place", MISSING),
    ),
    precision: key(
      z.enum(PRECISIONS),
      "f64",
      words("Width of the network's numbers; f32 is faster where layers are wide", PRECISIONS),
    ),
    optimizer: optimizerSchema,
    averaging: averagingSchema,
    replay: replaySchema,
    batch: group(
      {
        size: whole("Rows of a full mini-batch", "rows, at most half of intake.ringRows", 1, BATCH_SIZE_MAX, 4),
        maxAge: duration("Wait of the oldest row after which a smaller mini-batch is trained", "1ms", "1h", "20ms"),
      },
      "The rows of one training step",
    ),
    late: group(
      {
        keep: whole("Questions after which an unanswered one is given up", "questions", 1, 1_000_000, LATE_KEEP),
      },
      "Labels that come later than their features",
    ),
    metrics: key(
      z.enum(METRICS),
      WATCH_DEFAULTS.metrics,
      words("Whether predictions are scored before their rows are trained, beside baselines", METRICS),
    ),
    drift: group(
      {
        detector: key(
          z.enum(DETECTORS_OR_NONE),
          WATCH_DEFAULTS.detector,
          words("What watches the model for drift; needs metrics", DETECTORS_OR_NONE),
        ),
        input: key(
          z.enum(INPUTS),
          WATCH_DEFAULTS.input,
          words("What it watches: whether the class was wrong, or how much", INPUTS),
        ),
        policy: key(
          z.enum(POLICIES),
          "auto",
          words("What is done about a drift; auto is rollback of a network, event of an ensemble", POLICIES),
        ),
      },
      "What is done when the world changes",
    ),
    snapshot,
    history: group(
      { keepSteps: whole("Newest steps whose costs are kept one by one", "steps", 1, 1e12, 1_000_000) },
      "The cost history",
    ),
    journal: group(
      { keepRows: whole("Newest rows that are kept in the journal", "rows", 1, 1e12, 1_000_000) },
      "The journal",
    ),
  })
  .register(z.globalRegistry, { description: "A model; {} takes every default" });

/** Holds the schema of the configuration file. What it parses to is still in the file's shape: config-shape.ts names units. */
export const configSchema = z
  .strictObject({
    data: key(z.string().check(z.minLength(1), z.maxLength(PATH_CHARACTERS_MAX)), "./data", {
      description: "Folder of the store; a relative path is relative to the working directory",
      limit: `a path of 1 to ${PATH_CHARACTERS_MAX} characters`,
    }),
    mqtt: mqttSchema,
    intake,
    commit,
    memory,
    store,
    http: httpSchema,
    control,
    log,
    models: key(
      z.record(z.string().check(z.regex(MODEL_NAME)), model),
      { default: {} },
      {
        description: "The models, by name",
        limit: `1 to ${MODELS_MAX} models; a name is a-z, then up to 39 of a-z, 0-9 and -, and not bridge`,
      },
    ),
  })
  .register(z.globalRegistry, { title: "Rivulet", description: "Configuration of the Rivulet daemon" });

/** The configuration as the file writes it, defaults filled in, durations in ms and sizes in bytes. */
export type ConfigFile = z.output<typeof configSchema>;
/** One model of it. */
export type ModelEntry = ConfigFile["models"][string];
