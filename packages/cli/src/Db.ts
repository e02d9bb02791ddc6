/** `reprise db`: looks after a store. */
import { Command, Options } from "@effect/cli"
import { Log } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Console, Effect, Layer } from "effect"
import { statSync } from "node:fs"
import * as Exit from "./Exit.js"
import * as EventText from "./show/EventText.js"
import * as Paint from "./show/Paint.js"
import * as Progress from "./show/Progress.js"
import * as Say from "./show/Say.js"
import * as Table from "./show/Table.js"
import * as Store from "./Store.js"

const json = Options.boolean("json").pipe(Options.withDescription("Print the result as JSON."))

/** Problems that the text names. */
const NAMED_MAX = 100

const verify = Command.make("verify", { json, store: Store.required }, ({ json, store }): Effect.Effect<void, Exit.Failed> =>
  Effect.gen(function*() {
    const verified = yield* Progress.during(
      `verifying ${store}`,
      Effect.provide(Maintenance.verify, Sqlite.readerLayer({ filename: store }))
    )
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
    const { changed, damaged, runs } = yield* Progress.during(
      `rebuilding ${store}`,
      Effect.provide(Maintenance.rebuild, Sqlite.layer({ filename: store }))
    )
    const lines = damaged.map(({ detail, runId, seq }) => `${where(runId, seq)}${detail}; left as it was`)
    const result = { runs, changed, damaged: damaged.map(({ detail, runId, seq }) => ({ runId, seq, detail })) }
    yield* Console.log(json ? JSON.stringify(result, undefined, 2) : [`${runs} runs, ${changed} changed`, ...lines].join("\n"))
    if (damaged.length > 0) return yield* new Exit.Found()
  })).pipe(Command.withDescription(
    "Brings a store to the schema of this version, and writes the columns of all runs anew from their histories. " +
      "Nobody else may have the store open. Exit codes: 0 done, 1 damaged histories were found, 2 it cannot be opened."
  ))

const to = Options.text("to").pipe(Options.withPseudoName("COPY"), Options.withDescription("The new file."))

const backup = Command.make("backup", { json, store: Store.required, to }, ({ json, store, to }): Effect.Effect<void, Exit.Failed> =>
  Effect.zipRight(
    Progress.during(`copying ${store}`, Maintenance.copy(store, to)),
    json ? Say.json({ store, copy: to }) : Console.log(`${to} is a copy of ${store}`)
  )
).pipe(Command.withDescription(
  "Copies a store, as of one moment. The store may be in use. Exit codes: 0 done, 2 it cannot be read, or the copy not be written."
))

/** What an older store has, and what this version would make of it; `undefined` for a current one. */
const olderThan = (filename: string) =>
  Effect.as(Effect.scoped(Layer.build(Sqlite.readerLayer({ filename }))), undefined).pipe(
    Effect.catchTag("StoreOlder", ({ found, known }) => Effect.succeed({ found, known }))
  )

const migrate = Command.make("migrate", { json, store: Store.required }, ({ json, store }): Effect.Effect<void, Exit.Failed> =>
  Effect.gen(function*() {
    yield* Store.mustExist(store)
    const older = yield* olderThan(store)
    if (older !== undefined) yield* Effect.scoped(Layer.build(Sqlite.layer({ filename: store })))
    const result = older === undefined ? { migrated: false } : { migrated: true, from: older.found, to: older.known }
    const text = older === undefined ? `${store} is up to date` : `${store} was brought from schema ${older.found} to ${older.known}`
    yield* json ? Say.json(result) : Console.log(text)
  })).pipe(Command.withDescription(
    "Brings a store to the schema of this version, as whatever opens it to change it does. Nobody else may have it open. " +
      "Exit codes: 0 it is up to date, 2 it cannot be opened."
  ))

const status = Command.make("status", { json, store: Store.required }, ({ json, store }): Effect.Effect<void, Exit.Failed> =>
  Effect.gen(function*() {
    const bytes = yield* sizeOf(store)
    const older = yield* olderThan(store)
    if (older !== undefined) {
      const text = `${store}: ${bytes} bytes, schema ${older.found}; this version has ${older.known}: reprise db migrate --store ${store}`
      yield* json ? Say.json({ store, bytes, schema: older.found, known: older.known }) : Console.log(text)
      return yield* new Exit.Found()
    }
    const tally = yield* Effect.provide(Effect.flatMap(Log.Log, (log) => log.tally({})), Sqlite.readerLayer({ filename: store }))
    if (json) return yield* Say.json({ store, bytes, runs: tally })
    yield* Console.log(`${store}: ${bytes} bytes, schema up to date`)
    yield* Say.text(tally.length === 0 ? "" : table(tally))
  })).pipe(Command.withDescription(
    "Says how large a store is, whether its schema is that of this version, and how many runs it has. The store may be in use. " +
      "Exit codes: 0 it is up to date, 1 it is older, 2 it cannot be read."
  ))

const sizeOf = (filename: string) => Effect.map(Store.mustExist(filename), () => statSync(filename).size)

const table = (tally: ReadonlyArray<Log.Tally>) =>
  Table.text<Log.Tally>([
    { title: "WORKFLOW", of: ({ workflow }) => EventText.quoted(workflow), gives: true },
    { title: "STATUS", of: (line) => Paint.status(line.status) },
    { title: "RUNS", of: ({ count }) => String(count) }
  ], tally)

export const command = Command.make("db").pipe(
  Command.withDescription("Looks after a store."),
  Command.withSubcommands([migrate, status, rebuild, verify, backup])
)
