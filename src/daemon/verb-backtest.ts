import { RivuletError } from "../error.ts";
import { type Criterion, compareScores, criterionOf, type StretchScore } from "../evaluate/backtest.ts";
import type { SnapshotRecord } from "../store/store.ts";
import { compareLearnerConfig } from "./config.ts";
import { liveModel } from "./resolve-model.ts";
import type { Rooms } from "./rooms.ts";
import { type ScoreThread, withScores } from "./score-thread.ts";
import { findSnapshot, rollback, type SnapshotLine } from "./verb-snapshots.ts";
import type { OnProgress } from "./verbs.ts";

/** Newest labelled rows that are used where nothing else is wanted. */
export const LAST_ROWS = 1000;
/** Snapshots that are scored at most. */
export const SNAPSHOTS_MAX = 50;
/** Snapshots read at a time while looking for those that hold their states. */
const PAGE = 500;
/** Stands in the place of a snapshot: the one that a backtest finds best. */
export const BEST = "best";

/** Tells how well states of a model would have predicted the newest labelled rows. */
export interface Backtest {
  readonly model: string;
  readonly rows: { readonly count: number; readonly from: number | null; readonly to: number | null };
  /** The metric by which they are ordered. */
  readonly by: Criterion;
  /** The best first; of equals the newer. */
  readonly snapshots: readonly BacktestLine[];
  readonly notComparable: readonly NotComparable[];
}

interface Position {
  /** Null is the live state. */
  readonly id: number | null;
  readonly step: number;
  readonly sequence: number;
  readonly cost: number | null;
  readonly tags: readonly string[];
}

export interface BacktestLine extends Position, StretchScore {}

export interface NotComparable extends Position {
  readonly reason: string;
}

interface Params {
  readonly name?: string | undefined;
  readonly last?: number | undefined;
  readonly snapshots?: readonly string[] | undefined;
}

/**
 * Scores snapshots, and the live state, on the newest labelled rows of the journal: what a rollback to each would give,
 * that is under the configuration in force. Left to choose, it takes the newest that hold their states.
 */
export function backtest(rooms: Rooms, params: Params, onProgress: OnProgress): Promise<Backtest> {
  const model = liveModel(rooms.models, params.name);
  return withScores(rooms, model, params.last ?? LAST_ROWS, async (thread) => {
    const records = await candidates(rooms, model.name, params.snapshots);
    const { live, rows } = thread;
    const by = criterionOf({ config: live.config.learner });
    const { step, sequence, cost } = live;
    const lines: BacktestLine[] = [
      { id: null, step, sequence, cost, tags: [], ...(await thread.ask("score", live.learner)) },
    ];
    const notComparable: NotComparable[] = [];
    for (const record of records) {
      await onProgress({ snapshots: lines.length + notComparable.length - 1, of: records.length });
      const score = await scoreSnapshot(rooms, record, thread);
      if (typeof score === "string") notComparable.push({ ...positionOf(record), reason: score });
      else lines.push({ ...positionOf(record), ...score });
    }
    const newness = ({ id }: Position) => id ?? Number.POSITIVE_INFINITY;
    lines.sort((a, b) => compareScores(a, b, by) || newness(b) - newness(a));
    const { from, to } = rows;
    return { model: model.name, rows: { count: rows.rows, from, to }, by, snapshots: lines, notComparable };
  });
}

/**
 * Rolls back to a snapshot, or to the one that is best on the newest labelled rows. Throws `no-better` where none is better
 * than the live state; then nothing is changed.
 */
export async function rollbackTo(
  rooms: Rooms,
  { name, snapshot }: { readonly name?: string | undefined; readonly snapshot: string },
  onProgress: OnProgress,
): Promise<SnapshotLine> {
  if (snapshot !== BEST) return rollback(rooms, { name, snapshot });
  const { model, rows, by, snapshots } = await backtest(rooms, { name }, onProgress);
  const [best, second] = snapshots;
  if (rows.count > 0 && best !== undefined && best.id !== null) {
    return rollback(rooms, { name: model, snapshot: String(best.id) });
  }
  const other = second === undefined ? "" : `; the next best, snapshot ${second.id}, has ${second.metrics[by]}`;
  const why =
    rows.count === 0
      ? "the journal holds no labelled rows to tell by"
      : `on rows ${rows.from} to ${rows.to} the live state is the best: its ${by} is ${best?.metrics[by]}${other}`;
  throw new RivuletError("no-better", `model ${model} goes on as it is: ${why}`, {
    hint: "`rivulet backtest` shows how well each snapshot does.",
  });
}

/** Scores a snapshot, or tells why it cannot be. */
async function scoreSnapshot(
  { store }: Rooms,
  record: SnapshotRecord,
  { live, ask }: ScoreThread,
): Promise<StretchScore | string> {
  if (record.thinned) return "its state was thinned out";
  try {
    const { config, learner } = await store.state(record.id);
    const difference = compareLearnerConfig(config, live.config.json);
    if (difference === "same" || difference.kind !== "refused") return await ask("score", learner);
    const paths = difference.changes.map(({ path }) => path);
    return `it holds another topology or other features: ${paths.join(", ")} differ`;
  } catch (error) {
    // It may have been thinned out since it was listed.
    const isLost = error instanceof RivuletError && ["journal-pruned", "state-damaged"].includes(error.code);
    if (!isLost) throw error;
    return error.message;
  }
}

async function candidates(
  rooms: Rooms,
  model: string,
  wanted: readonly string[] | undefined,
): Promise<readonly SnapshotRecord[]> {
  const records = new Map<number, SnapshotRecord>();
  if (wanted !== undefined) {
    for (const idOrTag of wanted) {
      const record = await findSnapshot(rooms, model, idOrTag);
      records.set(record.id, record);
    }
    return [...records.values()];
  }
  for (let before: number | undefined; ; ) {
    const page = await rooms.store.snapshots({ model, limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const record of page) if (!record.thinned && records.size < SNAPSHOTS_MAX) records.set(record.id, record);
    before = page.at(-1)?.id;
    if (page.length < PAGE || records.size === SNAPSHOTS_MAX) return [...records.values()];
  }
}

function positionOf({ id, step, sequence, cost, tags }: SnapshotRecord): Position {
  return { id, step, sequence, cost, tags };
}
