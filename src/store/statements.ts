// Every statement, prepared once. Names are what they answer; types are those of the columns.

import type Database from "better-sqlite3";

export interface ModelRow {
  readonly id: number;
  readonly name: string;
  readonly active: 0 | 1;
  readonly created_at_ms: number;
  /** Of the newest saved state: to be written with each commit it would cost several pages where models are many. */
  readonly last_sequence: number;
  readonly journal_from: number;
}

export interface CommitRow {
  readonly id: number;
  readonly at_ms: number;
  readonly crc32: number;
  readonly entries: Buffer;
}

export interface StateRow {
  readonly id: number;
  readonly model: string;
  readonly step: number;
  readonly sequence: number;
  readonly ordinal: number;
  readonly commit_from: number;
  readonly commit_id: number;
  readonly numerics: number;
  readonly config_hash: string;
  readonly config: string;
  readonly cost: number | null;
  readonly learner: Buffer;
  readonly monitor: Buffer;
  readonly checksum: string;
}

export interface SnapshotRow {
  readonly id: number;
  readonly model: string;
  readonly state_id: number | null;
  readonly parent_id: number | null;
  readonly reason: string;
  readonly step: number;
  readonly sequence: number;
  readonly commit_from: number;
  readonly created_at_ms: number;
  readonly cost: number | null;
  readonly metrics: string | null;
  readonly bytes: number;
  readonly checksum: string;
  /** Separated by line feeds, which no tag has. */
  readonly tags: string | null;
}

export interface CostRow {
  readonly first_step: number;
  readonly records: Buffer;
}

export interface QuarantineRow {
  readonly id: number;
  readonly at_ms: number;
  readonly model: string | null;
  readonly topic: string;
  readonly code: string;
  readonly detail: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly head: Buffer;
}

interface StateInsert {
  readonly model: number;
  readonly step: number;
  readonly sequence: number;
  readonly ordinal: number;
  readonly commitFrom: number;
  readonly commit: number;
  readonly numerics: number;
  readonly configHash: string;
  readonly cost: number | null;
  readonly learner: Uint8Array;
  readonly monitor: Uint8Array;
  readonly checksum: string;
}

interface SnapshotInsert {
  readonly id: number;
  readonly model: number;
  readonly state: number;
  readonly parent: number | null;
  readonly reason: string;
  readonly step: number;
  readonly sequence: number;
  readonly commitFrom: number;
  readonly commit: number;
  readonly at: number;
  readonly cost: number | null;
  readonly metrics: string | null;
  readonly bytes: number;
  readonly checksum: string;
}

const STATE = `SELECT s.id, m.name AS model, s.step, s.sequence, s.ordinal, s.commit_from, s.commit_id, s.numerics,
  s.config_hash, c.json AS config, s.cost, s.learner, s.monitor, s.checksum
  FROM states s JOIN models m ON m.id = s.model_id JOIN configs c ON c.hash = s.config_hash`;

const SNAPSHOT = `SELECT n.id, m.name AS model, n.state_id, n.parent_id, n.reason, n.step, n.sequence, n.commit_from,
  n.created_at_ms, n.cost, n.metrics, n.bytes, n.checksum,
  (SELECT group_concat(t.tag, char(10)) FROM snapshot_tags t WHERE t.snapshot_id = n.id) AS tags
  FROM snapshots n JOIN models m ON m.id = n.model_id`;

export type Statements = ReturnType<typeof prepareStatements>;

