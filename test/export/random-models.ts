import { PredictionGraph, type Value } from "../../src/export/prediction-graph.ts";
import { COVARIANCES, type FilterOptions } from "../../src/learner/kalman/filter-layout.ts";
import { Learner } from "../../src/learner/learner.ts";
import { type Categorical, type LearnerConfig, outputsOf } from "../../src/learner/learner-config.ts";
import { Random } from "../../src/learner/random.ts";
import { ACTIVATIONS } from "../../src/learner/topology.ts";

/** Draws a whole number below `count`. */
export function below(random: Random, count: number): number {
  return Math.floor(random.uniform() * count);
}

/** Draws a model of any topology, and trains it a little. */
export function randomModel(seed: number, isEnsemble = false): Learner {
  const random = new Random(seed);
  const pick = <T>(choices: readonly T[]): T => choices[below(random, choices.length)] as T;
  const features = Array.from({ length: 1 + below(random, 4) }, (_, i) => `x${i + 1}`);
  const categorical: Categorical = Object.fromEntries(
    features.flatMap((name): [string, readonly string[] | number][] => {
      const draw = random.uniform();
      return draw < 0.15 ? [[name, ["red", "green", "blue"]]] : draw < 0.3 ? [[name, 1 + below(random, 5)]] : [];
    }),
  );
  const classes = pick<readonly string[] | null>([null, ["off", "on"], ["a", "b", "c", "d"]]);
  const isRegression = classes === null && random.uniform() < 0.5;
  const members = isEnsemble ? membersOf(random, pick) : [];
  const hidden = Array.from({ length: below(random, 4) }, () => 1 + below(random, 9));
  const config: LearnerConfig = {
    features,
    label: "y",
    classes,
    ...(Object.keys(categorical).length === 0 ? {} : { categorical }),
    network: {
      hidden,
      activation: hidden.map(() => pick(ACTIVATIONS)),
      output: isRegression
        ? isEnsemble
          ? "identity"
          : pick(ACTIVATIONS)
        : outputsOf({ classes }) > 1
          ? "softmax"
          : "sigmoid",
      loss: isRegression ? "mse" : "cross-entropy",
      init: "glorot",
      seed,
    },
    ...(isEnsemble ? { ensemble: members } : {}),
    scale: isEnsemble ? "standard" : pick(["standard", "none"]),
    optimizer: isEnsemble ? { kind: "ekf", learningRate: 1 } : { kind: "sgd", learningRate: 0.05 },
    batch: { size: 4 },
  };
  const learner = new Learner(config);
  for (let step = 0; step < 30; step++) {
    for (let s = 0; s < 4; s++) {
      learner.raw.set(randomRow(config, random), s * features.length);
      learner.engine.labels[s] = isRegression ? random.normal() : below(random, classes?.length ?? 2);
    }
    learner.step(4);
  }
  return learner;
}

/** Draws members of all kinds: one to four. */
function membersOf(random: Random, pick: <T>(choices: readonly T[]) => T): readonly FilterOptions[] {
  return Array.from({ length: 1 + below(random, 4) }, () => {
    const isFourier = random.uniform() < 0.5;
    const hidden = isFourier ? [] : [1 + below(random, 6)];
    return {
      hidden,
      activation: hidden.map(() => "tanh" as const),
      ...(isFourier ? { fourier: { count: 1 + below(random, 20), gamma: pick([0.5, 1, 2]) } } : {}),
      covariance: pick(COVARIANCES),
      noise: 1e-4,
      relevance: random.uniform() < 0.5,
    };
  });
}

/** Draws a row of features: some are missing, some far out. */
export function randomRow({ features, categorical = {}, scale }: LearnerConfig, random: Random): readonly number[] {
  return features.map((name, i) => {
    const given = categorical[name];
    const draw = random.uniform();
    if (draw < 0.15) return Number.NaN;
    if (typeof given === "number") return below(random, 2 ** 32);
    if (given !== undefined) return below(random, given.length);
    // Of single precision, so that a program of either can be given it.
    return Math.fround(draw < 0.2 && scale === "standard" ? 1e6 * random.normal() : 10 * i + 3 * random.normal());
  });
}

/** Makes what an ensemble needs of the graph: tanh networks, random Fourier features, and a mixer of both its kinds. */
export function randomEnsemble(seed: number): PredictionGraph {
  const random = new Random(seed);
  const draw = (count: number, size = 1) => Array.from({ length: count }, () => size * random.normal());
  const features = ["x1", "x2", "x3"];
  const meaning = { features, label: "y", classes: null, categorical: {}, isProbability: true };
  const graph = new PredictionGraph(meaning);
  const filled = graph.fillMissing(graph.features, draw(3));
  const x = graph.clip(graph.standardize(filled, draw(3), [1, 2, 3]), -8, 8);
  const logits: Value[] = [];
  for (let m = 0; m < 2; m++) {
    const hidden = graph.apply(graph.affine(x, draw(3 * 8), draw(8)), "tanh");
    logits.push(graph.affine(hidden, draw(8), draw(1)));
    const waves = graph.apply(graph.affine(x, draw(3 * 40), draw(40, 3)), "cos");
    const scaled = graph.weightedSum([waves], [4 * Math.sqrt(2 / 40)]);
    logits.push(graph.affine(graph.join([scaled, x]), draw(43, 0.2), draw(1)));
  }
  const yes = logits.map((logit) => logOf(graph, graph.apply(logit, "sigmoid")));
  const no = logits.map((logit) => logOf(graph, graph.apply(graph.weightedSum([logit], [-1]), "sigmoid")));
  const hedge = [0.1, 0.2, 0.3, 0.4];
  const powers = [graph.weightedSum(no, hedge), graph.weightedSum(yes, hedge)].map((sum) => graph.apply(sum, "exp"));
  const geometric = graph.slice(graph.softmax(logOf(graph, graph.join(powers))), 1, 1);
  const stacked = graph.apply(graph.affine(graph.join(logits), draw(4, 0.5), draw(1)), "sigmoid");
  graph.weightedSum([geometric, stacked], [0.5, 0.5]);
  return graph;
}

function logOf(graph: PredictionGraph, probability: Value): Value {
  return graph.apply(graph.clip(probability, 0.001, 0.999), "log");
}
