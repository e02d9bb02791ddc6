/** The first schema. Statements of a released migration are never edited; a change is a new migration. */
const TABLES = [
  // One row. `epoch` fences: it rises each time the store is opened. `retaining` is 1 only while retention deletes.
  // `flushed` is 1 while each commit is flushed to the disk.
  `CREATE TABLE store(
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    retaining INTEGER NOT NULL,
    flushed INTEGER NOT NULL
  )`,
  `INSERT INTO store(one, epoch, retaining, flushed) VALUES (1, 0, 0, 1)`,
  // `run` stands for the run everywhere else: an integer makes scattered appends four times faster than the text id.
  // `sum` covers the columns that never change; the others are a projection of the history (Maintenance.rebuild).
  `CREATE TABLE runs(
    run INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    version TEXT NOT NULL,
    key TEXT,
    created_at INTEGER NOT NULL,
    start_at INTEGER,
    sum INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER,
    closed_at INTEGER,
    wake_at INTEGER,
    busy INTEGER NOT NULL,
    blocked TEXT
  )`,
  `CREATE UNIQUE INDEX runs_open_key ON runs(workflow, key) WHERE key IS NOT NULL AND closed_at IS NULL`,
  `CREATE INDEX runs_key ON runs(key) WHERE key IS NOT NULL`,
  `CREATE INDEX runs_workflow ON runs(workflow)`,
  `CREATE INDEX runs_status ON runs(status)`,
  `CREATE INDEX runs_due ON runs(wake_at) WHERE wake_at IS NOT NULL`,
  `CREATE INDEX runs_busy ON runs(run) WHERE busy = 1`,
  `CREATE INDEX runs_blocked ON runs(run) WHERE blocked IS NOT NULL`,
  `CREATE INDEX runs_closed ON runs(closed_at) WHERE closed_at IS NOT NULL`,
  // The log. `pos` is the position among the events of all runs, `seq` among those of its run; `sum` chains the latter.
  `CREATE TABLE events(
    pos INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL,
    sum INTEGER NOT NULL,
    UNIQUE (run, seq)
  )`,
  // A delivered message keeps its row, without its payload, so that a second one with its id is still recognised.
  `CREATE TABLE inbox(
    position INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs(run),
    message_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    data TEXT,
    sent_at INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    error TEXT,
    sum INTEGER NOT NULL,
    UNIQUE (run, message_id)
  )`,
  `CREATE INDEX inbox_waiting ON inbox(run, tag) WHERE delivered = 0`,
  `CREATE INDEX inbox_refused ON inbox(run) WHERE error IS NOT NULL`,
  `CREATE TABLE progress(
    run INTEGER NOT NULL REFERENCES runs(run),
    id TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (run, id)
  ) WITHOUT ROWID`,
  `CREATE TABLE polls(
    run INTEGER NOT NULL REFERENCES runs(run),
    id TEXT NOT NULL,
    count INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    PRIMARY KEY (run, id)
  ) WITHOUT ROWID`,
  // The database itself keeps the log append-only, also against a hand at the sqlite3 prompt.
  `CREATE TRIGGER events_keep BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END`,
  `CREATE TRIGGER events_retain BEFORE DELETE ON events WHEN (SELECT retaining FROM store) = 0
    BEGIN SELECT RAISE(ABORT, 'events are deleted by retention only'); END`
]

export const statements: ReadonlyArray<string> = TABLES
