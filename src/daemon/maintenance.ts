import type { StoreThread } from "../store/store-thread.ts";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";

/** Pause between two looks for something to thin out. */
const REST_MS = 1000;
/** Pause between two bites while there is more: the stream has the right of way. */
const BITE_MS = 20;

/** Thins out snapshots, journal and history in small bites, until told to stop. */
export function startMaintenance(store: StoreThread, config: Config, log: Log): () => void {
  const policies = new Map(
    Object.entries(config.models).map(([name, { snapshot, journal, history }]) => [
      name,
      { keep: snapshot.keep, keepRows: journal.keepRows, keepSteps: history.keepSteps },
    ]),
  );
  let timer: NodeJS.Timeout;
  let stopped = false;
  let told: string | null = null;
  const bite = async () => {
    let more = false;
    try {
      more = await store.maintain(policies, config.store.bytesMax);
      told = null;
    } catch (error) {
      // Nothing is lost: what could not be thinned out now is looked at again. A full disk stays full for days: once is enough.
      const reason = String(error);
      if (!stopped && reason !== told) log.error({ error: reason }, "retention failed and will be tried again");
      told = reason;
    }
    if (!stopped) timer = setTimeout(bite, more ? BITE_MS : REST_MS);
  };
  timer = setTimeout(bite, REST_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
