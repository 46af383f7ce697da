// Benchmarks: timings live here, never in tests. Rounds are interleaved and medians are told, for machines are noisy.
// npm run bench [-- engine | learner | intake | recovery | start | mqtt | drift | policies | monitor | backtest | http | dashboard]
// npm run bench -- models [--models 300] [--rate 10] [--seconds 300] [--warm 90] [--connections 1] [--default-batch]
// npm run bench -- streams | generality | ablation | replay | regression [--data DIR] [--seeds 20] [--only NAME] [--plain]

import { benchAblation } from "./ablation.ts";
import { benchBacktest } from "./backtest.ts";
import { benchDashboard } from "./dashboard.ts";
import { benchDrift } from "./drift.ts";
import { benchEngine } from "./engine.ts";
import { benchGenerality } from "./generality.ts";
import { benchHttp } from "./http.ts";
import { benchIntake } from "./intake.ts";
import { benchLearner } from "./learner.ts";
import { benchModels } from "./models.ts";
import { benchMonitor } from "./monitor.ts";
import { benchMqtt } from "./mqtt.ts";
import { benchPolicies } from "./policies.ts";
import { benchRecovery } from "./recovery.ts";
import { benchRegression } from "./regression.ts";
import { benchReplay } from "./replay.ts";
import { benchStart } from "./start.ts";
import { benchStreams } from "./streams.ts";

const benches: Readonly<Record<string, () => Promise<void> | void>> = {
  engine: benchEngine,
  learner: benchLearner,
  intake: benchIntake,
  recovery: benchRecovery,
  start: benchStart,
  mqtt: benchMqtt,
  drift: benchDrift,
  policies: benchPolicies,
  monitor: benchMonitor,
  backtest: benchBacktest,
  http: benchHttp,
  dashboard: benchDashboard,
};
/** Benches with options of their own. */
const withOptions: Readonly<Record<string, (args: readonly string[]) => Promise<void> | void>> = {
  streams: benchStreams,
  generality: benchGenerality,
  ablation: benchAblation,
  replay: benchReplay,
  regression: benchRegression,
  models: benchModels,
};
const [first = "", ...options] = process.argv.slice(2);
const chosen = withOptions[first];
if (chosen !== undefined) {
  await chosen(options);
  process.exit();
}
const names = process.argv.slice(2);
const unknown = names.find((name) => benches[name] === undefined);
if (unknown !== undefined) {
  console.error(
    `there is no bench ${unknown}; there are ${[...Object.keys(benches), ...Object.keys(withOptions)].join(", ")}`,
  );
  process.exit(64);
}
for (const name of names.length > 0 ? names : Object.keys(benches)) await benches[name]?.();
