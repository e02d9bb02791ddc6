/** `reprise runs export`: takes a run out of a store. */
import { Command, Options } from "@effect/cli"
import { Document } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { ReplayCheck } from "@reprise/testing"
import { Console, Effect, Option } from "effect"
import * as AsTest from "../AsTest.js"
import * as Entry from "../Entry.js"
import { UsageInvalid } from "../Errors.js"
import type * as Exit from "../Exit.js"
import * as Files from "../Files.js"
import * as Given from "../Given.js"
import * as Store from "../Store.js"

const out = Options.optional(Options.text("out")).pipe(
  Options.withPseudoName("FILE"),
  Options.withDescription("A new file to write to. Default: standard output.")
)

const asTest = Options.boolean("as-test").pipe(
  Options.withDescription("Write a vitest file: the history, and a test that the code still replays it.")
)

const workflows = Options.optional(Options.text("workflows")).pipe(
  Options.withPseudoName("ENTRY"),
  Options.withDescription("For --as-test: the module that exports the array `workflows`; the test imports it.")
)

const json = Options.boolean("json").pipe(Options.withDescription("What it prints is JSON anyway."))

export const command = Command.make(
  "export",
  { asTest, json, out, run: Given.run, store: Store.required, workflows },
  (asked): Effect.Effect<void, Exit.Failed> => exportRun({
    ...asked,
    out: Option.getOrUndefined(asked.out),
    workflows: Option.getOrUndefined(asked.workflows)
  })
).pipe(Command.withDescription(
  "Takes a run out of a store, with its payloads: as a JSON document, or as a test. The store may be in use. " +
    "Exit codes: 0 done, 2 wrong usage, or the run, the entry or the store cannot be read."
))

interface Asked {
  readonly asTest: boolean
  readonly out: string | undefined
  readonly run: string
  readonly store: string
  readonly workflows: string | undefined
}

const exportRun = (asked: Asked) =>
  Effect.gen(function*() {
    const test = yield* testAsked(asked)
    if (asked.out !== undefined) yield* Files.isFree(asked.out)
    const document = yield* Effect.provide(Maintenance.exportRun(asked.run), Sqlite.readerLayer({ filename: asked.store }))
    yield* test === undefined ? Files.write(asked.out, Document.text(document)) : writeTest(document, test.out, test.workflows)
  })

/** How to write a test, if that is asked for. */
const testAsked = ({ asTest, out, workflows }: Asked) => {
  const wrong = (detail: string) => new UsageInvalid({ command: "reprise runs export", detail })
  if (!asTest && workflows !== undefined) return Effect.fail(wrong("--workflows ENTRY goes with --as-test."))
  if (!asTest) return Effect.succeed(undefined)
  if (out === undefined) return Effect.fail(wrong("--as-test needs --out FILE: the test imports the workflows relative to that."))
  return Effect.succeed({ out, workflows })
}

const writeTest = (document: Document.Document, out: string, workflows: string | undefined) =>
  Effect.gen(function*() {
    const entry = workflows === undefined ? undefined : yield* Entry.load(workflows)
    yield* Files.write(out, AsTest.text(document, out, entry))
    if (entry === undefined) return yield* Console.error(`${out}: complete the import of the workflows by hand`)
    const report = yield* ReplayCheck.documents([document], entry.workflows)
    if (report.misfitCount > 0) yield* Console.error(`${out}: the test fails on this code:\n${ReplayCheck.text(report)}`)
  })
