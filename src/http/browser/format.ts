// Numbers and times as the dashboard shows them.

const whole = new Intl.NumberFormat("en-GB");
const compactNumber = new Intl.NumberFormat("en-GB", { notation: "compact", maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
export const NOTHING = "–";

type Maybe = number | null | undefined;

/** Shows a whole number: 1,234,567. */
export function count(value: Maybe): string {
  return isNumber(value) ? whole.format(value) : NOTHING;
}

/** Shows a number in little room: 1.23M. */
export function compact(value: Maybe): string {
  return isNumber(value) ? compactNumber.format(value) : NOTHING;
}

/** Shows a number with so many digits that count. */
export function digits(value: Maybe, significant = 4): string {
  if (!isNumber(value)) return NOTHING;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(Math.max(0, significant - 2)).replace("-", "−");
  return signed(Number(value.toPrecision(significant)).toFixed(decimals(size, significant)));
}

/** Shows a round number, such as a tick's: without zeros at its end. */
export function round(value: number): string {
  return signed(Math.abs(value) >= 1e5 ? compact(value) : String(Number(value.toPrecision(6))));
}

/** Shows a difference, with its sign. */
export function difference(value: Maybe, significant = 3): string {
  if (!isNumber(value)) return NOTHING;
  return value > 0 ? `+${digits(value, significant)}` : digits(value, significant);
}

/** Shows a share: 94.3 %. */
export function percent(share: Maybe): string {
  return isNumber(share) ? signed(`${(share * 100).toFixed(1)} %`) : NOTHING;
}

/** Shows bytes in decimal units, as the configuration has them. */
export function bytes(value: Maybe): string {
  if (!isNumber(value)) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, value < 1000 ? 0 : Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power === 0 ? scaled.toFixed(0) : Number(scaled.toPrecision(3))} ${units[power]}`;
}

/** Shows how long something takes. */
export function duration(ms: Maybe): string {
  if (!isNumber(ms)) return NOTHING;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < SECOND_MS) return `${ms.toFixed(0)} ms`;
  return ms < MINUTE_MS ? `${(ms / SECOND_MS).toFixed(1)} s` : span(ms);
}

/** Shows how long ago something was. */
export function ago(atMs: number, nowMs: number): string {
  const ms = Math.max(0, nowMs - atMs);
  return ms < 5 * SECOND_MS ? "just now" : `${span(ms)} ago`;
}

/** Shows a time of day, or with its day where that is not today. */
export function time(at: string, nowMs: number): string {
  const then = new Date(at);
  return nowMs - then.getTime() < DAY_MS / 2 ? clock.format(then) : day.format(then);
}

/** Shows a time with its day. */
export function dateTime(at: string): string {
  return day.format(new Date(at));
}

/** Shows one or many. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Shows a span in one unit, or two where the first is small. */
export function span(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
}

function isNumber(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function decimals(size: number, significant: number): number {
  return Math.max(0, significant - 1 - Math.floor(Math.log10(size)));
}

function signed(text: string): string {
  return text.replace("-", "−");
}
