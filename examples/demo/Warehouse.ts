/**
 * Where the movies go: an ordinary SQLite database of its own, which knows nothing of Reprise. Each batch
 * is written in one transaction with its key. A step whose process died may run twice; its batch is written
 * once all the same.
 */
import { Step } from "@reprise/core"
import Database from "better-sqlite3"
import { Context, Effect, Layer } from "effect"
import type { BadRow, Movie } from "./Movie.js"

/** Whether the rows were written now, or by an earlier attempt with the same key. */
export type Loaded = "written" | "already there"

export interface Totals {
  readonly movies: number
  readonly quarantined: number
  readonly reasons: ReadonlyArray<Reason>
  readonly genres: ReadonlyArray<Genre>
  readonly bargains: ReadonlyArray<Bargain>
}

interface Reason {
  readonly field: string
  readonly problem: string
  readonly rows: number
}
interface Genre {
  readonly genre: string
  readonly movies: number
  readonly grossMillions: number
}
interface Bargain {
  readonly title: string
  readonly year: number
  readonly times: number
}

export class Warehouse extends Context.Tag("demo/Warehouse")<Warehouse, {
  readonly load: (key: string, movies: ReadonlyArray<Movie>) => Effect.Effect<Loaded>
  readonly quarantine: (key: string, rows: ReadonlyArray<BadRow>) => Effect.Effect<Loaded>
  readonly totals: Effect.Effect<Totals>
}>() {}

/** The key of the attempt is the key of the batch: stable over all attempts of one step of one run. */
export const load = (movies: ReadonlyArray<Movie>) =>
  Effect.flatMap(Effect.all([Warehouse, Step.attempt]), ([{ load }, { idempotencyKey }]) =>
    load(idempotencyKey, movies))
export const quarantine = (rows: ReadonlyArray<BadRow>) =>
  Effect.flatMap(Effect.all([Warehouse, Step.attempt]), ([{ quarantine }, { idempotencyKey }]) =>
    quarantine(idempotencyKey, rows))
export const totals = Effect.flatMap(Warehouse, ({ totals }) => totals)

// Only the keys keep a row from being loaded twice: `movies` has no unique column, so a second copy would show.
const TABLES = `
  CREATE TABLE IF NOT EXISTS batches (key TEXT PRIMARY KEY, row_count INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS movies
    (row INTEGER, title TEXT, released TEXT, genre TEXT, budget INTEGER, gross INTEGER, rating REAL);
  CREATE TABLE IF NOT EXISTS quarantine (row INTEGER, title TEXT, field TEXT, problem TEXT);
`

export interface Options {
  readonly filename: string
  /** Runs after each batch of movies that this process has committed; `count` counts them. */
  readonly afterLoad: (count: number) => Effect.Effect<void>
}

export const layer = (options: Options): Layer.Layer<Warehouse> =>
  Layer.scoped(
    Warehouse,
    Effect.gen(function*() {
      const db = yield* Effect.acquireRelease(
        Effect.sync(() => open(options.filename)),
        (db) => Effect.sync(() => db.close())
      )
      let count = 0
      return {
        load: (key, movies) =>
          Effect.tap(Effect.sync(() => writeMovies(db, key, movies)), () => options.afterLoad(++count)),
        quarantine: (key, rows) => Effect.sync(() => writeBadRows(db, key, rows)),
        totals: Effect.sync(() => totalsOf(db))
      }
    })
  )

const open = (filename: string): Database.Database => {
  const db = new Database(filename)
  db.pragma("journal_mode=WAL")
  db.exec(TABLES)
  return db
}

/** Writes the key and the rows in one transaction, unless the key is there. */
const once = (db: Database.Database, key: string, rowCount: number, write: () => void): Loaded =>
  db.transaction((): Loaded => {
    const { changes } = db.prepare("INSERT OR IGNORE INTO batches VALUES (?, ?)").run(key, rowCount)
    if (changes === 0) return "already there"
    write()
    return "written"
  })()

const writeMovies = (db: Database.Database, key: string, movies: ReadonlyArray<Movie>): Loaded =>
  once(db, key, movies.length, () => {
    const insert = db.prepare("INSERT INTO movies VALUES (?, ?, ?, ?, ?, ?, ?)")
    for (const { budget, genre, gross, rating, released, row, title } of movies) {
      insert.run(row, title, released.toISOString().slice(0, 10), genre, budget, gross, rating)
    }
  })

const writeBadRows = (db: Database.Database, key: string, rows: ReadonlyArray<BadRow>): Loaded =>
  once(db, key, rows.length, () => {
    const insert = db.prepare("INSERT INTO quarantine VALUES (?, ?, ?, ?)")
    for (const { problems, row, title } of rows) {
      for (const { field, problem } of problems) insert.run(row, title, field, problem)
    }
  })

export interface Counts {
  readonly movies: number
  readonly distinctMovies: number
  readonly quarantined: number
}

/** Counts afresh in the file, for those who do not believe what the run says. */
export const recount = (filename: string): Counts => {
  const db = new Database(filename, { readonly: true })
  const counts = {
    movies: count(db, "SELECT COUNT(*) AS count FROM movies"),
    distinctMovies: count(db, "SELECT COUNT(DISTINCT row) AS count FROM movies"),
    quarantined: count(db, "SELECT COUNT(DISTINCT row) AS count FROM quarantine")
  }
  db.close()
  return counts
}

const totalsOf = (db: Database.Database): Totals => ({
  movies: count(db, "SELECT COUNT(*) AS count FROM movies"),
  quarantined: count(db, "SELECT COUNT(DISTINCT row) AS count FROM quarantine"),
  reasons: db.prepare<[], Reason>(`
    SELECT field, problem, COUNT(*) AS rows
    FROM quarantine GROUP BY field, problem ORDER BY rows DESC, field`).all(),
  genres: db.prepare<[], Genre>(`
    SELECT genre, COUNT(*) AS movies, SUM(gross) / 1000000 AS grossMillions
    FROM movies WHERE genre IS NOT NULL GROUP BY genre ORDER BY grossMillions DESC LIMIT 3`).all(),
  bargains: db.prepare<[], Bargain>(`
    SELECT title, CAST(substr(released, 1, 4) AS INTEGER) AS year, gross / budget AS times
    FROM movies WHERE budget >= 1000000 ORDER BY 1.0 * gross / budget DESC LIMIT 3`).all()
})

const count = (db: Database.Database, sql: string): number =>
  db.prepare<[], { count: number }>(sql).get()?.count ?? 0
