// What an ensemble makes of what its members say: by the learner's own votes, with what the model file tells of its mixer.

import { BinaryVotes, ClassVotes } from "../../learner/ensemble/class-votes.ts";
import { Mixer } from "../../learner/ensemble/mixer.ts";
import { ValueVotes } from "../../learner/ensemble/value-votes.ts";
import type { Votes } from "../../learner/ensemble/votes.ts";
import type { EnsembleFile } from "./answers.ts";

/** Mixes what the members of one model file say. */
export class Mixture {
  readonly #votes: Votes;
  readonly #outputCount: number;

  constructor(file: Pick<EnsembleFile, "mixer" | "target">, outputCount: number) {
    const mixer = new Mixer(file.mixer.shares.length);
    // Set, not imported: an import works shares out of losses, which rounds them.
    mixer.shares.set(file.mixer.shares);
    mixer.stacking.weights.set(file.mixer.weights);
    this.#votes = votesOf(mixer, file.target, outputCount);
    this.#outputCount = outputCount;
  }

  /** Mixes the sums (rows, K) of the members into `outputs` (rows, K). */
  mix(outputs: Float64Array, members: readonly Float64Array[], rows: number): void {
    const count = this.#outputCount;
    for (let r = 0; r < rows; r++) {
      for (let n = 0; n < members.length; n++) {
        this.#votes.hear(n, members[n]!.subarray(r * count, (r + 1) * count));
      }
      this.#votes.mix(outputs, r * count);
    }
  }
}

function votesOf(mixer: Mixer, target: EnsembleFile["target"], outputCount: number): Votes {
  if (target === null) return outputCount === 1 ? new BinaryVotes(mixer) : new ClassVotes(mixer, outputCount);
  const votes = new ValueVotes(mixer);
  votes.labels.import([target.mean], [target.std], null);
  return votes;
}
