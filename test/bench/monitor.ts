import { DETECTORS, type DetectorKind } from "../../src/evaluate/detector.ts";
import { MONITOR_DEFAULTS, Monitor } from "../../src/evaluate/monitor.ts";
import { Random } from "../../src/learner/random.ts";
import { median, report } from "./report.ts";

/** Short ones: those in which others had the processor do not move the median. */
const ROUNDS = 1000;
/** Rows of a mini-batch. */
const BLOCK = 4;
const BLOCKS = 1000;
const READS = 200;

/** Measures what scoring a sample costs: metrics of all spans, three baselines and a detector, binary, two features. */
export function benchMonitor(): void {
  const kinds: readonly (DetectorKind | null)[] = [...DETECTORS, null];
  const blocks = drawBlocks();
  const monitors = kinds.map((detector) => new Monitor({ ...MONITOR_DEFAULTS, classes: 2, features: 2, detector }));
  // One after the other, the default first: a process has few kinds of detectors, and code that has met one is faster.
  monitors.forEach((monitor, m) => {
    const times = Array.from({ length: ROUNDS }, () => nanosecondsOf(monitor, blocks));
    report(`monitor, ${kinds[m] ?? "no detector"}`, median(times), "ns/sample");
  });
  const [monitor] = monitors as [Monitor];
  const reads = Array.from({ length: READS }, () => {
    const from = performance.now();
    monitor.read();
    return performance.now() - from;
  });
  report("monitor, reading all metrics", median(reads) * 1000, "µs");
  report("monitor, state", monitor.stateBytes, "bytes");
}

interface Block {
  readonly x: Float64Array;
  readonly labels: Float64Array;
  readonly outputs: Float64Array;
}

/** Draws rows of two overlapping classes with the probabilities that a good model gives them. */
function drawBlocks(): readonly Block[] {
  const random = new Random(1);
  return Array.from({ length: BLOCKS }, () => {
    const labels = Float64Array.from({ length: BLOCK }, () => random.uint32() & 1);
    const x = Float64Array.from({ length: 2 * BLOCK }, (_, i) => random.normal() + (labels[i >> 1] ?? 0));
    const outputs = Float64Array.from(labels, (_, r) => 1 / (1 + Math.exp(1 - (x[2 * r] ?? 0) - (x[2 * r + 1] ?? 0))));
    return { x, labels, outputs };
  });
}

function nanosecondsOf(monitor: Monitor, blocks: readonly Block[]): number {
  const from = performance.now();
  for (const { x, labels, outputs } of blocks) monitor.score(x, labels, outputs, BLOCK);
  return ((performance.now() - from) * 1e6) / (BLOCK * BLOCKS);
}
