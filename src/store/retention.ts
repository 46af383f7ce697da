// Thins out, in small bites: a stream must never wait for a large delete. What recovery needs is untouchable: the newest
// good states of each model, the journal after them, and the states that rollbacks in the journal went back to.

import { statSync } from "node:fs";
import type Database from "better-sqlite3";
import { RivuletError } from "../error.ts";
import { CHUNK_STEPS } from "./costs.ts";
import { readDirectoryHead } from "./journal-codec.ts";
import { BUSY_MS } from "./pragmas.ts";
import { stateOf } from "./records.ts";
import type { ModelRow, Statements } from "./statements.ts";

export interface RetentionPolicy {
  /** Snapshots to keep: the newest, then the newest of each hour, then of each day. */
  readonly keep: { readonly last: number; readonly hourly: number; readonly daily: number };
  readonly keepRows: number;
  readonly keepSteps: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Good states of each model that are kept whatever the policy says. */
const RECOVERY_STATES = 3;
const QUARANTINE_KEPT = 10_000;
const WAL_BYTES_MAX = 16_000_000;
/** What one bite takes at most, and how many models it looks at. */
const MODELS_PER_BITE = 8;
const STATES_PER_BITE = 16;
const COMMITS_PER_BITE = 64;
const CHUNKS_PER_BITE = 8;
const REFUSALS_PER_BITE = 200;
/** A directory of the most models that there can be. */
const HEAD_BYTES = 8 + 1000 * 36;

/** Says from where on a model is untouchable. */
interface Floor {
  /** The oldest of the states that recovery may need. */
  readonly state: number;
  readonly commit: number;
}

/** Knows what may go, and takes a bite of it. */
export class Retention {
  readonly #db: Database.Database;
  readonly #statements: Statements;
  readonly #path: string;
  /** States whose checksum was found good: it is computed once. */
  readonly #good = new Set<number>();
  /** The commit where the next look at the journal begins. */
  #cursor = 0;
  /** Where nothing of a model's snapshots was left to thin out: its newest one, and the policy. */
  readonly #thinned = new Map<number, string>();
  /** Models that were looked at since the last whole round. */
  #looked = 0;

  constructor(db: Database.Database, statements: Statements, path: string) {
    this.#db = db;
    this.#statements = statements;
    this.#path = path;
  }

  /** Looks at all snapshots again: another one of a model may have a tag, and the one that had it none. */
  lookAgain(): void {
    this.#thinned.clear();
  }

