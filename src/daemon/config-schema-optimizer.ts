// The keys of a model's training step. Those that belong to one kind of optimizer say so; elsewhere they do nothing.

import * as z from "zod/mini";
import { REPLAY_KINDS } from "../learner/experience-replay.ts";
import { COVARIANCES } from "../learner/kalman/filter-layout.ts";
import { OPTIMIZER_DEFAULTS, OPTIMIZERS } from "../learner/optimizer.ts";
import { SCHEDULES } from "../learner/schedule.ts";
import { group, key, whole, words } from "./config-values.ts";

/** Well above 0 in either precision. */
const EPSILON_MIN = 1e-30;
const LEARNING_RATE_MAX = 1000;
/** Rows of one mini-batch. */
export const BATCH_SIZE_MAX = 4096;
const REPLAYS = ["none", ...REPLAY_KINDS] as const;

/** Takes a share that is kept from step to step. */
function share(description: string, fallback: number) {
  return key(z.number().check(z.minimum(0), z.lt(1)), fallback, { description, limit: "a number from 0, below 1" });
}

const schedule = group(
  {
    kind: key(z.enum(SCHEDULES), "constant", words("How the learning rate falls", SCHEDULES)),
    steps: whole(
      "Steps after which inverse has halved the rate, and exponential and step have applied the factor",
      "steps",
      1,
      1e12,
      10_000,
    ),
    factor: key(z.number().check(z.gt(0), z.lt(1)), 0.5, {
      description: "What the rate is multiplied by (exponential, step)",
      limit: "a number between 0 and 1",
    }),
  },
  "The learning rate over time",
);

export const optimizerSchema = group(
  {
    kind: key(z.enum(OPTIMIZERS), "adagrad", words("How the gradient moves the weights", OPTIMIZERS)),
    learningRate: key(z.nullable(z.number().check(z.gt(0), z.maximum(LEARNING_RATE_MAX))), null, {
      description: "Learning rate; null is 0.3 for adagrad, 0.1 for sgd, 0.01 for rmsprop and adam, 1 for ekf",
      limit: `a number above 0, up to ${LEARNING_RATE_MAX}, or null`,
    }),
    momentum: share("Share of the velocity that a step keeps (sgd)", OPTIMIZER_DEFAULTS.momentum),
    nesterov: key(z.boolean(), OPTIMIZER_DEFAULTS.nesterov, {
      description: "Looks ahead along the velocity (sgd with momentum)",
      limit: "true, false",
    }),
    decay: share("Share of the mean square that a step keeps (rmsprop)", OPTIMIZER_DEFAULTS.decay),
    beta1: share("Share of the mean gradient that a step keeps (adam)", OPTIMIZER_DEFAULTS.beta1),
    beta2: share("Share of the mean square that a step keeps (adam)", OPTIMIZER_DEFAULTS.beta2),
    epsilon: key(z.number().check(z.minimum(EPSILON_MIN), z.maximum(1)), OPTIMIZER_DEFAULTS.epsilon, {
      description: "Keeps the division by a root finite (rmsprop, adam)",
      limit: `a number from ${EPSILON_MIN} to 1`,
    }),
    l2: key(z.number().check(z.minimum(0), z.maximum(1)), OPTIMIZER_DEFAULTS.l2, {
      description: "Pull of each weight towards 0: l2 times the weight is added to its gradient",
      limit: "a number from 0 to 1",
    }),
    clipNorm: key(z.nullable(z.number().check(z.gt(0), z.maximum(1e12))), null, {
      description: "Longest gradient, by its norm; a longer one is shortened to it",
      limit: "a number above 0, up to 1e12, or null for none",
    }),
    noise: key(z.number().check(z.minimum(0), z.maximum(0.1)), OPTIMIZER_DEFAULTS.noise, {
      description: "What a row gives back of the prior's variance, times the learning rate (ekf)",
      limit: "a number from 0 to 0.1",
    }),
    covariance: key(
      z.enum(COVARIANCES),
      OPTIMIZER_DEFAULTS.covariance,
      words(
        "One covariance over all weights, or one for each hidden unit, or one for each layer, which costs least (ekf)",
        COVARIANCES,
      ),
    ),
    schedule,
  },
  "The training step",
);

export const averagingSchema = group(
  { decay: share("Share of the average that a step keeps; 0 is no average", 0) },
  "An exponential moving average of a network's weights, which then predicts in their place",
);

export const replaySchema = group(
  {
    kind: key(
      z.enum(REPLAYS),
      "none",
      words("Which rows are held: the newest, or any of all, each as likely", REPLAYS),
    ),
    rows: whole("Rows that are held; every snapshot has them", "rows", 1, 1_000_000, 1000),
    batches: whole("Mini-batches of held rows that follow each step", "mini-batches", 1, 64, 4),
    size: whole("Rows of each of them", "rows", 1, BATCH_SIZE_MAX, 8),
  },
  "Rows of the past that a network is trained on once more",
);

/** The optimizer as the file writes it, defaults filled in. */
export type OptimizerEntry = z.output<typeof optimizerSchema>;
