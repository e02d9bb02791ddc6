/**
 * Small documents that belong to the store and not to any run: API keys, users, sessions, the audit log, bulk jobs. Kept in
 * collections, each document under an id. Implementations: @reprise/sql, @reprise/testing (memory). One conformance suite.
 *
 * The contract:
 * - D1 Every call is atomic and durable when its effect succeeds.
 * - D2 `insert` succeeds for one of any number of callers that use the same id.
 * - D3 A list is in the order of ids, compared by code points; an id that is written while a list is paged is seen or not.
 */
import { Context, type Effect } from "effect"
import type { LogError } from "../model/Errors.js"
import type { Json } from "../model/Json.js"

export interface Document {
  readonly id: string
  readonly value: Json
}

export interface RecordsShape {
  readonly get: (collection: string, id: string) => Effect.Effect<Json | undefined, LogError>
  /** Writes a document, over one that is there. */
  readonly put: (collection: string, id: string, value: Json) => Effect.Effect<void, LogError>
  /** Writes a document unless there is one; answers whether it did. */
  readonly insert: (collection: string, id: string, value: Json) => Effect.Effect<boolean, LogError>
  /** Answers whether there was one. */
  readonly remove: (collection: string, id: string) => Effect.Effect<boolean, LogError>
  /** Documents whose ids are greater than `after`, ascending; or less than `before`, descending. At most `limit`. */
  readonly list: (
    collection: string,
    page: { readonly after?: string; readonly before?: string; readonly descending?: boolean; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Document>, LogError>
}

export class Records extends Context.Tag("@reprise/core/Records")<Records, RecordsShape>() {}
