/** `reprise db`: looks after a store. */
import { Command, Options } from "@effect/cli"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Console, Effect } from "effect"
import * as Exit from "./Exit.js"
import * as Store from "./Store.js"

const json = Options.boolean("json").pipe(Options.withDescription("Print the result as JSON."))

/** Problems that the text names. */
const NAMED_MAX = 100

const verify = Command.make("verify", { json, store: Store.required }, ({ json, store }): Effect.Effect<void, Exit.Failed> =>
  Effect.gen(function*() {
    const verified = yield* Effect.provide(Maintenance.verify, Sqlite.readerLayer({ filename: store }))
    const { events, problems, runs } = verified
    const lines = problems.slice(0, NAMED_MAX).map(({ detail, runId, seq }) => `${where(runId, seq)}${detail}`)
    if (problems.length > NAMED_MAX) lines.push(`and ${problems.length - NAMED_MAX} more`)
    const sum = `${runs} runs with ${events} events: ${problems.length === 0 ? "in order" : `${problems.length} problems`}`
    yield* Console.log(json ? JSON.stringify(verified, undefined, 2) : [sum, ...lines].join("\n"))
    if (problems.length > 0) return yield* new Exit.Found()
  })).pipe(Command.withDescription(
    "Checks the pages of a store and every run in it. The store may be in use. " +
      "Exit codes: 0 in order, 1 problems were found, 2 it cannot be read."
  ))

const where = (runId: string | undefined, seq: number | undefined): string =>
  runId === undefined ? "" : `run ${JSON.stringify(runId)}${seq === undefined ? "" : `, event ${seq}`}: `

const rebuild = Command.make("rebuild", { json, store: Store.required }, ({ json, store }): Effect.Effect<void, Exit.Failed> =>
  Effect.gen(function*() {
    yield* Store.mustExist(store)
    const { changed, damaged, runs } = yield* Effect.provide(Maintenance.rebuild, Sqlite.layer({ filename: store }))
    const lines = damaged.map(({ detail, runId, seq }) => `${where(runId, seq)}${detail}; left as it was`)
    const result = { runs, changed, damaged: damaged.map(({ detail, runId, seq }) => ({ runId, seq, detail })) }
    yield* Console.log(json ? JSON.stringify(result, undefined, 2) : [`${runs} runs, ${changed} changed`, ...lines].join("\n"))
    if (damaged.length > 0) return yield* new Exit.Found()
  })).pipe(Command.withDescription(
    "Brings a store to the schema of this version, and writes the columns of all runs anew from their histories. " +
      "Nobody else may have the store open. Exit codes: 0 done, 1 damaged histories were found, 2 it cannot be opened."
  ))

const to = Options.text("to").pipe(Options.withPseudoName("COPY"), Options.withDescription("The new file."))

const backup = Command.make("backup", { store: Store.required, to }, ({ store, to }): Effect.Effect<void, Exit.Failed> =>
  Effect.zipRight(Maintenance.copy(store, to), Console.log(`${to} is a copy of ${store}`))
).pipe(Command.withDescription(
  "Copies a store, as of one moment. The store may be in use. Exit codes: 0 done, 2 it cannot be read, or the copy not be written."
))

export const command = Command.make("db").pipe(
  Command.withDescription("Looks after a store."),
  Command.withSubcommands([verify, rebuild, backup])
)
