/** Collections of documents of one shape. What is read back was written by us: anything else is a damaged store, and dies. */
import { type Errors, type Json, Records } from "@reprise/core/engine"
import { Effect, Schema } from "effect"

/** Documents that one call reads. */
const PAGE = 500

export interface Document<A> {
  readonly id: string
  readonly value: A
}

export interface Page {
  readonly after?: string
  readonly before?: string
  readonly descending?: boolean
  readonly limit: number
}

export interface Collection<A> {
  readonly get: (id: string) => Effect.Effect<A | undefined, Errors.LogError, Records.Records>
  readonly put: (id: string, value: A) => Effect.Effect<void, Errors.LogError, Records.Records>
  readonly insert: (id: string, value: A) => Effect.Effect<boolean, Errors.LogError, Records.Records>
  readonly remove: (id: string) => Effect.Effect<boolean, Errors.LogError, Records.Records>
  readonly list: (page: Page) => Effect.Effect<ReadonlyArray<Document<A>>, Errors.LogError, Records.Records>
  /** All of them, in the order of their ids. */
  readonly all: Effect.Effect<ReadonlyArray<Document<A>>, Errors.LogError, Records.Records>
}

export const collection = <A extends Json.Json>(name: string, shape: Schema.Schema<A>): Collection<A> => {
  const read = Schema.decodeUnknownSync(shape)
  const list = (page: Page) =>
    Effect.map(
      Effect.flatMap(Records.Records, (records) => records.list(name, page)),
      (documents) => documents.map(({ id, value }) => ({ id, value: read(value) }))
    )
  return {
    get: (id) =>
      Effect.map(
        Effect.flatMap(Records.Records, (records) => records.get(name, id)),
        (found) => (found === undefined ? undefined : read(found))
      ),
    put: (id, value) => Effect.flatMap(Records.Records, (records) => records.put(name, id, value)),
    insert: (id, value) => Effect.flatMap(Records.Records, (records) => records.insert(name, id, value)),
    remove: (id) => Effect.flatMap(Records.Records, (records) => records.remove(name, id)),
    list,
    all: allOf(list)
  }
}

const allOf = <A>(list: Collection<A>["list"]): Collection<A>["all"] =>
  Effect.gen(function*() {
    const all: Array<Document<A>> = []
    for (;;) {
      const last = all.at(-1)
      const page = yield* list({ limit: PAGE, ...(last === undefined ? {} : { after: last.id }) })
      all.push(...page)
      if (page.length < PAGE) return all
    }
  })
