// The updates: what ../update.ts does, a vector at a time. The same pass keeps what was there before, and looks for
// numbers that are not finite.

import type { ResolvedOptimizer } from "../optimizer.ts";
import { ADAGRAD_EPSILON, fadedBelow, POWER_LEAST } from "../update.ts";
import { f64, lane, load, op, type Value, type Variable, zero } from "./assembler.ts";
import { DOUBLE, eachKnownStep, type Frame } from "./frame.ts";
import { GROUP_BYTES, VECTOR_BYTES } from "./memory-map.ts";

/** Emits what L2 and the clip by norm do to the gradients, then the optimizer's step; NaN is put into `bad` where a number is not finite. */
export function emitUpdate(frame: Frame, bad: Variable): void {
  const { optimizer } = frame;
  if (optimizer.l2 > 0) emitDecay(frame, optimizer.l2);
  if (optimizer.clipNorm < Number.POSITIVE_INFINITY) emitClip(frame, optimizer.clipNorm);
  emitOptimizer(frame, bad);
}

/** Emits zeros behind the last gradient, where an update reads whole vectors. */
export function emitGradientEnd({ code, lanes, map, base, layout, optimizer }: Frame): void {
  // Only a clip whose factor is NaN makes anything else of them.
  if (optimizer.clipNorm === Number.POSITIVE_INFINITY) return;
  const bytes = layout.parameterCount * lanes.width;
  for (let offset = bytes - (bytes % GROUP_BYTES); offset < bytes; offset += VECTOR_BYTES) {
    code.store("v128.store", base, map.gradients + offset, zero);
  }
}

function emitDecay(frame: Frame, l2: number): void {
  const { code, lanes, map, layout } = frame;
  for (const { weightsOffset, inputs, units } of layout.layers) {
    const from = weightsOffset * lanes.width;
    const count = inputs * units;
    const decay = (pointer: Value, offset: number, numbers: number) => {
      const g = lanes.load(pointer, map.gradients + from + offset);
      const theta = lanes.load(pointer, map.parameters + from + offset);
      const sum = lanes.add(g, lanes.mul(lanes.constant(l2), theta));
      lanes.store(code, pointer, map.gradients + from + offset, sum, numbers);
    };
    const rest = count % lanes.count;
    const whole = (count - rest) * lanes.width;
    eachKnownStep(frame, whole, VECTOR_BYTES, (pointer, offset) => decay(pointer, offset, lanes.count));
    if (rest > 0) decay(frame.base, whole, rest);
  }
}

function emitClip(frame: Frame, clipNorm: number): void {
  const { code, lanes, map } = frame;
  const isWide = lanes.width === DOUBLE;
  const bytes = frame.layout.parameterCount * lanes.width;
  // Four sums that take turns: two vectors of f64, or one of f32.
  const sums = Array.from({ length: isWide ? 2 : 1 }, () => code.variable("v128", zero));
  eachKnownStep(frame, bytes, VECTOR_BYTES * sums.length, (pointer, offset) => {
    for (const [v, sum] of sums.entries()) {
      const g = code.keep("v128", lanes.load(pointer, map.gradients + offset + VECTOR_BYTES * v));
      code.assign(sum, lanes.add(sum.value, lanes.mul(g, g)));
    }
  });
  const part = (index: number): Value => {
    const sum = sums[isWide ? index >> 1 : 0]?.value ?? zero;
    return isWide ? lane("f64x2.extract_lane", sum, index & 1) : lane("f32x4.extract_lane", sum, index);
  };
  const own = lanes.precision;
  const number = (x: number): Value => (isWide ? f64(x) : op("f32.demote_f64", f64(x)));
  const halves = [op(`${own}.add`, part(0), part(1)), op(`${own}.add`, part(2), part(3))] as const;
  const norm = code.keep(own, op(`${own}.sqrt`, op(`${own}.add`, ...halves)));
  const factor = op(`${own}.div`, number(clipNorm), norm);
  code.when(op("i32.eqz", op(`${own}.le`, norm, number(clipNorm))), () => {
    const factors = code.keep("v128", op(isWide ? "f64x2.splat" : "f32x4.splat", factor));
    eachKnownStep(frame, bytes, VECTOR_BYTES, (pointer, offset) => {
      const g = lanes.load(pointer, map.gradients + offset);
      lanes.store(code, pointer, map.gradients + offset, lanes.mul(g, factors), lanes.count);
    });
  });
}

/** What an update reads and writes of some parameters that lie side by side. */
interface Parameters {
  readonly theta: Value;
  readonly g: Value;
  /** Reads a moment. */
  readonly moment: (index: number) => Value;
  /** Writes a moment; gives the new value. */
  readonly setMoment: (index: number, value: Value) => Value;
}

/** Gives the new θ of some parameters. */
type Rule = (parameters: Parameters) => Value;

