/** `reprise check`: replays runs on the workflows of a build. */
import { Args, Command, Options } from "@effect/cli"
import type { Client } from "@reprise/core"
import { Errors } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { ReplayCheck } from "@reprise/testing"
import { Console, Effect, Option, Schema } from "effect"
import * as Entry from "./Entry.js"
import { UsageInvalid } from "./Errors.js"
import * as Exit from "./Exit.js"
import * as Files from "./Files.js"
import * as Progress from "./show/Progress.js"
import * as Store from "./Store.js"

const workflows = Options.text("workflows").pipe(
  Options.withPseudoName("ENTRY"),
  Options.withDescription("The module of the build that exports the array `workflows`, in JavaScript or TypeScript.")
)

const closed = Options.integer("closed").pipe(
  Options.filterMap((count) => count < 0 ? Option.none() : Option.some(count), "--closed takes a number from 0"),
  Options.withDefault(0),
  Options.withPseudoName("N"),
  Options.withDescription("Closed runs, too: the newest N of each workflow of the build.")
)

const workflow = Options.optional(Options.text("workflow")).pipe(
  Options.withPseudoName("NAME"),
  Options.withDescription("Only the runs of this workflow.")
)

const json = Options.boolean("json").pipe(Options.withDescription("Print the report as JSON."))

const documents = Args.text({ name: "DOCUMENT" }).pipe(
  Args.withDescription("Exported runs to replay in the place of a store."),
  Args.repeated
)

export const command = Command.make(
  "check",
  { closed, documents, json, store: Store.optional, workflow, workflows },
  (asked): Effect.Effect<void, Exit.Failed> => check({
    ...asked,
    store: Option.getOrUndefined(asked.store),
    workflow: Option.getOrUndefined(asked.workflow)
  })
).pipe(Command.withDescription(
  "Replays every open run of a store, or exported ones, on a build, without running anything. The store may be in use. " +
    "Exit codes: 0 all fit, 1 some do not, 2 wrong usage, or the entry or the store cannot be read."
))

interface Asked {
  readonly closed: number
  readonly documents: ReadonlyArray<string>
  readonly json: boolean
  readonly store: string | undefined
  readonly workflow: string | undefined
  readonly workflows: string
}

const check = (asked: Asked) =>
  Effect.gen(function*() {
    const source = yield* sourceOf(asked)
    const { workflows } = yield* Entry.load(asked.workflows)
    const only = asked.workflow === undefined ? {} : { workflow: asked.workflow }
    const ofStore = (filename: string) =>
      Effect.provide(ReplayCheck.run(workflows, { ...only, closed: asked.closed }), Sqlite.readerLayer({ filename }))
    const report = yield* source._tag === "Store"
      ? Progress.during("replaying", ofStore(source.filename))
      : ReplayCheck.documents(yield* read(source.paths), workflows, only)
    yield* Console.log(asked.json ? JSON.stringify(plain(report), undefined, 2) : ReplayCheck.text(report))
    if (report.misfitCount > 0) return yield* new Exit.Found()
  })

type Source =
  | { readonly _tag: "Store"; readonly filename: string }
  | { readonly _tag: "Documents"; readonly paths: ReadonlyArray<string> }

const sourceOf = ({ documents, store }: Asked): Effect.Effect<Source, UsageInvalid> => {
  const wrong = (detail: string) => Effect.fail(new UsageInvalid({ command: "reprise check", detail }))
  // The library takes an option that lacks its value for a document.
  const option = documents.find((document) => document.startsWith("-"))
  if (option !== undefined) return wrong(`${option} needs a value.`)
  if ((store !== undefined) === documents.length > 0) return wrong("Give either --store FILE or exported documents.")
  return Effect.succeed(store === undefined ? { _tag: "Documents", paths: documents } : { _tag: "Store", filename: store })
}

/** A file holds one document, or an array of them. */
const read = (paths: ReadonlyArray<string>) => Effect.map(Effect.forEach(paths, Files.readJson), (files) => files.flat())

const encodeFault = Schema.encodeSync(Errors.Fault)

/** The report as JSON: a cause with its fault, the fault's message, and what to do. */
const plain = ({ causes, closedCount, misfitCount, openCount, patches }: Client.Report) => ({
  openCount,
  closedCount,
  misfitCount,
  causes: causes.map(({ fault, runs, workflow }) => ({
    workflow,
    ...runs,
    fault: encodeFault(fault),
    message: fault.message,
    hint: fault.hint
  })),
  patches
})
