// How long a backtest takes, and what the event loop of the daemon notices of it: predictions are made there.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { parseConfig } from "../../src/daemon/config.ts";
import { openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import { median, report, shown } from "./report.ts";

const SNAPSHOTS = 50;
const ROWS = 1000;
const ROUNDS = 15;
const IDLE_MS = 200;

/** Measures backtests of the default network. */
export async function benchBacktest(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "rivulet-bench-"));
  const daemon = await openDaemon({
    config: parseConfig(null, { data, set: ["mqtt.port=0", "http.port=off"] }),
    log: silentLog,
    listen: true,
  });
  const client = await connectAsync(daemon.rooms.broker?.status().url ?? "");
  try {
    for (let s = 0; s < SNAPSHOTS; s++) {
      await client.publishAsync("rivulet/default/sample", JSON.stringify(rowsOf(s)), { qos: 1 });
      await daemon.request("snapshots-take", {});
    }
    const idle = await measure(() => setTimeout(IDLE_MS));
    const busy = await measure(() => daemon.request("backtest", { last: ROWS }));
    const note = `the event loop waits at most ${shown(busy.delayMs)} ms, ${shown(idle.delayMs)} without (99 of 100)`;
    report(`backtest, ${SNAPSHOTS} snapshots × ${ROWS} rows, 2-32-1`, busy.ms, "ms", note);
  } finally {
    await client.endAsync();
    await daemon.close();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Makes points inside and outside of a circle. */
function rowsOf(block: number): readonly Readonly<Record<string, number>>[] {
  return Array.from({ length: (2 * ROWS) / SNAPSHOTS }, (_, i) => {
    const at = (block * 2 * ROWS) / SNAPSHOTS + i;
    const [x1, x2] = [2 * Math.sin(at * 12.9898), 2 * Math.sin(at * 78.233)];
    return { x1, x2, y: x1 * x1 + x2 * x2 < 2 ? 1 : 0 };
  });
}

async function measure(work: () => Promise<unknown>): Promise<{ readonly ms: number; readonly delayMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const times: number[] = [];
  delay.enable();
  for (let round = 0; round < ROUNDS; round++) {
    const at = performance.now();
    await work();
    times.push(performance.now() - at);
  }
  delay.disable();
  return { ms: median(times), delayMs: delay.percentile(99) / 1e6 };
}
