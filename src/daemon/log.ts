import { destination, type Logger, pino } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "fatal" | "level">;

/** Keeps quiet: for the daemon value that a command opens for one request. */
export const silentLog: Log = pino({ level: "silent" });

/** Logs lines of JSON to the standard error, so that the standard output stays for results. */
export function openLog(level: string): Log {
  return pino({ level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }, destination(2));
}
