import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publish } from "../../src/client/publisher.ts";
import { parseConfig } from "../../src/daemon/config.ts";
import { type Daemon, openDaemon } from "../../src/daemon/daemon.ts";
import { silentLog } from "../../src/daemon/log.ts";
import { median, report } from "./report.ts";

const ROUNDS = 5;
const PACKED_ROWS = 256;

/** Measures rows a second from a publisher to durable and acknowledged, publisher and daemon in one process. */
export async function benchIntake(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-bench-"));
  const yaml = readFileSync(new URL("../../config/bench.yaml", import.meta.url), "utf8");
  const config = parseConfig(yaml, { data: folder, set: ["mqtt.port=0", "commit.profile=eager"] });
  const daemon = await openDaemon({ config, log: silentLog, listen: true });
  const json = Array.from({ length: 20_000 }, (_, i) => `{"x1":${(i % 97) / 97},"x2":${(i % 89) / 89},"y":${i % 2}}`);
  const block = new Uint8Array(
    Float32Array.from({ length: 3 * PACKED_ROWS }, (_, i) =>
      i % 3 === 2 ? ((i / 3) % 2) | 0 : Math.fround((i % 97) / 97),
    ).buffer,
  );
  const packed = Array.from({ length: 2000 }, () => block);
  const single: number[] = [];
  const blocks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    single.push(json.length / (await seconds(daemon, "sample", json)));
    blocks.push((packed.length * PACKED_ROWS) / (await seconds(daemon, "f32", packed)));
  }
  const { fileBytes, walBytes } = await daemon.rooms.store.status();
  const { committedRows } = daemon.rooms.counters;
  await daemon.close();
  rmSync(folder, { recursive: true });
  report("intake, one JSON sample a message, QoS 1, eager", median(single), "samples/s");
  report(`intake, ${PACKED_ROWS} packed f32 rows a message, QoS 1, eager`, median(blocks), "samples/s");
  report("store, file and log after all that, for each sample", (fileBytes + walBytes) / committedRows, "bytes");
}

async function seconds(daemon: Daemon, form: string, payloads: readonly (string | Uint8Array)[]): Promise<number> {
  const published = await publish({
    url: daemon.rooms.broker?.status().url ?? "",
    username: null,
    password: null,
    topic: `rivulet/default/${form}`,
    qos: 1,
    rate: 0,
    payloads,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  return published.seconds;
}
