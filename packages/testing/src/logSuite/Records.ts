/** The Records port: documents in collections (D1–D3). */
import { Records } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Case from "./Case.js"

const ids = (records: Records.RecordsShape, page: Partial<Parameters<Records.RecordsShape["list"]>[1]>, collection = "keys") =>
  Effect.map(records.list(collection, { limit: 100, ...page }), (found) => found.map(({ id }) => id))

const stores = Case.onPort(Records.Records, "a document is what was written last, until it is removed", (records) =>
  Effect.gen(function*() {
    const value = { name: "ü💶", roles: ["admin", null, 1.5, true], deep: { "a\"b": {} } }
    Case.equal(yield* records.get("keys", "a"), undefined)
    yield* records.put("keys", "a", value)
    Case.equal<unknown>(yield* records.get("keys", "a"), value)
    yield* records.put("keys", "a", null)
    Case.equal(yield* records.get("keys", "a"), null)
    Case.equal(yield* records.get("users", "a"), undefined)
    Case.equal(yield* records.remove("keys", "a"), true)
    Case.equal(yield* records.remove("keys", "a"), false)
    Case.equal(yield* records.get("keys", "a"), undefined)
    Case.equal(yield* ids(records, {}), [])
  }))

const inserts = Case.onPort(Records.Records, "D2: one of many inserts of the same id succeeds, and its document stays", (records) =>
  Effect.gen(function*() {
    const answers = yield* Effect.forEach(Array.from({ length: 50 }, (_, n) => n), (n) => records.insert("keys", "a", n), {
      concurrency: "unbounded"
    })
    Case.equal(answers.filter((answer) => answer), [true])
    Case.equal(yield* records.get("keys", "a"), answers.indexOf(true))
    Case.equal(yield* records.insert("users", "a", "another"), true)
    yield* records.remove("keys", "a")
    Case.equal(yield* records.insert("keys", "a", "again"), true)
  }))

const ordered = Case.onPort(Records.Records, "D3: a list is in the order of ids, by code points, up and down", (records) =>
  Effect.gen(function*() {
    const sorted = ["", "\n", "A", "B", "a", "a ", "aa", "z", "é", "\uffee", "💶"]
    for (const id of sorted.toReversed()) yield* records.put("keys", id, id)
    yield* records.put("key", "other", 1)
    Case.equal(yield* ids(records, {}), sorted)
    Case.equal(yield* ids(records, { descending: true }), sorted.toReversed())
    Case.equal(yield* ids(records, { after: "a" }), sorted.slice(5))
    Case.equal(yield* ids(records, { before: "a", descending: true }), sorted.slice(0, 4).toReversed())
    Case.equal(yield* ids(records, { after: "A", before: "aa", limit: 2 }), ["B", "a"])
    Case.equal(yield* ids(records, { after: "A", before: "aa", limit: 2, descending: true }), ["a ", "a"])
    Case.equal(yield* ids(records, { after: "a!" }), sorted.slice(6))
    Case.equal(yield* ids(records, { limit: 0 }), [])
    const [, second] = yield* records.list("keys", { limit: 2 })
    Case.equal<unknown>(second, { id: "\n", value: "\n" })
  }))

const stays = Case.restartedPort(
  Records.Records,
  "D1: documents are there after a restart",
  (records) => Effect.zipRight(records.put("keys", "a", [1]), records.insert("keys", "b", "two")),
  (records) =>
    Effect.gen(function*() {
      Case.equal<unknown>(yield* records.list("keys", { limit: 9 }), [{ id: "a", value: [1] }, { id: "b", value: "two" }])
      Case.equal(yield* records.insert("keys", "b", 3), false)
    })
)

export const cases: ReadonlyArray<Case.Case> = [stores, inserts, ordered, stays]