function emitOptimizer(frame: Frame, bad: Variable): void {
  const { code, lanes, map, layout } = frame;
  const rule = ruleOf(frame, frame.optimizer);
  const replace = (pointer: Value, offset: number, numbers: number, before: Value, value: Value) => {
    lanes.store(code, pointer, offset + map.stateBytes, before, numbers);
    lanes.store(code, pointer, offset, value, numbers);
    // x − x is 0 for every finite x, and NaN otherwise.
    const found = lanes.sub(value, value);
    // Behind the last parameter 0 may be divided by an ε that is 0 in this precision.
    const counted = numbers < lanes.count ? op("v128.and", found, lanes.mask(numbers)) : found;
    code.assign(bad, op("v128.or", bad.value, counted));
  };
  const rest = layout.parameterCount % lanes.count;
  const part = (pointer: Value, offset: number, numbers: number) => {
    const read = (from: number) => code.keep("v128", lanes.load(pointer, from + offset));
    const theta = read(map.parameters);
    const moments = map.moments.map(read);
    const next = rule({
      theta,
      g: code.keep("v128", lanes.load(pointer, map.gradients + offset, numbers)),
      moment: (m) => moments[m] ?? zero,
      setMoment: (m, value) => {
        const kept = code.keep("v128", value);
        replace(pointer, (map.moments[m] ?? 0) + offset, numbers, moments[m] ?? zero, kept);
        return kept;
      },
    });
    replace(pointer, map.parameters + offset, numbers, theta, code.keep("v128", next));
  };
  const whole = (layout.parameterCount - rest) * lanes.width;
  eachKnownStep(frame, whole, VECTOR_BYTES, (pointer, offset) => part(pointer, offset, lanes.count));
  if (rest > 0) part(frame.base, whole, rest);
}

function ruleOf(frame: Frame, optimizer: ResolvedOptimizer): Rule {
  const { code, lanes, map, base } = frame;
  const { add, sub, mul, div, sqrt } = lanes;
  const keep = (value: Value) => code.keep("v128", value);
  const constant = (x: number) => lanes.constant(x);
  const faded = constant(fadedBelow(lanes.precision));
  const fade = (value: Value) => sub(add(value, faded), faded);
  const learningRate = load("f64.load", base, map.learningRate);
  const { kind, momentum, nesterov, decay, epsilon } = optimizer;
  if (kind === "adam") return adamRule(frame, optimizer, learningRate);
  const rate = keep(lanes.splat(learningRate));
  const adaptive = (theta: Value, g: Value, squares: Value, least: number) =>
    sub(theta, div(mul(rate, g), add(sqrt(squares), constant(least))));
  switch (kind) {
    case "sgd":
      if (momentum === 0) return ({ theta, g }) => sub(theta, mul(rate, g));
      return ({ theta, g, moment, setMoment }) => {
        const v = setMoment(0, fade(add(mul(constant(momentum), moment(0)), g)));
        return sub(theta, mul(rate, nesterov ? add(g, mul(constant(momentum), v)) : v));
      };
    case "adagrad":
      return ({ theta, g, moment, setMoment }) =>
        adaptive(theta, g, setMoment(0, add(moment(0), mul(g, g))), ADAGRAD_EPSILON);
    case "rmsprop":
      return ({ theta, g, moment, setMoment }) => {
        const mean = add(mul(constant(decay), moment(0)), mul(constant(1 - decay), mul(g, g)));
        return adaptive(theta, g, setMoment(0, fade(mean)), epsilon);
      };
    case "ekf":
      throw new Error("a filter is an ensemble of one");
  }
}

function adamRule(frame: Frame, { beta1, beta2, epsilon }: ResolvedOptimizer, learningRate: Value): Rule {
  const { code, lanes, constants, map, base } = frame;
  const { add, sub, mul, div, sqrt } = lanes;
  // Both powers in one vector, as they lie in memory.
  const advanced = code.keep("v128", op("f64x2.mul", load("v128.load", base, map.powers), constants.f64(beta1, beta2)));
  const isCounted = op("f64x2.gt", advanced, constants.f64(POWER_LEAST));
  const powers = code.keep("v128", op("v128.and", advanced, isCounted));
  code.store("v128.store", base, map.powers, powers);
  const numerators = op("v128.bitselect", op("f64x2.splat", learningRate), constants.f64(1), constants.i64(-1n, 0n));
  const corrected = code.keep("v128", op("f64x2.div", numerators, op("f64x2.sub", constants.f64(1), powers)));
  const rate = code.keep("v128", lanes.splat(lane("f64x2.extract_lane", corrected, 0)));
  const spread = code.keep("v128", lanes.splat(lane("f64x2.extract_lane", corrected, 1)));
  const constant = (x: number) => lanes.constant(x);
  const faded = constant(fadedBelow(lanes.precision));
  const fade = (value: Value) => sub(add(value, faded), faded);
  return ({ theta, g, moment, setMoment }) => {
    const m = setMoment(0, fade(add(mul(constant(beta1), moment(0)), mul(constant(1 - beta1), g))));
    const v = setMoment(1, fade(add(mul(constant(beta2), moment(1)), mul(constant(1 - beta2), mul(g, g)))));
    return sub(theta, div(mul(rate, m), add(sqrt(mul(v, spread)), constant(epsilon))));
  };
}
