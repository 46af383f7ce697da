import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "fatal" | "level">;

/** Lines of one message in a window of time; more are counted, and told with the next one. */
const REPEATS_MAX = 10;
const WINDOW_MS = 10_000;
/** Messages of which the repeats are counted: each is a constant text, so there are not many. */
const MESSAGES_MAX = 1000;

/** Keeps quiet: for the daemon value that a command opens for one request. */
export const silentLog: Log = pino({ level: "silent" });

export interface LogOptions {
  readonly level: string;
  /** Takes a line, with its end. */
  readonly write: (line: string) => void;
  /** Whether people read it: then a line is text, and JSON otherwise. */
  readonly isTerminal: boolean;
  /** Milliseconds of a clock that does not jump. */
  readonly now?: () => number;
}

/** Logs a line for each thing that happens; what repeats itself is told at a bounded rate. */
export function openLog({ level, write, isTerminal, now = () => performance.now() }: LogOptions): Log {
  const repeats = new Repeats(now);
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod([first, ...rest], method) {
          const message = typeof first === "string" ? first : rest[0];
          const suppressed = repeats.suppressed(String(message));
          if (suppressed === null) return;
          if (suppressed === 0) return method.apply(this, [first, ...rest] as Parameters<typeof method>);
          const object = typeof first === "string" ? { suppressed } : { ...(first as object), suppressed };
          method.apply(this, [object, message] as Parameters<typeof method>);
        },
      },
    },
    { write: isTerminal ? (line) => write(lineForPeople(line)) : write },
  );
}

/** Counts how often each message came lately. */
class Repeats {
  readonly #now: () => number;
  readonly #windows = new Map<string, { from: number; count: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Tells how many equal messages were kept back before this one, or null where it is to be kept back too. */
  suppressed(message: string): number | null {
    const now = this.#now();
    const window = this.#windows.get(message);
    if (window !== undefined && now - window.from < WINDOW_MS) return ++window.count > REPEATS_MAX ? null : 0;
    if (window === undefined && this.#windows.size >= MESSAGES_MAX) this.#windows.clear();
    this.#windows.set(message, { from: now, count: 1 });
    return Math.max(0, (window?.count ?? 0) - REPEATS_MAX);
  }
}

/** Renders a line of JSON as `12:00:00 warn  what happened  key=value`. */
function lineForPeople(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const { hours, minutes, seconds } = clockOf(new Date(String(time)));
  const more = Object.entries(rest).map(
    ([key, value]) => `  ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `${hours}:${minutes}:${seconds} ${String(level).padEnd(5)} ${msg ?? ""}${more.join("").replaceAll("\n", "\n    ")}\n`;
}

function clockOf(date: Date): { readonly hours: string; readonly minutes: string; readonly seconds: string } {
  const two = (value: number) => String(value).padStart(2, "0");
  return { hours: two(date.getHours()), minutes: two(date.getMinutes()), seconds: two(date.getSeconds()) };
}
