/**
 * The driver alone on the store's own tables, with the store's own settings: nothing that keeps each event in SQLite
 * can be faster. Rows go to runs as the engine spreads them: one run at a time, or 500 side by side, two events of
 * each.
 */
import Database from "better-sqlite3"
import { join } from "node:path"
import { statements } from "../../packages/sql/src/migrations/0001_init.js"

export interface Raw {
  readonly database: Database.Database
  readonly insert: Database.Statement
  run: number
}

export const open = (folder: string): Raw => {
  const database = new Database(join(folder, "raw.db"))
  database.pragma("journal_mode=WAL")
  database.pragma("synchronous=FULL")
  database.pragma("wal_autocheckpoint=16000")
  database.pragma("cache_size=-65536")
  if (database.pragma("synchronous", { simple: true }) !== 2) throw new Error("synchronous is not FULL")
  for (const statement of statements) database.exec(statement)
  const insert = database.prepare("INSERT INTO events(run,seq,type,at,data,sum) VALUES (?,?,?,?,?,?)")
  return { database, insert, run: 0 }
}

const put = (raw: Raw, run: number, seq: number): void => {
  const data = seq % 2 === 0 ? `{"id":"0#${seq}","name":"step"}` : `{"id":"0#${seq}","attempt":1,"output":${seq}}`
  raw.insert.run(run, seq, seq % 2 === 0 ? "StepScheduled" : "StepCompleted", 1_700_000_000_000, data, 0x80000000 + seq)
}

/** Milliseconds of each of `count` commits of one row, all of one run. */
export const singles = (raw: Raw, count: number): ReadonlyArray<number> => {
  raw.run += 1
  return Array.from({ length: count }, (_, i) => {
    const before = performance.now()
    put(raw, raw.run, i + 1)
    return performance.now() - before
  })
}

/** As many events as a run of five steps has. */
const RUN_EVENTS = 12
const SIDE_BY_SIDE = 500
export const BATCH_ROWS = 2 * SIDE_BY_SIDE

/** Milliseconds of `count` transactions of 1,000 rows. */
export const batches = (raw: Raw, count: number): number => {
  const one = raw.database.transaction((first: number, seq: number) => {
    for (let run = first; run < first + SIDE_BY_SIDE; run++) {
      put(raw, run, seq)
      put(raw, run, seq + 1)
    }
  })
  const before = performance.now()
  for (let i = 0; i < count; i++) {
    const seq = (i * 2) % RUN_EVENTS
    if (seq === 0) raw.run += SIDE_BY_SIDE
    one(raw.run, seq + 1)
  }
  return performance.now() - before
}

export const countRows = (raw: Raw): number =>
  Number(raw.database.prepare("SELECT count(*) FROM events").pluck().get())

export const sum = (samples: ReadonlyArray<number>): number => samples.reduce((a, b) => a + b, 0)
