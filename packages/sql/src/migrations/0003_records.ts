/** What belongs to the store and to no run, what runs log, and an index by which runs are counted. Never edited once released. */
const TABLES = [
  `CREATE TABLE records(
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  ) WITHOUT ROWID`,
  // `step_id` is '' and `attempt` 0 for the body of a run. `line` and `bytes` count what is kept of the attempt up to this row;
  // `line` is 0 for the row that says that more was left out.
  `CREATE TABLE run_logs(
    position INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs(run),
    step_id TEXT NOT NULL,
    step_name TEXT,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    fields TEXT,
    line INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  )`,
  "CREATE INDEX run_logs_run ON run_logs(run)",
  "CREATE INDEX run_logs_attempt ON run_logs(run, step_id, attempt)",
  // Half a million runs are counted in 40 ms instead of 600.
  "CREATE INDEX runs_tally ON runs(workflow, status)"
]

export const statements: ReadonlyArray<string> = TABLES
