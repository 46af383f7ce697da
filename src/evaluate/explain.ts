import { activate, multiplyByDerivative } from "../learner/activation.ts";
import { affine, backward } from "../learner/dense.ts";
import { log } from "../learner/elementary.ts";
import type { Engine } from "../learner/engine.ts";
import type { EnsembleEngine } from "../learner/ensemble/ensemble-engine.ts";
import type { Learner } from "../learner/learner.ts";
import { roundOf, type Vector, vectorOf } from "../learner/precision.ts";

/** Says how each input moved a prediction, to first order. */
export interface Explanation {
  /** Which output is explained: the only one, or of several the one that is predicted. */
  readonly output: number;
  /** What it came to: with cross-entropy the logit, else the value. Of two classes it is the logit of class 1. */
  readonly value: number;
  /** (I) what the network was given: features as they were scaled. */
  readonly inputs: Vector;
  /** (I) ∂value/∂input. */
  readonly gradients: Vector;
}

/**
 * Explains the prediction for one row of features by gradient × input (Shrikumar et al. 2016, arXiv:1605.01713): the products
 * of `inputs` and `gradients` are what each input adds. Of a network without biases whose activations are piecewise linear
 * they sum up to the value. Overwrites the learner's inputs and outputs.
 */
export function explain(learner: Learner, features: ArrayLike<number>): Explanation {
  const { engine, config } = learner;
  if (engine.ensemble !== null) return explainMixture(learner, features, engine.ensemble);
  const precision = config.precision ?? "f64";
  const round = roundOf(precision);
  const { layers } = engine.layout;
  const head = layers.length - 1;
  const output = winnerOf(learner.outputsFor(features));
  const activations = forward(engine, precision);
  const last = activations[head + 1]!;
  let delta = vectorOf(precision, engine.outputCount);
  delta[output] = 1;
  if (config.network.loss === "mse") {
    // The value is what comes out; with cross-entropy the logit is explained, which has no activation behind it.
    activate(last, layers[head]!.activation, engine.outputCount, round);
    multiplyByDerivative(delta, last, layers[head]!.activation, engine.outputCount, round);
  }
  for (let l = head; l >= 0; l--) {
    const { inputs, units, weightsOffset } = layers[l]!;
    const below = vectorOf(precision, inputs);
    backward(below, delta, engine.parameters, weightsOffset, 1, inputs, units, round);
    if (l > 0) multiplyByDerivative(below, activations[l]!, layers[l - 1]!.activation, inputs, round);
    delta = below;
  }
  return { output, value: last[output]!, inputs: activations[0]!, gradients: delta };
}

/** Half of what an input is moved by, of 1 where it is scaled. */
const HALF_STEP = 1e-4;
/** Places on the way from the mean of all inputs to the row. */
const PLACES = 24;

/**
 * Explains what an ensemble predicts, or a network that a filter trains: the log-odds of the class, or the value. Here the
 * gradients are means along the straight way from 0, the mean of scaled inputs, to the row (integrated gradients:
 * Sundararajan, Taly & Yan 2017), for a mixture bends too much for those at the row alone; the products with the inputs sum
 * up to what the row's value is beyond that of the mean. Derivatives are differences of predictions: a mixture has no layers.
 */
function explainMixture(learner: Learner, features: ArrayLike<number>, ensemble: EnsembleEngine): Explanation {
  const { engine, config } = learner;
  const output = winnerOf(learner.outputsFor(features));
  const count = engine.inputs.length / engine.labels.length;
  const inputs = new Float64Array(count);
  if (engine.scaler === null) inputs.set(engine.inputs.subarray(0, count));
  else engine.scaler.standardize(inputs, engine.inputs, 1);
  const isValue = config.network.loss === "mse";
  const valueAt = (at: Float64Array) => {
    ensemble.predictStandardized(at);
    const predicted = engine.outputs[output]!;
    return isValue ? predicted : log(predicted) - log(1 - predicted);
  };
  const gradients = new Float64Array(count);
  for (let place = 0; place < PLACES; place++) {
    const at = inputs.map((input) => (input * (place + 0.5)) / PLACES);
    for (let i = 0; i < count; i++) {
      const kept = at[i]!;
      const step = HALF_STEP * Math.max(1, Math.abs(kept));
      at[i] = kept + step;
      const above = valueAt(at);
      at[i] = kept - step;
      gradients[i] = gradients[i]! + (above - valueAt(at)) / (2 * step * PLACES);
      at[i] = kept;
    }
  }
  return { output, value: valueAt(inputs), inputs, gradients };
}

/** Computes what each layer is given for the first row of the engine's inputs, and last the logits. */
function forward(engine: Engine, precision: Parameters<typeof vectorOf>[0]): readonly Vector[] {
  const { layout, parameters, scaler, inputs: x } = engine;
  const round = roundOf(precision);
  const first = vectorOf(precision, layout.layers[0]!.inputs);
  if (scaler === null) first.set(x.subarray(0, first.length));
  else scaler.standardize(first, x, 1);
  const activations = [first];
  layout.layers.forEach(({ inputs, units, activation, weightsOffset, biasesOffset }, l) => {
    const a = vectorOf(precision, units);
    affine(a, activations[l]!, parameters, weightsOffset, biasesOffset, 1, inputs, units, round);
    if (l < layout.layers.length - 1) activate(a, activation, units, round);
    activations.push(a);
  });
  return activations;
}

function winnerOf(outputs: Vector): number {
  let winner = 0;
  for (let k = 1; k < outputs.length; k++) if (outputs[k]! > outputs[winner]!) winner = k;
  return winner;
}
