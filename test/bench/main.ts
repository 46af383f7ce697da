// Benchmarks: timings live here, never in tests. Rounds are interleaved and medians are told, for machines are noisy.
// npm run bench [-- engine | learner | intake | recovery | mqtt | drift | policies | monitor | backtest | http | dashboard]

import { benchBacktest } from "./backtest.ts";
import { benchDashboard } from "./dashboard.ts";
import { benchDrift } from "./drift.ts";
import { benchEngine } from "./engine.ts";
import { benchHttp } from "./http.ts";
import { benchIntake } from "./intake.ts";
import { benchLearner } from "./learner.ts";
import { benchMonitor } from "./monitor.ts";
import { benchMqtt } from "./mqtt.ts";
import { benchPolicies } from "./policies.ts";
import { benchRecovery } from "./recovery.ts";

const benches: Readonly<Record<string, () => Promise<void> | void>> = {
  engine: benchEngine,
  learner: benchLearner,
  intake: benchIntake,
  recovery: benchRecovery,
  mqtt: benchMqtt,
  drift: benchDrift,
  policies: benchPolicies,
  monitor: benchMonitor,
  backtest: benchBacktest,
  http: benchHttp,
  dashboard: benchDashboard,
};
const names = process.argv.slice(2);
const unknown = names.find((name) => benches[name] === undefined);
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are ${Object.keys(benches).join(", ")}`);
  process.exit(64);
}
for (const name of names.length > 0 ? names : Object.keys(benches)) await benches[name]?.();
