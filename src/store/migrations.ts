// The schema, as forward-only numbered steps. A step that has been released is never changed; the next one is added.

/** "RIVU": tells our files from those of other programs. */
export const APPLICATION_ID = 0x52495655;

/** Each step brings the database from its index to the next version; `user_version` counts those applied. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE models (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT NOT NULL UNIQUE,
    active         INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_at_ms  INTEGER NOT NULL,
    last_commit_id INTEGER NOT NULL,
    last_sequence  INTEGER NOT NULL,
    -- The journal is complete for this model from this commit on.
    journal_from   INTEGER NOT NULL DEFAULT 1
  ) STRICT;

  CREATE TABLE journal_commits (
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    rows    INTEGER NOT NULL CHECK (rows >= 0),
    crc32   INTEGER NOT NULL,
    entries BLOB NOT NULL
  ) STRICT;

  CREATE TABLE configs (
    hash TEXT PRIMARY KEY,
    json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE states (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id    INTEGER NOT NULL REFERENCES models (id),
    step        INTEGER NOT NULL CHECK (step >= 0),
    sequence    INTEGER NOT NULL CHECK (sequence >= 0),
    ordinal     INTEGER NOT NULL CHECK (ordinal >= 0),
    commit_from INTEGER NOT NULL,
    commit_id   INTEGER NOT NULL CHECK (commit_id >= commit_from),
    numerics    INTEGER NOT NULL,
    config_hash TEXT NOT NULL REFERENCES configs (hash),
    cost        REAL,
    learner     BLOB NOT NULL,
    monitor     BLOB NOT NULL,
    checksum    TEXT NOT NULL
  ) STRICT;
  CREATE INDEX states_by_model ON states (model_id, id);
  CREATE INDEX states_by_sequence ON states (model_id, sequence);

  CREATE TABLE snapshots (
    id            INTEGER PRIMARY KEY,
    model_id      INTEGER NOT NULL REFERENCES models (id),
    state_id      INTEGER REFERENCES states (id),
    parent_id     INTEGER,
    reason        TEXT NOT NULL,
    step          INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    commit_from   INTEGER NOT NULL,
    commit_id     INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    cost          REAL,
    metrics       TEXT,
    bytes         INTEGER NOT NULL,
    checksum      TEXT NOT NULL
  ) STRICT;
  CREATE INDEX snapshots_by_model ON snapshots (model_id, id);
  CREATE INDEX snapshots_by_state ON snapshots (state_id);

  CREATE TABLE snapshot_tags (
    model_id    INTEGER NOT NULL REFERENCES models (id),
    tag         TEXT NOT NULL,
    snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
    PRIMARY KEY (model_id, tag)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX snapshot_tags_by_snapshot ON snapshot_tags (snapshot_id);

  CREATE TABLE costs (
    model_id   INTEGER NOT NULL REFERENCES models (id),
    tier       INTEGER NOT NULL CHECK (tier >= 0),
    first_step INTEGER NOT NULL CHECK (first_step >= 1),
    records    BLOB NOT NULL,
    PRIMARY KEY (model_id, tier, first_step)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE quarantine (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms  INTEGER NOT NULL,
    model  TEXT,
    topic  TEXT NOT NULL,
    code   TEXT NOT NULL,
    detail TEXT NOT NULL,
    bytes  INTEGER NOT NULL CHECK (bytes >= 0),
    sha256 TEXT NOT NULL,
    head   BLOB NOT NULL CHECK (length(head) <= 4096)
  ) STRICT;

  CREATE TABLE quarantine_counts (
    model TEXT NOT NULL,
    code  TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (model, code)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE requests (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    digest  TEXT NOT NULL,
    outcome TEXT NOT NULL
  ) STRICT;
  `,
  // From here on commits and states may be packed, and columns of decimals: earlier releases must not try to read them.
  `
  ALTER TABLE models DROP COLUMN last_commit_id;
  `,
];
