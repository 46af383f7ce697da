// The models that the machine trains, and the rows that it sends them. A row tells by itself who sent it and which one it
// is, so that each can be found again in the journal: x1 is the sender, x2 the number, and all else follows from these.

/** Is what a sender needs to know of a model. */
export interface SimModel {
  readonly name: string;
  readonly features: readonly string[];
  /** What is no label here. */
  readonly badLabel: string;
}

export const DEFAULT: SimModel = { name: "default", features: ["x1", "x2"], badLabel: "7" };
/** Takes long for a step: its ring fills, and others wait. Its third feature is a category, and its classes are weighed. */
export const WIDE: SimModel = { name: "wide", features: ["x1", "x2", "x3", "x4"], badLabel: '"no"' };
/** Learns huge numbers without a scaler: some of its steps end in infinity and are undone. It averages weights and replays rows. */
export const PLAIN: SimModel = { name: "plain", features: ["x1", "x2"], badLabel: "1e999" };

export const MODELS = [DEFAULT, WIDE, PLAIN] as const;

/** Gives the features of a row; all of them are exact in 32 bits. */
export function featuresOf({ features }: SimModel, sender: number, number: number): readonly number[] {
  return [sender, number, number % 97, -sender].slice(0, features.length);
}

/** Gives the label of a row. */
export function labelOf(number: number): number {
  return number % 2;
}

/** Is what a restart or a reload may change. */
export interface Settings {
  readonly learningRate: number;
  readonly batchSize: number;
  readonly plainKind: "sgd" | "rmsprop";
  readonly profile: "eager" | "balanced" | "sd-card";
}

/** Writes the configuration. Nothing that was committed is thinned out, for the check reads all of it. */
export function configText({ learningRate, batchSize, plainKind, profile }: Settings): string {
  const kept = `    snapshot: { every: 200 steps, minGap: 1s, keep: { last: 100000 } }
    history: { keepSteps: 1000000000 }
    journal: { keepRows: 1000000000 }`;
  return `mqtt: { commands: on, keepalive: 1s }
commit: { profile: ${profile} }
store: { bytesMax: 100GB }
intake: { rowsMax: 1024, ringRows: 4096 }
log: { level: info }
models:
  default:
    network: { hidden: [8] }
    optimizer: { kind: adagrad, learningRate: ${learningRate} }
    batch: { size: ${batchSize} }
${kept}
  wide:
    features: [x1, x2, x3, x4]
    classes: [even, odd]
    categorical: { x3: 8 }
    classWeights: balanced
    network: { hidden: [64, 64], activation: tanh }
    precision: f32
    optimizer: { kind: adam }
    batch: { size: 16, maxAge: 200ms }
${kept}
  plain:
    network: { hidden: [2], loss: mse }
    scale: none
    optimizer: { kind: ${plainKind}, learningRate: ${learningRate} }
    averaging: { decay: 0.9 }
    replay: { kind: ${plainKind === "sgd" ? "window" : "reservoir"}, rows: 64, batches: 1 }
    batch: { size: 32 }
${kept}
`;
}
