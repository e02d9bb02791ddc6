/** A server over the file of a store, without a port and without a worker. */
import type { Errors as StoreErrors } from "@reprise/sql"
import { Sqlite } from "@reprise/sql"
import { App } from "@reprise/server"
import { Worker } from "@reprise/worker"
import { Effect, Layer, type Scope } from "effect"
import * as Entry from "./Entry.js"
import type { EntryInvalid } from "./Errors.js"

/** What is wanted of a store: to read it beside its owner, or to change it, which only its owner may; or to make it first, if it is missing. */
export type Access = "read" | "change" | "make"

type Fetch = (request: Request) => Promise<Response>

export const open = (
  filename: string,
  entry: string | undefined,
  access: Access
): Effect.Effect<{ readonly fetch: Fetch }, StoreErrors.StoreError | EntryInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const workflows = entry === undefined ? [] : (yield* Entry.load(entry)).workflows
    const store = access === "read" ? Sqlite.readerLayer({ filename }) : Sqlite.layer({ filename })
    const context = yield* Layer.build(Layer.provideMerge(Worker.clientLayer({ workflows }), store))
    const app = yield* Effect.provide(App.make(), context)
    return { fetch: (request) => app.fetch(request) }
  })
