import type { StoreThread } from "../store/store-thread.ts";
import { sourcesOf } from "../stream/model-state.ts";
import type { FormerModel } from "./retained.ts";

/** Describes a stored model that is not live, from its newest good state. */
export async function formerModel(store: StoreThread, name: string): Promise<FormerModel> {
  for (const id of await store.recoveryStateIds(name)) {
    const saved = await store.recoveryState(id);
    if (saved !== null) return { name, sources: sourcesOf(saved.monitor) };
  }
  return { name, sources: [] };
}
