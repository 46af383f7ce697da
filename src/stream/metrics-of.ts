import type { MonitorReading } from "../evaluate/monitor.ts";

/** Takes the numbers of the newest rows out of a reading, as a snapshot shows them. */
export function metricsOf({ samples, window }: MonitorReading): Readonly<Record<string, number | null>> {
  const numbers = Object.entries(window).filter((entry): entry is [string, number | null] => {
    const [, value] = entry;
    return value === null || typeof value === "number";
  });
  return { ...Object.fromEntries(numbers), samples, window: window.samples };
}
