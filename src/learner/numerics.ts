/**
 * Names the meaning of the bits: raised by any release that changes a bit of a state, a cost or a prediction for the same
 * entries. Replay across different values is refused with `numerics-differ`, never reported as damage.
 */
export const NUMERICS = 5;
