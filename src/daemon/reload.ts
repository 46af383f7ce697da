// What of a configuration can be put in force while the daemon runs, what waits for a restart, and what is refused.

import { RivuletError } from "../error.ts";
import type { Credentials } from "../mqtt/broker.ts";
import type { ConfigInForce } from "../stream/model-state.ts";
import { type Config, compareLearnerConfig, learnerConfigJson } from "./config.ts";

/** Says what a reload does. */
export interface ReloadPlan {
  /** The configuration that is in force after it: the new one, but for what waits. */
  readonly config: Config;
  /** Keys that differ and are put in force. */
  readonly changed: readonly string[];
  /** Keys that differ and wait for a restart. */
  readonly waiting: readonly string[];
  /** Models whose learner-relevant configuration changes. */
  readonly learners: ReadonlyMap<string, ConfigInForce>;
}

/** Keys of `mqtt` that the running broker was opened with. */
const OPENED_WITH = ["broker", "host", "port", "prefix", "insecure", "clientId", "protocol", "keepaliveMs"] as const;

/** Plans a reload. Throws `topology-differs` where a trained model cannot go on under the new configuration. */
export function planReload(old: Config, next: Config): ReloadPlan {
  const learners = new Map<string, ConfigInForce>();
  for (const [name, model] of Object.entries(old.models)) {
    const wanted = next.models[name];
    if (wanted === undefined) continue;
    const [before, after] = [learnerConfigJson(model), learnerConfigJson(wanted)];
    const difference = compareLearnerConfig(before.json, after.json);
    if (difference === "same") continue;
    if (difference.kind === "refused") {
      const paths = difference.changes.map(({ path }) => `models.${name}.${path}`).join(", ");
      throw new RivuletError("topology-differs", `model ${name} cannot go on under the new configuration: ${paths}`, {
        hint: `Take that back, or stop, start with the new file and begin anew with \`rivulet models reset ${name}\`.`,
      });
    }
    learners.set(name, after);
  }
  const config = inForce(old, next);
  return { config, learners, changed: differences(old, config), waiting: differences(config, next) };
}

function inForce(old: Config, next: Config): Config {
  const kept = Object.fromEntries(OPENED_WITH.map((key) => [key, old.mqtt[key]])) as Pick<
    Config["mqtt"],
    (typeof OPENED_WITH)[number]
  >;
  // The embedded broker's TLS is turned on and off at the start only; with TLS, other certificates are taken at once. With
  // an external broker they are the daemon's own, of its next connection.
  const switched = old.mqtt.broker === "embedded" && (old.mqtt.certFile === null) !== (next.mqtt.certFile === null);
  const { caFile, certFile, keyFile } = switched ? old.mqtt : next.mqtt;
  const models: Record<string, Config["models"][string]> = Object.create(null);
  for (const [name, model] of Object.entries(old.models)) models[name] = next.models[name] ?? model;
  return {
    ...next,
    data: old.data,
    mqtt: { ...next.mqtt, ...kept, caFile, certFile, keyFile },
    intake: old.intake,
    http: { ...old.http, hosts: next.http.hosts },
    control: old.control,
    models,
  };
}

/** Lists the keys whose files hold something else than before, whether they have another name or not. */
export function changedFiles(old: Credentials, next: Credentials): readonly string[] {
  const textOf = ({ tls }: Credentials, file: "ca" | "cert" | "key") => tls?.[file]?.toString("latin1") ?? null;
  const differ = (["ca", "cert", "key"] as const).filter((file) => textOf(old, file) !== textOf(next, file));
  return [
    ...(old.password === next.password ? [] : ["mqtt.passwordFile"]),
    ...differ.map((file) => `mqtt.${file}File`),
  ];
}

/** Lists the keys in which two configurations differ, as the file has them; a model that one lacks is one key. */
function differences(a: unknown, b: unknown, path = ""): readonly string[] {
  if (!isGroup(a) || !isGroup(b) || path.endsWith(".every")) {
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [path.replace(/Ms$/, "")];
  }
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => differences(a[key], b[key], path === "" ? key : `${path}.${key}`));
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