  /** Takes the first bite that there is, of some models or of the journal; returns whether there may be more. */
  bite(
    models: readonly ModelRow[],
    policies: ReadonlyMap<string, RetentionPolicy>,
    bytesMax: number,
    lastStepOf: (model: number) => number,
  ): boolean {
    const kept = models.filter(({ name }) => policies.has(name));
    return (
      this.#db.transaction(() => {
        const from = this.#looked < kept.length ? this.#looked : 0;
        for (const [m, model] of kept.slice(from, from + MODELS_PER_BITE).entries()) {
          this.#looked = from + m;
          const policy = policies.get(model.name);
          if (policy === undefined) continue;
          if (this.#thinSnapshots(model, policy)) return true;
          if (this.#dropStates(model)) return true;
          const before = lastStepOf(model.id) - policy.keepSteps - CHUNK_STEPS + 2;
          const bite = { model: model.id, before, limit: CHUNKS_PER_BITE };
          if (this.#statements.costPrune.run(bite).changes > 0) return true;
        }
        this.#looked = from + MODELS_PER_BITE;
        if (this.#looked < kept.length) return true;
        if (this.#pruneJournal(models, policies, bytesMax)) return true;
        return this.#statements.quarantinePrune.run(QUARANTINE_KEPT, REFUSALS_PER_BITE).changes > 0;
      })() || this.#truncateLog()
    );
  }

  #thinSnapshots(model: ModelRow, { keep }: RetentionPolicy): boolean {
    // What is to be thinned out changes with the newest snapshot; to look at hundreds of them each time would take long.
    const standing = JSON.stringify([this.#statements.snapshotNewest.get(model.id)?.id, keep]);
    if (this.#thinned.get(model.id) === standing) return false;
    const hours = new Stretches(HOUR_MS);
    const days = new Stretches(DAY_MS);
    let thinned = 0;
    for (const [age, snapshot] of this.#statements.snapshotHeld.all(model.id).entries()) {
      const { created_at_ms: at, turned } = snapshot;
      if (age < keep.last) continue;
      const hourly = hours.count < keep.hourly && hours.begins(at, turned === 1);
      const daily = !hourly && hours.count >= keep.hourly && days.count < keep.daily && days.begins(at, turned === 1);
      if (hourly || daily || snapshot.tagged === 1 || snapshot.protected === 1) continue;
      this.#statements.snapshotThin.run(snapshot.id);
      if (++thinned >= STATES_PER_BITE) break;
    }
    if (thinned === 0) this.#thinned.set(model.id, standing);
    return thinned > 0;
  }

  #dropStates(model: ModelRow): boolean {
    const floor = this.#floor(model.id);
    if (floor === null) return false;
    const orphans = this.#statements.stateOrphans.all(model.id, floor.state, STATES_PER_BITE);
    for (const { id } of orphans) {
      this.#statements.stateDelete.run(id);
      this.#good.delete(id);
    }
    return orphans.length > 0;
  }

  /** Deletes the oldest commits that nobody needs. One that another model still needs is passed over. */
  #pruneJournal(
    models: readonly ModelRow[],
    policies: ReadonlyMap<string, RetentionPolicy>,
    bytesMax: number,
  ): boolean {
    const pressed = this.#bytesInUse() > bytesMax;
    const floors = new Map(models.map((model) => [model.id, this.#floor(model.id)]));
    const byId = new Map(models.map((model) => [model.id, model]));
    const heads = this.#statements.journalHeads.all(HEAD_BYTES, this.#cursor, COMMITS_PER_BITE);
    let deleted = 0;
    const journalFrom = new Map<number, number>();
    const prune = () => {
      for (const [model, commit] of journalFrom) this.#statements.modelPruned.run(commit, model);
      return deleted > 0;
    };
    for (const { id, head } of heads) {
      const directory = directoryOf(head, id);
      if (directory === null && id >= Math.min(...[...floors.values()].map((floor) => floor?.commit ?? 0))) {
        this.#cursor = 0;
        return prune();
      }
      // Whose rows a damaged one holds is not known; where it is behind what any model needs, it may go.
      const verdicts = (directory ?? []).map((section) => {
        const model = byId.get(section.model);
        if (model === undefined) return "free";
        if (id >= (floors.get(model.id)?.commit ?? 0)) return model.active === 1 ? "stop" : "keep";
        const keepRows = pressed ? 0 : (policies.get(model.name)?.keepRows ?? 0);
        const newer = model.last_sequence - (section.firstSequence + section.rows - 1);
        return newer >= keepRows ? "free" : "stop";
      });
      // Whatever follows is newer still for that model.
      if (verdicts.includes("stop")) {
        this.#cursor = 0;
        return prune();
      }
      this.#cursor = id + 1;
      if (verdicts.includes("keep")) continue;
      this.#statements.journalDelete.run(id);
      const concerned = directory?.map((section) => section.model) ?? models.map((model) => model.id);
      for (const model of concerned) journalFrom.set(model, id + 1);
      deleted++;
    }
    if (heads.length < COMMITS_PER_BITE) this.#cursor = 0;
    return prune() || heads.length === COMMITS_PER_BITE;
  }

  /** Finds what recovery needs of a model: its newest good states. Null where it has none. */
  #floor(model: number): Floor | null {
    let found = 0;
    let state = 0;
    let commit = Number.POSITIVE_INFINITY;
    for (const { id, commit_from } of this.#statements.stateIdsNewestFirst.all(model, 4 * RECOVERY_STATES)) {
      if (!this.#isGood(id)) continue;
      state = id;
      commit = Math.min(commit, commit_from);
      if (++found === RECOVERY_STATES) return { state, commit };
    }
    // Fewer than wanted: nothing of the model may go.
    return found === 0 ? null : { state: 0, commit: 0 };
  }

  #isGood(id: number): boolean {
    if (this.#good.has(id)) return true;
    const row = this.#statements.stateById.get(id);
    if (row === undefined || !isGood(row)) return false;
    this.#good.add(id);
    return true;
  }

  #bytesInUse(): number {
    const number = (name: string) => Number(this.#db.pragma(name, { simple: true }));
    return (number("page_count") - number("freelist_count")) * number("page_size");
  }

  #truncateLog(): boolean {
    const bytes = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes <= WAL_BYTES_MAX) return false;
    // A backup reads for as long as it takes: commits must not wait with this for its end.
    this.#db.pragma("busy_timeout = 0");
    try {
      this.#db.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      this.#db.pragma(`busy_timeout = ${BUSY_MS}`);
    }
    return false;
  }
}

/**
 * Counts hours or days from the newest on, in the order in which things were, and not by their times alone: a machine
 * without a clock lives the same hour again at each start.
 */
class Stretches {
  count = 0;
  readonly #ms: number;
  #last = Number.NaN;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Tells whether another stretch begins, which is so as well where the clock was `turned` back after `at`. */
  begins(at: number, turned: boolean): boolean {
    const stretch = Math.floor(at / this.#ms);
    if (stretch === this.#last && !turned) return false;
    this.#last = stretch;
    this.count++;
    return true;
  }
}

function isGood(row: Parameters<typeof stateOf>[0]): boolean {
  try {
    stateOf(row);
    return true;
  } catch (error) {
    if (error instanceof RivuletError) return false;
    throw error;
  }
}

/** Reads the directory out of the first bytes of a commit: the sections themselves are not there. Null where it is damaged. */
function directoryOf(head: Buffer, id: number) {
  try {
    return readDirectoryHead(head, `commit ${id} of the journal`);
  } catch (error) {
    if (error instanceof RivuletError) return null;
    throw error;
  }
}
