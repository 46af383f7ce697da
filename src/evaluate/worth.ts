import type { MonitorReading } from "./monitor.ts";

/** Rows below which nothing is said. */
const ROWS_MIN = 100;

/** Compares a network with the best of the baselines, over the newest rows. */
export interface Worth {
  readonly earnsItsKeep: boolean;
  /** The best baseline. */
  readonly against: string;
  /** What is compared: shares of right classes, where more is better, or root mean squared errors, where less is. */
  readonly by: "accuracy" | "rmse";
  readonly model: number;
  readonly baseline: number;
}

/** Tells whether the network is better than all baselines; null before enough rows were scored. */
export function worthOf(reading: MonitorReading): Worth | null {
  if (reading.window.samples < ROWS_MIN) return null;
  const { window } = reading;
  const isClasses = "accuracy" in window;
  const model = isClasses ? window.accuracy : window.rmse;
  const baselines = Object.entries(isClasses ? window.baselines : window.baselinesRmse);
  const known = baselines.filter((entry): entry is [string, number] => entry[1] !== null);
  const [best] = known.sort(([, a], [, b]) => (isClasses ? b - a : a - b));
  if (model === null || best === undefined) return null;
  const [against, baseline] = best;
  return {
    earnsItsKeep: isClasses ? model > baseline : model < baseline,
    against,
    by: isClasses ? "accuracy" : "rmse",
    model,
    baseline,
  };
}
