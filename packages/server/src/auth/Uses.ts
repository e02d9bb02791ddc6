/**
 * When something was last used: written at most once a minute, and apart from the document that it is about. A write that
 * is late would otherwise bring back what was revoked meanwhile.
 */
import { type Errors, Records } from "@reprise/core/engine"
import { Clock, Effect, Schema } from "effect"
import * as Stored from "./Stored.js"

export const WRITE_EVERY_MILLIS = 60_000
/** Ids whose last write is remembered. */
const REMEMBERED_MAX = 10_000

export interface Uses {
  readonly collection: Stored.Collection<{ readonly at: number }>
  /** The instant that this process wrote last, by id. */
  readonly written: Map<string, number>
}

export const collection = (name: string): Uses["collection"] => Stored.collection(name, Schema.Struct({ at: Schema.Number }))

export const make = (collection: Uses["collection"]): Uses => ({ collection, written: new Map() })

/** Notes that `id` is used now. A store that does not take it keeps nobody out. */
export const touch = (uses: Uses, id: string): Effect.Effect<void, never, Records.Records> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const last = uses.written.get(id)
    if (last !== undefined && now - last < WRITE_EVERY_MILLIS) return
    remember(uses, id, now)
    yield* uses.collection.put(id, { at: now }).pipe(
      Effect.catchAll((error) => Effect.logWarning("the store did not take when a credential was used", error))
    )
  })

const remember = ({ written }: Uses, id: string, now: number): void => {
  written.delete(id)
  written.set(id, now)
  const oldest = written.keys().next()
  if (written.size > REMEMBERED_MAX && oldest.done !== true) written.delete(oldest.value)
}

/** All that is known, by id. */
export const all = (collection: Uses["collection"]): Effect.Effect<ReadonlyMap<string, number>, Errors.LogError, Records.Records> =>
  Effect.map(collection.all, (documents) => new Map(documents.map(({ id, value }) => [id, value.at])))
