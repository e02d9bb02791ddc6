/** The Records port on SQLite (ports/Records.ts): one table, whose order of ids is SQLite's own, by bytes of UTF-8. */
import { Errors, type Json, type Records } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Committer from "./Committer.js"
import * as Rows from "./Rows.js"
import * as Store from "./Store.js"
import * as Transaction from "./Transaction.js"

export const make = (store: Store.StoreShape): Records.RecordsShape => ({
  ...reads(Store.readerOf(store)),
  put: (collection, id, value) => Effect.asVoid(change(store, PUT, () => [collection, id, JSON.stringify(value)])),
  insert: (collection, id, value) => change(store, INSERT, () => [collection, id, JSON.stringify(value)]),
  remove: (collection, id) => change(store, REMOVE, () => [collection, id])
})

export const onlyRead = (reader: Store.ReaderShape): Records.RecordsShape => ({
  ...reads(reader),
  put: () => Store.refused(reader, "write a record"),
  insert: () => Store.refused(reader, "write a record"),
  remove: () => Store.refused(reader, "remove a record")
})

const INTO = "INSERT INTO records(collection,id,value) VALUES (?,?,?)"
const PUT = `${INTO} ON CONFLICT(collection,id) DO UPDATE SET value=excluded.value`
const INSERT = `${INTO} ON CONFLICT DO NOTHING`
const REMOVE = "DELETE FROM records WHERE collection=? AND id=?"

/** Answers whether a row was changed. A value that is not JSON fails its writer alone. */
const change = (
  { committer }: Store.StoreShape,
  sql: string,
  cells: () => ReadonlyArray<Rows.Cell>
): Effect.Effect<boolean, Errors.LogError> =>
  Effect.suspend(() => {
    const row = cells()
    return Committer.submit(committer, {
      name: "write a record",
      apply: (tx) => Effect.map(Transaction.write(tx, sql, row), ({ changes }) => changes > 0)
    })
  })

const reads = (reader: Store.ReaderShape): Pick<Records.RecordsShape, "get" | "list"> => ({
  get: (collection, id) => Store.reading(reader, "read a record", get(reader, collection, id)),
  list: (collection, page) => Store.reading(reader, "list records", list(reader, collection, page))
})

const get = ({ connection }: Store.ReaderShape, collection: string, id: string) =>
  Effect.map(
    Rows.select(connection, "SELECT value FROM records WHERE collection=? AND id=?", [collection, id]),
    ([row]): Json.Json | undefined => (row === undefined ? undefined : Rows.decodeJson(String(row[0])))
  )

const list = (
  { connection }: Store.ReaderShape,
  collection: string,
  { after, before, descending, limit }: Parameters<Records.RecordsShape["list"]>[1]
) => {
  const conditions = [
    "collection=?",
    ...(after === undefined ? [] : ["id>?"]),
    ...(before === undefined ? [] : ["id<?"])
  ]
  const cells = [collection, ...(after === undefined ? [] : [after]), ...(before === undefined ? [] : [before]), limit]
  const order = descending ?? false ? "DESC" : "ASC"
  const sql = `SELECT id,value FROM records WHERE ${conditions.join(" AND ")} ORDER BY id ${order} LIMIT ?`
  return Effect.map(Rows.select(connection, sql, cells), (rows) =>
    rows.map(([id, value]): Records.Document => ({ id: String(id), value: Rows.decodeJson(String(value)) })))
}
