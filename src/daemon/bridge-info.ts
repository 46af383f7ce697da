import { NUMERICS } from "../learner/numerics.ts";
import { discoveryMessage, discoveryTopic } from "./home-assistant.ts";
import type { Discovery } from "./retained.ts";
import type { Rooms } from "./rooms.ts";
import { GUARDED, MUTATING, VERBS } from "./verbs.ts";
import { version } from "./version.ts";

/** Tells whether verbs that change something are obeyed over a broker. */
export function obeysOver({ mqtt: { commands } }: Rooms["config"], broker: Rooms["broker"]): boolean {
  return commands === "on" || (commands === "auto" && broker?.status().kind === "embedded");
}

/** Says by what Home Assistant finds a model, or that there is none of that name; null unless it is to find any. */
export function homeAssistantDiscovery({ config, models, broker }: Rooms, name: string): Discovery | null {
  const { homeAssistant, discoveryPrefix, prefix } = config.mqtt;
  if (!homeAssistant) return null;
  const options = { discoveryPrefix, prefix, version, obeys: obeysOver(config, broker) };
  const topic = discoveryTopic(options, name);
  const model = models.get(name);
  if (model === undefined) return { topic, payload: "" };
  const { loss } = model.state.config.learner.network;
  return { topic, payload: JSON.stringify(discoveryMessage(options, { name, loss })) };
}

/** Tells what the bridge is and what may be expected of it: what stands on `<prefix>/bridge/info`. */
export function bridgeInfo({ config, models, broker, startedAt, failure, restored, replaced }: Rooms): unknown {
  const { mqtt, intake, commit } = config;
  const obeys = obeysOver(config, broker);
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