/** Prepares every statement of the store. */
export function prepareStatements(db: Database.Database) {
  const all = <P extends unknown[], R>(sql: string) => db.prepare<P, R>(sql);
  const run = <P extends unknown[]>(sql: string) => db.prepare<P>(sql);
  return {
    begin: run<[]>("BEGIN IMMEDIATE"),
    commit: run<[]>("COMMIT"),
    rollback: run<[]>("ROLLBACK"),

    metaGet: all<[string], { value: string }>("SELECT value FROM meta WHERE key = ?"),
    metaSet: run<[string, string]>(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    ),

    models: all<[], ModelRow>(
      "SELECT id, name, active, created_at_ms, last_sequence, journal_from FROM models ORDER BY id",
    ),
    modelInsert: run<[string, number]>(
      "INSERT INTO models (name, created_at_ms, last_sequence) VALUES (?, ?, 0) ON CONFLICT (name) DO NOTHING",
    ),
    modelAdvance: run<[number, number]>("UPDATE models SET last_sequence = max(last_sequence, ?) WHERE id = ?"),
    modelActive: run<[number, number]>("UPDATE models SET active = ? WHERE id = ?"),
    modelPruned: run<[number, number]>("UPDATE models SET journal_from = max(journal_from, ?) WHERE id = ?"),
    modelDelete: run<[number]>("DELETE FROM models WHERE id = ?"),

    journalInsert: run<[number, number, number, number, Uint8Array]>(
      "INSERT INTO journal_commits (id, at_ms, rows, crc32, entries) VALUES (?, ?, ?, ?, ?)",
    ),
    journalPage: all<[number, number], CommitRow>(
      "SELECT id, at_ms, crc32, entries FROM journal_commits WHERE id >= ? ORDER BY id LIMIT ?",
    ),
    /** All but the newest commit: the next one is numbered after it, and saved states say by number where to go on. */
    journalHeads: all<[number, number, number], { id: number; head: Buffer }>(
      `SELECT id, substr(entries, 1, ?) AS head FROM journal_commits
       WHERE id >= ? AND id < (SELECT max(id) FROM journal_commits) ORDER BY id LIMIT ?`,
    ),
    journalSpan: all<[], { first: number | null; last: number | null }>(
      "SELECT min(id) AS first, max(id) AS last FROM journal_commits",
    ),
    commitNewest: all<[], { at_ms: number }>("SELECT at_ms FROM journal_commits ORDER BY id DESC LIMIT 1"),
    journalTotals: all<[], { commits: number; rows: number | null }>(
      "SELECT count(*) AS commits, sum(rows) AS rows FROM journal_commits",
    ),
    journalReplace: run<[number, number, Uint8Array, number]>(
      "UPDATE journal_commits SET rows = ?, crc32 = ?, entries = ? WHERE id = ?",
    ),
    journalDelete: run<[number]>("DELETE FROM journal_commits WHERE id = ?"),

    configInsert: run<[string, string]>("INSERT INTO configs (hash, json) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING"),

    stateInsert: run<[StateInsert]>(
      `INSERT INTO states (model_id, step, sequence, ordinal, commit_from, commit_id, numerics, config_hash, cost, learner, monitor, checksum)
       VALUES (@model, @step, @sequence, @ordinal, @commitFrom, @commit, @numerics, @configHash, @cost, @learner, @monitor, @checksum)`,
    ),
    stateById: all<[number], StateRow>(`${STATE} WHERE s.id = ?`),
    stateIdsNewestFirst: all<[number, number], { id: number; commit_from: number }>(
      "SELECT id, commit_from FROM states WHERE model_id = ? ORDER BY id DESC LIMIT ?",
    ),
    stateBefore: all<[number, number], { commit_from: number; config: string }>(
      `SELECT s.commit_from, c.json AS config FROM states s JOIN configs c ON c.hash = s.config_hash
       WHERE s.model_id = ? AND s.sequence < ? ORDER BY s.sequence DESC, s.id ASC LIMIT 1`,
    ),
    /** States that no snapshot holds and that are not among the newest of their model. */
    stateOrphans: all<[number, number, number], { id: number }>(
      `SELECT s.id FROM states s WHERE s.model_id = ? AND s.id < ?
       AND NOT EXISTS (SELECT 1 FROM snapshots n WHERE n.state_id = s.id) ORDER BY s.id LIMIT ?`,
    ),
    stateDelete: run<[number]>("DELETE FROM states WHERE id = ?"),

    snapshotInsert: run<[SnapshotInsert]>(
      `INSERT INTO snapshots (id, model_id, state_id, parent_id, reason, step, sequence, commit_from, commit_id, created_at_ms, cost, metrics, bytes, checksum)
       VALUES (@id, @model, @state, @parent, @reason, @step, @sequence, @commitFrom, @commit, @at, @cost, @metrics, @bytes, @checksum)`,
    ),
    snapshotPage: all<[number, number, number], SnapshotRow>(
      `${SNAPSHOT} WHERE n.model_id = ? AND n.id < ? ORDER BY n.id DESC LIMIT ?`,
    ),
    snapshotById: all<[number], SnapshotRow>(`${SNAPSHOT} WHERE n.id = ?`),
    snapshotByTag: all<[number, string], SnapshotRow>(
      `${SNAPSHOT} JOIN snapshot_tags g ON g.snapshot_id = n.id WHERE g.model_id = ? AND g.tag = ?`,
    ),
    snapshotMax: all<[], { id: number | null }>("SELECT max(id) AS id FROM snapshots"),
    snapshotNewest: all<[number], { id: number | null }>("SELECT max(id) AS id FROM snapshots WHERE model_id = ?"),
    /**
     * Snapshots that still hold a state, newest first, whether something keeps them (a tag, or a rollback to replay), and
     * whether the clock was turned back before the next one.
     */
    snapshotHeld: all<[number], { id: number; created_at_ms: number; turned: 0 | 1; tagged: 0 | 1; protected: 0 | 1 }>(
      `SELECT n.id, n.created_at_ms,
         coalesce((SELECT x.created_at_ms FROM snapshots x WHERE x.model_id = n.model_id AND x.id > n.id
                   ORDER BY x.id LIMIT 1) < n.created_at_ms, 0) AS turned,
         EXISTS (SELECT 1 FROM snapshot_tags t WHERE t.snapshot_id = n.id) AS tagged,
         EXISTS (SELECT 1 FROM snapshots r WHERE r.parent_id = n.id AND r.reason = 'rollback'
                 AND r.commit_id >= coalesce((SELECT min(id) FROM journal_commits), 0)) AS protected
       FROM snapshots n WHERE n.model_id = ? AND n.state_id IS NOT NULL ORDER BY n.id DESC`,
    ),
    snapshotThin: run<[number]>("UPDATE snapshots SET state_id = NULL WHERE id = ?"),

    tagSet: run<[{ snapshot: number; tag: string }]>(
      `INSERT INTO snapshot_tags (model_id, tag, snapshot_id) SELECT model_id, @tag, id FROM snapshots WHERE id = @snapshot
       ON CONFLICT (model_id, tag) DO UPDATE SET snapshot_id = excluded.snapshot_id`,
    ),

    costPut: run<[number, number, number, Uint8Array]>(
      `INSERT INTO costs (model_id, tier, first_step, records) VALUES (?, ?, ?, ?)
       ON CONFLICT (model_id, tier, first_step) DO UPDATE SET records = excluded.records`,
    ),
    costRange: all<[number, number, number, number], CostRow>(
      "SELECT first_step, records FROM costs WHERE model_id = ? AND tier = ? AND first_step >= ? AND first_step <= ? ORDER BY first_step",
    ),
    costLast: all<[number, number], CostRow>(
      "SELECT first_step, records FROM costs WHERE model_id = ? AND tier = ? ORDER BY first_step DESC LIMIT 1",
    ),
    costFirst: all<[number, number], { first_step: number | null }>(
      "SELECT min(first_step) AS first_step FROM costs WHERE model_id = ? AND tier = ?",
    ),
    /** Never the newest chunk: it tells which steps the roll-ups have already. */
    costPrune: run<[{ model: number; before: number; limit: number }]>(
      `DELETE FROM costs WHERE model_id = @model AND tier = 0 AND first_step IN
       (SELECT first_step FROM costs WHERE model_id = @model AND tier = 0 AND first_step < @before
        AND first_step < (SELECT max(first_step) FROM costs WHERE model_id = @model AND tier = 0)
        ORDER BY first_step LIMIT @limit)`,
    ),

    quarantineInsert: run<[number, string | null, string, string, string, number, string, Uint8Array]>(
      "INSERT INTO quarantine (at_ms, model, topic, code, detail, bytes, sha256, head) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    quarantineCount: run<[string, string, number]>(
      `INSERT INTO quarantine_counts (model, code, count) VALUES (?, ?, ?)
       ON CONFLICT (model, code) DO UPDATE SET count = count + excluded.count`,
    ),
    quarantinePage: all<[number, number], QuarantineRow>(
      "SELECT id, at_ms, model, topic, code, detail, bytes, sha256, head FROM quarantine WHERE id < ? ORDER BY id DESC LIMIT ?",
    ),
    quarantineCounts: all<[], { model: string; code: string; count: number }>(
      "SELECT model, code, count FROM quarantine_counts ORDER BY model, code",
    ),
    quarantinePrune: run<[number, number]>(
      `DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine
       WHERE id <= (SELECT max(id) FROM quarantine) - ? ORDER BY id LIMIT ?)`,
    ),

    requestInsert: run<[string, string, string]>("INSERT INTO requests (name, digest, outcome) VALUES (?, ?, ?)"),
    requestByName: all<[string], { name: string; digest: string; outcome: string }>(
      "SELECT name, digest, outcome FROM requests WHERE name = ?",
    ),
    requestPrune: run<[number]>("DELETE FROM requests WHERE id <= (SELECT max(id) FROM requests) - ?"),

    deleteTags: run<[number]>("DELETE FROM snapshot_tags WHERE model_id = ?"),
    deleteSnapshots: run<[number]>("DELETE FROM snapshots WHERE model_id = ?"),
    deleteStates: run<[number]>("DELETE FROM states WHERE model_id = ?"),
    deleteCosts: run<[number]>("DELETE FROM costs WHERE model_id = ?"),
    deleteQuarantine: run<[string]>("DELETE FROM quarantine WHERE model = ?"),
    deleteQuarantineCounts: run<[string]>("DELETE FROM quarantine_counts WHERE model = ?"),
    deleteConfigs: run<[]>("DELETE FROM configs WHERE hash NOT IN (SELECT config_hash FROM states)"),
  };
}
