// Discovery messages of Home Assistant: each model is a device there, with sensors, a drift alarm and a button. One message
// a device (Home Assistant 2024.11 and later; source: its documentation of the MQTT integration).

import type { Loss } from "../learner/topology.ts";

/** Rows after a drift alarm for which it stands. */
const ALARM_ROWS = 1000;

export interface DiscoveredModel {
  readonly name: string;
  readonly loss: Loss;
}

export interface DiscoveryOptions {
  /** First level of the topics that Home Assistant reads. */
  readonly discoveryPrefix: string;
  readonly prefix: string;
  readonly version: string;
  /** Whether verbs that change something are obeyed over this broker: only then there is a button. */
  readonly obeys: boolean;
}

/** Names the topic on which a model is discovered; the daemon's prefix is part of it, for several may share a broker. */
export function discoveryTopic({ discoveryPrefix, prefix }: DiscoveryOptions, model: string): string {
  return `${discoveryPrefix}/device/${identifier(prefix, model)}/config`;
}

/** Describes a model as a device. */
export function discoveryMessage(options: DiscoveryOptions, { name, loss }: DiscoveredModel): unknown {
  const { prefix, version, obeys } = options;
  const device = identifier(prefix, name);
  const ofModel = (id: string, component: object) => [id, { unique_id: `${device}_${id}`, ...component }] as const;
  const sensor = (id: string, label: string, value: string, more: object) =>
    ofModel(id, { platform: "sensor", name: label, value_template: `{{ ${value} }}`, ...more });
  const measured = (digits: number) => ({ state_class: "measurement", suggested_display_precision: digits });
  const components = [
    ...(loss === "mse"
      ? [
          sensor("mae", "Mean absolute error", metric("mae"), measured(4)),
          sensor("rmse", "Root mean squared error", metric("rmse"), measured(4)),
        ]
      : [
          sensor("accuracy", "Accuracy", metric("accuracy", " * 100"), { ...measured(1), unit_of_measurement: "%" }),
          sensor("log_loss", "Log loss", metric("logLoss"), measured(4)),
        ]),
    sensor("cost", "Cost", "value_json.cost", measured(4)),
    sensor("samples", "Samples", "value_json.sequence", { state_class: "total_increasing", icon: "mdi:counter" }),
    sensor("step", "Step", "value_json.step", {
      state_class: "total_increasing",
      entity_category: "diagnostic",
      icon: "mdi:stairs",
    }),
    sensor("snapshot", "Newest snapshot", "value_json.newestSnapshot", {
      entity_category: "diagnostic",
      icon: "mdi:camera-outline",
    }),
    sensor("drifts", "Drift alarms", "value_json.drift.alarms if value_json.drift else None", {
      state_class: "total_increasing",
      icon: "mdi:chart-bell-curve",
    }),
    ofModel("drift", {
      platform: "binary_sensor",
      name: "Drift",
      device_class: "problem",
      value_template: `{{ 'ON' if value_json.drift and value_json.drift.rowsSince is not none and value_json.drift.rowsSince < ${ALARM_ROWS} else 'OFF' }}`,
    }),
    ...(obeys
      ? [
          ofModel("rollback_best", {
            platform: "button",
            name: "Roll back to best",
            icon: "mdi:backup-restore",
            command_topic: `${prefix}/${name}/request/rollback`,
            payload_press: '{"snapshot":"best"}',
            qos: 1,
          }),
        ]
      : []),
  ];
  return {
    device: {
      identifiers: [device],
      name: `Rivulet ${name}`,
      manufacturer: "Rivulet",
      model: "Online learner",
      sw_version: version,
    },
    origin: { name: "Rivulet", sw_version: version },
    availability: [{ topic: `${prefix}/bridge/state` }],
    state_topic: `${prefix}/${name}/state`,
    components: Object.fromEntries(components),
  };
}

function metric(key: string, scaled = ""): string {
  const value = `value_json.metrics.${key}`;
  return `${value}${scaled} if value_json.metrics and ${value} is not none else None`;
}

/** Makes a word of what a topic may hold: letters of other scripts become their code points. */
function identifier(prefix: string, model: string): string {
  const word = prefix.replaceAll(/[^A-Za-z0-9-]/gu, (character) => `_${character.codePointAt(0)?.toString(16)}_`);
  return `${word}_${model}`;
}
