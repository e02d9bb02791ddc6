/** Brings a store to the current schema: forward only, in one transaction, and never a store newer than this code. */
import { fromRecord, make } from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import Database from "better-sqlite3"
import { Effect, Record } from "effect"
import { StoreDamaged, StoreNewer, StoreOlder, StoreUnavailable } from "./Errors.js"
import * as Init from "./migrations/0001_init.js"
import * as Lifecycles from "./migrations/0002_lifecycles.js"
import * as Records from "./migrations/0003_records.js"

const TABLE = "migrations"

const runAll = (statements: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient
    for (const statement of statements) yield* sql.unsafe(statement)
  })

const statements = {
  "0001_init": Init.statements,
  "0002_lifecycles": Lifecycles.statements,
  "0003_records": Records.statements
}

const migrations = Record.map(statements, runAll)

/** The newest schema that this code knows. */
export const known = Object.keys(statements).length

/** The schema of the store; 0 for an empty file. */
const found = Effect.gen(function*() {
  const sql = yield* SqlClient
  const tables = yield* sql`SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ${TABLE}`
  if (tables.length === 0) return 0
  const rows = yield* sql<{ latest: number | null }>`SELECT max(migration_id) AS latest FROM ${sql(TABLE)}`
  return rows[0]?.latest ?? 0
})

/** A process that is killed while it makes a store may leave the migrator's empty table and nothing else. */
const isForeign = Effect.gen(function*() {
  const sql = yield* SqlClient
  return (yield* sql`SELECT name FROM sqlite_schema WHERE tbl_name <> ${TABLE} LIMIT 1`).length > 0
})

export const migrate = (filename: string) =>
  Effect.gen(function*() {
    const before = yield* found
    if (before > known) return yield* new StoreNewer({ filename, found: before, known })
    if (before === 0 && (yield* isForeign)) {
      return yield* new StoreDamaged({ filename, detail: "it is a database of another program" })
    }
    yield* make({})({ loader: fromRecord(migrations), table: TABLE })
    // The migrator takes whatever keeps it from writing for another migrator at work, and leaves the schema as it was.
    const after = yield* found
    if (after !== known) {
      return yield* new StoreUnavailable({ filename, detail: `its schema ${after} could not be brought to ${known}` })
    }
    const changed = yield* changedObject
    if (changed === undefined) return
    return yield* new StoreDamaged({ filename, detail: `its schema was changed: ${changed} is not what the migrations make` })
  })

/** Each object by what it is, in one text. */
const OBJECTS = `SELECT name,type||' '||name||' on '||tbl_name||': '||sql AS text FROM sqlite_schema
  WHERE sql IS NOT NULL AND name<>'${TABLE}'`

interface SchemaObject {
  readonly name: string
  readonly text: string
}

/**
 * SQLite takes a table to be what its text says: with a byte of that changed it may find other columns, or no rows, and with
 * one of a trigger changed the log is no longer append-only. Neither is damage to its own check of the pages.
 */
const changedObject = Effect.gen(function*() {
  const sql = yield* SqlClient
  const found = new Set((yield* sql.unsafe<SchemaObject>(OBJECTS)).map(({ text }) => text))
  return made().find(({ text }) => !found.has(text))?.name
})

let objects: ReadonlyArray<SchemaObject> | undefined

/** What the migrations make, tried once in memory. */
const made = (): ReadonlyArray<SchemaObject> => {
  if (objects !== undefined) return objects
  const database = new Database(":memory:")
  try {
    for (const statement of Object.values(statements).flat()) database.exec(statement)
    return objects = database.prepare<[], SchemaObject>(OBJECTS).all()
  } finally {
    database.close()
  }
}

/** Whether a store has the current schema, for who may not change it. */
export const check = (filename: string) =>
  Effect.gen(function*() {
    const schema = yield* found
    if (schema > known) return yield* new StoreNewer({ filename, found: schema, known })
    if (schema === known) return
    if (schema > 0) return yield* new StoreOlder({ filename, found: schema, known })
    const detail = (yield* isForeign) ? "it is a database of another program" : "it is empty"
    return yield* new StoreDamaged({ filename, detail })
  })
