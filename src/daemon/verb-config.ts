import type { ConfigCheck } from "./config.ts";
import { formatFault } from "./config.ts";
import type { Rooms } from "./rooms.ts";

/** Tells what is wrong with the configuration as it is written now, which a reload or the next start would read. */
export interface ConfigChecked {
  readonly ok: boolean;
  readonly faults: readonly string[];
}

/** Checks the files and the environment that the daemon was started with. */
export function checkConfigOf({ checkConfig }: Pick<Rooms, "checkConfig">): ConfigChecked {
  const check: ConfigCheck = checkConfig();
  return check.ok ? { ok: true, faults: [] } : { ok: false, faults: check.faults.map(formatFault) };
}
