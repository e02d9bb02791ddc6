/** Parents, forks, generations, pauses, and who awaits whom. Statements of a released migration are never edited. */
const TABLES = [
  // Part of who a run is, and never changed. `sum` covers them when one is set, so that older rows keep their sums.
  "ALTER TABLE runs ADD COLUMN parent_run_id TEXT",
  "ALTER TABLE runs ADD COLUMN parent_id TEXT",
  "ALTER TABLE runs ADD COLUMN forked_run_id TEXT",
  "ALTER TABLE runs ADD COLUMN forked_seq INTEGER",
  // Projections of the history. `current_version` is the version whose code runs; NULL while that is `version`.
  "ALTER TABLE runs ADD COLUMN generation_seq INTEGER NOT NULL DEFAULT 1",
  "ALTER TABLE runs ADD COLUMN paused INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE runs ADD COLUMN current_version TEXT",
  "CREATE INDEX runs_parent ON runs(parent_run_id) WHERE parent_run_id IS NOT NULL",
  "CREATE INDEX runs_paused ON runs(run) WHERE paused = 1",
  // `watcher` awaits `run` by its command `id`; both are open. `parent_close` is set when `run` is its child.
  `CREATE TABLE links(
    link INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs(run),
    watcher INTEGER NOT NULL REFERENCES runs(run),
    id TEXT NOT NULL,
    parent_close TEXT,
    UNIQUE (watcher, id)
  )`,
  "CREATE INDEX links_run ON links(run)"
]

export const statements: ReadonlyArray<string> = TABLES
