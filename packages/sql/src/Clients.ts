/** Opens connections of @effect/sql-sqlite-node, and turns what the driver throws meanwhile into errors with a name. */
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqliteClient } from "@effect/sql-sqlite-node"
import type { Connection } from "@effect/sql/SqlConnection"
import { Duration, Effect, type Scope } from "effect"
import type { StoreError } from "./Errors.js"
import * as Failure from "./Failure.js"

export interface Opened {
  readonly client: SqliteClient.SqliteClient
  readonly connection: Connection
}

export const whileOpening = Failure.whileOpening

const open = (config: SqliteClient.SqliteClientConfig): Effect.Effect<Opened, StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* SqliteClient.make({ ...config, prepareCacheTTL: Duration.infinity })
    // A client has one connection. It is taken once and used directly: asking for it before each statement costs more
    // than many statements do. Its owner sees to it that transactions do not mix.
    const connection = yield* Effect.scoped(client.reserve)
    return { client, connection }
  }).pipe(
    Effect.provide(Reactivity.layer),
    // The driver throws while it opens a file.
    Effect.catchAllDefect((defect) => Effect.fail(defect)),
    Effect.mapError((error) => whileOpening(config.filename, error))
  )

export const writer = (filename: string) => open({ filename })

export const reader = (filename: string) => open({ filename, readonly: true, disableWAL: true })

/** Without the write-ahead log, for a file that is not a store. */
export const plain = (filename: string) => open({ filename, disableWAL: true })
