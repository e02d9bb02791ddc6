/** The Records port in memory: the same contract as on SQLite (ports/Records.ts), and the same order of ids. */
import type { Json, Records } from "@reprise/core/engine"
import { Effect } from "effect"

/** Documents as JSON, by collection and id. */
export type Collections = Map<string, Map<string, string>>

export const make = (collections: Collections): Records.RecordsShape => ({
  get: (collection, id) =>
    Effect.sync(() => {
      const text = collections.get(collection)?.get(id)
      return text === undefined ? undefined : parse(text)
    }),
  put: (collection, id, value) => Effect.sync(() => void of(collections, collection).set(id, JSON.stringify(value))),
  insert: (collection, id, value) =>
    Effect.sync(() => {
      const documents = of(collections, collection)
      if (documents.has(id)) return false
      documents.set(id, JSON.stringify(value))
      return true
    }),
  remove: (collection, id) => Effect.sync(() => of(collections, collection).delete(id)),
  list: (collection, page) => Effect.sync(() => list(of(collections, collection), page))
})

const parse = (text: string): Json.Json => JSON.parse(text)

const of = (collections: Collections, name: string): Map<string, string> => {
  const found = collections.get(name)
  if (found !== undefined) return found
  const made = new Map<string, string>()
  collections.set(name, made)
  return made
}

type Page = Parameters<Records.RecordsShape["list"]>[1]

const list = (documents: ReadonlyMap<string, string>, { after, before, descending, limit }: Page): ReadonlyArray<Records.Document> => {
  const ids = [...documents.keys()]
    .filter((id) => (after === undefined || compare(id, after) > 0) && (before === undefined || compare(id, before) < 0))
    .toSorted(descending ?? false ? (a, b) => compare(b, a) : compare)
  return ids.slice(0, limit).map((id) => ({ id, value: parse(documents.get(id) ?? "null") }))
}

/** By code points, which is the order of their bytes in UTF-8. */
const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
