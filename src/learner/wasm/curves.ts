// tanh and sigmoid of whole vectors, as functions of the module that every layer calls: (base, from, end) → ().

import type { OutputActivation, Topology } from "../topology.ts";
import { Code, i32, local, op, type Value } from "./assembler.ts";
import type { Constants } from "./constants.ts";
import { sigmoid, tanh } from "./elementary.ts";
import { PAIRS_AT_ONCE } from "./frame.ts";
import type { Lanes } from "./lanes.ts";
import { type Pairs, PairUnit } from "./pairs.ts";

/** Place of the first of them among the module's functions: behind `step` and `forward`. */
export const FIRST_CURVE = 2;

/** Computes a function of pairs. */
type Curve = (unit: PairUnit, z: Pairs) => Pairs;

/** Activations that need more than a comparison. */
export const CURVES: Readonly<Partial<Record<OutputActivation, Curve>>> = {
  tanh,
  sigmoid: (unit, z) => sigmoid(unit, z).a,
};

/** Names the curves that the hidden layers of a network need. */
export function curvesOf({ activations }: Topology): readonly OutputActivation[] {
  const hidden: readonly OutputActivation[] = activations.slice(0, -1);
  return hidden.filter((name, l) => CURVES[name] !== undefined && hidden.indexOf(name) === l);
}

/** Emits a curve of all numbers from the address `from` on to `end`, in place; the last pair may reach beyond. */
export function emitCurveFunction(curve: Curve, lanes: Lanes, constants: Constants): Code {
  const code = new Code(3);
  const [from, end] = [local(1), local(2)];
  const pairBytes = 2 * lanes.width;
  const loop = (begin: Value, below: Value, count: number) => {
    const unit = new PairUnit(code, constants, count);
    code.loop(begin, below, count * pairBytes, (pointer) => {
      const z = unit.each((i) => lanes.loadDoubles(pointer, i * pairBytes));
      const a = curve(unit, z);
      for (const [i, pair] of a.entries()) lanes.storeDoubles(code, pointer, i * pairBytes, pair, 2);
    });
  };
  const bytes = op("i32.and", op("i32.sub", end, from), i32(-PAIRS_AT_ONCE * pairBytes));
  const whole = code.keep("i32", op("i32.add", from, bytes));
  loop(from, whole, PAIRS_AT_ONCE);
  loop(whole, end, 1);
  return code;
}
