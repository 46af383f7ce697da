import { RivuletError } from "../error.ts";
import { formerModel } from "./former-model.ts";
import { liveModel, storedModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { act, type SnapshotLine } from "./verb-snapshots.ts";

/** Describes a stored model. */
export interface ModelLine {
  readonly name: string;
  /** Inactive models are kept, and take no samples: they are not in the configuration. */
  readonly active: boolean;
  readonly createdAt: string;
  readonly step: number;
  readonly sequence: number;
  readonly newestSnapshot: number | null;
}

export async function listModels({ store, models }: Rooms): Promise<readonly ModelLine[]> {
  const lines = (await store.models()).map(async ({ name, createdAtMs }) => {
    const [newest] = await store.snapshots({ model: name, limit: 1 });
    const live = models.get(name);
    return {
      name,
      active: live !== undefined,
      createdAt: new Date(createdAtMs).toISOString(),
      step: live?.state.step ?? newest?.step ?? 0,
      sequence: live?.state.sequence ?? newest?.sequence ?? 0,
      newestSnapshot: newest?.id ?? null,
    };
  });
  return Promise.all(lines);
}

/** Begins a model anew under the configuration that is wanted now; its journal, history and snapshots stay. */
export function resetModel(rooms: Rooms, { name }: { name: string }): Promise<SnapshotLine> {
  const model = liveModel(rooms.models, name);
  return act(rooms, model, { kind: "reset", config: rooms.wanted.get(name) ?? model.state.config });
}

/** Removes a model with everything that is stored of it. Throws `usage` while it is live. */
export async function deleteModel(rooms: Rooms, { name }: { name: string }): Promise<ModelLine> {
  await storedModel(rooms.store, rooms.models, name);
  if (rooms.models.has(name)) {
    throw new RivuletError("usage", `model ${name} is live in this daemon`, {
      hint: "Take it out of the configuration and restart, or stop the daemon, then delete it.",
    });
  }
  const line = (await listModels(rooms)).find((model) => model.name === name);
  if (line === undefined) throw new RivuletError("unknown-model", `there is no model ${name}`);
  const former = await formerModel(rooms.store, name);
  await rooms.store.deleteModel(name, rooms.record(line));
  rooms.forget(former);
  return line;
}
