import { RivuletError } from "../error.ts";
import type { StoreThread } from "../store/store-thread.ts";
import type { Model } from "../stream/model.ts";

/** Finds the model of that name among the live ones, or the only one. Throws `unknown-model`, or `usage` where a name is needed. */
export function liveModel(models: ReadonlyMap<string, Model>, name: string | undefined): Model {
  const chosen = chooseName([...models.keys()], name);
  const model = models.get(chosen);
  if (model === undefined) throw unknownModel(chosen, [...models.keys()]);
  return model;
}

/** Finds the name of a stored model, live or inactive; without a name, the only live one. */
export async function storedModel(
  store: StoreThread,
  models: ReadonlyMap<string, Model>,
  name: string | undefined,
): Promise<string> {
  const chosen = chooseName([...models.keys()], name);
  const stored = (await store.models()).map((model) => model.name);
  if (!stored.includes(chosen)) throw unknownModel(chosen, stored);
  return chosen;
}

/** Chooses the only one of the names where none is wanted. Throws `usage`. */
export function chooseName(names: readonly string[], name: string | undefined): string {
  if (name !== undefined) return name;
  const only = names.length === 1 ? names[0] : undefined;
  if (only !== undefined) return only;
  throw new RivuletError("usage", `there are ${names.length} models: ${names.join(", ")}`, {
    hint: "Choose one with --name.",
  });
}

function unknownModel(name: string, known: readonly string[]): RivuletError {
  return new RivuletError("unknown-model", `there is no model ${name}`, { hint: `There are: ${known.join(", ")}.` });
}
