import type { Store } from "../store/store.ts";
import { sourcesOf } from "../stream/model-state.ts";
import type { FormerModel } from "./retained.ts";

/** Describes a stored model that is not live, from its newest good state. */
export function formerModel(store: Store, name: string): FormerModel {
  for (const saved of store.recoveryStates(name)) {
    if (saved.good) return { name, sources: sourcesOf(saved.state.monitor) };
  }
  return { name, sources: [] };
}
