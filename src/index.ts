// The door for programs that embed the learner: no native add-on, no socket, no clock.

export { RivuletError } from "./error.ts";
export { createDetector } from "./evaluate/create-detector.ts";
export { type Detector, type DetectorKind, DRIFT, NONE, type Signal, WARNING } from "./evaluate/detector.ts";
export { MONITOR_DEFAULTS, Monitor, type MonitorOptions, type MonitorReading } from "./evaluate/monitor.ts";
export { cHeaderOf } from "./export/c-header.ts";
export { predictionGraph } from "./export/ensemble-graph.ts";
export {
  type AnyModelFile,
  anyModelFileOf,
  learnerOf,
  type ModelFile,
  modelFileOf,
  parseAnyModelFile,
  parseModelFile,
} from "./export/model-file.ts";
export { onnxOf } from "./export/onnx.ts";
export { type Operator, PredictionGraph, type Value } from "./export/prediction-graph.ts";
export type { Engine, EngineKind, EngineOptions } from "./learner/engine.ts";
export * from "./learner/entry.ts";
export { Learner } from "./learner/learner.ts";
export type { Init, LearnerConfig } from "./learner/learner-config.ts";
export { NUMERICS } from "./learner/numerics.ts";
export type { OptimizerConfig, OptimizerKind } from "./learner/optimizer.ts";
export { Random } from "./learner/random.ts";
export { ReferenceEngine } from "./learner/reference-engine.ts";
export { Scaler } from "./learner/scaler.ts";
export type { Schedule } from "./learner/schedule.ts";
export { type Activation, type Layout, type Loss, layoutOf, type Topology } from "./learner/topology.ts";
export type * from "./learner/transaction.ts";
export { createDecoder, type Decoder } from "./sample/decode.ts";
export { Marks } from "./sample/marks.ts";
export type { Decoded, Rows, SampleLimits, SampleSchema } from "./sample/rows.ts";
export { parseTopic, type Topic } from "./sample/topic.ts";
export { alarm } from "./stream/alarm.ts";
export type * from "./stream/flow.ts";
export { groupCommit } from "./stream/group-commit.ts";
export { miniBatch } from "./stream/mini-batch.ts";
export { Model, type ModelOptions } from "./stream/model.ts";
export { ModelState } from "./stream/model-state.ts";
export { orderBatches } from "./stream/order-batches.ts";
export { type PipelineOptions, pipeline } from "./stream/pipeline.ts";
export { Replay } from "./stream/replay.ts";
export { train } from "./stream/train.ts";
export { type Sample, type Step, trainOn } from "./stream/train-on.ts";
