import { NUMERICS } from "../learner/numerics.ts";
import type { Rooms } from "./rooms.ts";
import { GUARDED, MUTATING, VERBS } from "./verbs.ts";
import { version } from "./version.ts";

/** Tells what the bridge is and what may be expected of it: what stands on `<prefix>/bridge/info`. */
export function bridgeInfo({ config, models, broker, startedAt, failure, restored, replaced }: Rooms): unknown {
  const { mqtt, intake, commit } = config;
  const { commands } = mqtt;
  const obeys = commands === "on" || (commands === "auto" && broker?.status().kind === "embedded");
  return {
    version,
    numerics: NUMERICS,
    startedAt: new Date(startedAt).toISOString(),
    models: Object.fromEntries(
      [...models].map(([name, { state }]) => {
        const { features, label, classes, network } = state.config.learner;
        return [name, { features, label, classes, loss: network.loss }];
      }),
    ),
    commit: commit.profile,
    store: {
      // Why nothing is acknowledged at present; null while all is well.
      failure: failure(),
      restored: restored === null ? null : new Date(restored.atMs).toISOString(),
      // What became of a store that was damaged when the daemon started.
      setAside: replaced,
    },
    delivery: { numbered: "exactly-once", unnumbered: "at-least-once" },
    limits: { payloadBytesMax: intake.payloadBytesMax, rowsMax: intake.rowsMax },
    verbs: VERBS.filter((verb) => obeys || ![...MUTATING, ...GUARDED].includes(verb)),
    replyPrefix: mqtt.replyPrefix ?? `${mqtt.prefix}/bridge/reply`,
  };
}
