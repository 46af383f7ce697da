import type { StoreThread } from "../store/store-thread.ts";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";

/** Pauses between two looks for something to thin out: the longer it runs, the more one look does. */
const REST_MS_MIN = 1000;
const REST_MS_MAX = 10_000;
const REST_SHARE = 0.1;
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
  const startedAt = performance.now();
  const restMs = () => Math.max(REST_MS_MIN, Math.min(REST_MS_MAX, REST_SHARE * (performance.now() - startedAt)));
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
    if (!stopped) timer = setTimeout(bite, more ? BITE_MS : restMs());
  };
  timer = setTimeout(bite, REST_MS_MIN);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
