import { RivuletError } from "../error.ts";
import { type AnyModelFile, anyModelFileOf } from "../export/model-file.ts";
import { categoriesOf } from "../learner/learner-config.ts";
import { type Categories, nameOfCategory } from "../sample/category.ts";
import { QUESTION } from "../sample/rows.ts";
import type { Model } from "../stream/model.ts";
import { liveModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { snapshotFile } from "./verb-snapshots.ts";

const RECENT = 200;
/** Numbers in one answer. */
const RECENT_NUMBERS_MAX = 262_144;

/** Is a model as it stands now, or stood in a snapshot. */
export type LiveModel = AnyModelFile;

/** Lists the newest samples of a model. */
export interface Recent {
  readonly model: string;
  readonly features: readonly string[];
  readonly label: string;
  /** Oldest first; a missing value is null, a category its name. */
  readonly samples: readonly {
    readonly sequence: number;
    readonly features: readonly (number | string | null)[];
    readonly label: number;
  }[];
}

/** Gives what a model has learned up to now, or had when a snapshot was made. */
export function showModel(
  rooms: Rooms,
  { name, id }: { name?: string | undefined; id?: string | undefined },
): AnyModelFile | Promise<AnyModelFile> {
  if (id !== undefined) return snapshotFile(rooms, { name, snapshot: id });
  return anyModelFileOf(liveModel(rooms.models, name).state.learner);
}

/** Lists the newest samples since the daemon started: those that the ring still holds. */
export function recentSamples(
  { models }: Pick<Rooms, "models">,
  { name, count }: { name?: string | undefined; count?: number | undefined },
): Recent {
  const model = liveModel(models, name);
  const { features, label } = model.state.config.learner;
  const most = Math.min(count ?? RECENT, Math.floor(RECENT_NUMBERS_MAX / features.length));
  return { model: model.name, features, label, samples: newest(model, most) };
}

function newest({ ring, state }: Model, most: number): Recent["samples"] {
  const categories = categoriesOf(state.config.learner);
  const samples: Recent["samples"][number][] = [];
  const first = Math.max(ring.begin, ring.head - ring.capacity) + 1;
  for (let sequence = ring.head; sequence >= first && samples.length < most; sequence--) {
    const slot = ring.slotOf(sequence);
    if (ring.kinds[slot] === QUESTION) continue;
    const label = ring.labels[slot];
    if (label === undefined) throw new RivuletError("internal", "a slot of the ring has no label");
    const values = ring.features.subarray(slot * ring.featureCount, (slot + 1) * ring.featureCount);
    samples.push({ sequence, features: named(values, categories), label });
  }
  return samples.reverse();
}

function named(values: Float64Array, categories: readonly (Categories | null)[]): readonly (number | string | null)[] {
  return categories.map((one, i) => {
    const value = values[i] ?? Number.NaN;
    return Number.isNaN(value) ? null : one === null ? value : nameOfCategory(value, one);
  });
}
