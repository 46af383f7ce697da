import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, type ConfigSources, readConfig } from "../daemon/config.ts";
import { controlSocketPath, requestControl } from "../daemon/control-socket.ts";
import { openDaemon } from "../daemon/daemon.ts";
import { silentLog } from "../daemon/log.ts";
import type { Verb, Verbs } from "../daemon/verbs.ts";
import { RivuletError } from "../error.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly data?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
  readonly name?: string;
}

/** Tells where the options and the environment say that the configuration comes from. */
export function sourcesOf({ config, set, data }: GlobalOptions): ConfigSources {
  return { file: config ?? null, env: process.env, set, data: data ?? null };
}

/** Reads the configuration that the options and the environment ask for. */
export function configOf(options: GlobalOptions): Config {
  return readConfig(sourcesOf(options));
}

/** Asks the running daemon, or, where none runs, the same daemon opened for this one request, without a broker. */
export async function ask<V extends Verb>(
  options: GlobalOptions,
  verb: V,
  params: Verbs[V]["params"],
  onProgress: (progress: unknown) => void = () => {},
): Promise<Verbs[V]["result"]> {
  const config = configOf(options);
  const answered = await askRunning(config, verb, params, onProgress);
  if (answered !== null) return answered;
  if (!existsSync(join(config.data, "rivulet.db"))) {
    throw new RivuletError("daemon-unreachable", `no daemon runs on ${config.data}, and nothing is stored there`, {
      hint: "Start one with `rivulet start`, or name another folder with --data.",
    });
  }
  const without = verb === "models-delete" && options.name !== undefined ? { without: options.name } : {};
  const daemon = await openDaemon({ config, log: silentLog, listen: false, ...without });
  try {
    return (await daemon.request(verb, params, async (progress) => onProgress(progress))) as Verbs[V]["result"];
  } finally {
    await daemon.close();
  }
}

/** Asks the running daemon; null where none runs. */
export async function askRunning<V extends Verb>(
  { data }: Config,
  verb: V,
  params: Verbs[V]["params"],
  onProgress: (progress: unknown) => void = () => {},
): Promise<Verbs[V]["result"] | null> {
  try {
    const path = controlSocketPath(data, process.env);
    return (await requestControl(path, verb, params, onProgress)) as Verbs[V]["result"];
  } catch (error) {
    if (!(error instanceof RivuletError) || error.code !== "daemon-unreachable") throw error;
    return null;
  }
}

/** Writes a result to the standard output: as JSON when asked for, else as people read it. */
export function print(options: GlobalOptions, result: unknown, text: () => string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(result) : text()}\n`);
}
