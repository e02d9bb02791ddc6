/** `reprise runs show`: a run, and its history as a timeline. */
import { Command, Options } from "@effect/cli"
import { Model, ROUTES } from "@reprise/server/client"
import { Clock, Effect, Schema } from "effect"
import * as Connection from "../Connection.js"
import type * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as EventText from "../show/EventText.js"
import * as Moment from "../show/Moment.js"
import * as Paint from "../show/Paint.js"
import * as Say from "../show/Say.js"
import { Screen } from "../show/Screen.js"
import * as Timeline from "../show/Timeline.js"
import { standing } from "./List.js"

const events = Options.boolean("events").pipe(Options.withDescription("Every event as a line of its own, in the place of the timeline."))

export const command = Command.make(
  "show",
  { ...Connection.options, events, run: Given.run },
  (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(show(asked))
).pipe(Command.withDescription(
  "Shows a run: how it stands, and what it did and was told, with how long that took. With --json: the run and its events. " +
    "Exit codes: 0 done, 2 there is no such run, or the server or store cannot be asked."
))

interface Asked extends Connection.Asked {
  readonly events: boolean
  readonly run: string
}

const PAGE = 1_000

const show = (asked: Asked) =>
  Effect.gen(function*() {
    const { ask } = yield* Connection.open(asked, "read")
    const params = { runId: asked.run }
    const run = yield* ask((call, signal) => call.call(ROUTES.describeRun, { params, signal }))
    const recorded: Array<Model.RecordedEvent> = []
    for (let after: number | undefined = 0; after !== undefined;) {
      const query: { readonly after: number; readonly limit: number } = { after, limit: PAGE }
      const page = yield* ask((call, signal) => call.call(ROUTES.runEvents, { params, query, signal }))
      recorded.push(...page.items)
      after = page.items.length < PAGE ? undefined : page.nextAfter
    }
    if (asked.json) return yield* Say.json(encode({ run, events: recorded }))
    const now = yield* Clock.currentTimeMillis
    const lines = asked.events ? eachEvent(recorded) : Timeline.lines(recorded.map(({ event }) => event), now)
    yield* Say.text(Effect.map(Screen, ({ width = Infinity }) =>
      [...head(run, now), "", ...lines].map((line) => Paint.cut(line, width)).join("\n")))
  })

const encode = Schema.encodeSync(Schema.Struct({
  run: ROUTES.describeRun.answer,
  events: Schema.Array(Model.RecordedEvent)
}))

const head = (run: Model.RunDescription, now: number): ReadonlyArray<string> => [
  `run ${Paint.bold(EventText.quoted(run.runId))} of workflow ${EventText.quoted(run.workflow)} version ${run.version}` +
    `${run.key === undefined ? "" : ` key ${EventText.quoted(run.key)}`}: ${standing(run)}`,
  ...dates(run, now),
  ...(run.parent === undefined ? [] : [`child of run ${EventText.quoted(run.parent.runId)}`]),
  ...(run.forkedFrom === undefined ? [] : [`forked from run ${EventText.quoted(run.forkedFrom.runId)} at event ${run.forkedFrom.seq}`]),
  ...(run.blocked === undefined ? [] : [Paint.red(`blocked: ${blockedText(run.blocked)}`)]),
  ...run.warnings.map(({ hint, message }) => Paint.yellow(`warning: ${message} ${hint}`))
]

const dates = (run: Model.RunDescription, now: number): ReadonlyArray<string> => [
  `created ${Moment.full(run.createdAt, now)}`,
  ...(run.startedAt === undefined && run.startAt !== undefined ? [`begins ${Moment.full(run.startAt, now)}`] : []),
  ...(run.closedAt === undefined
    ? []
    : [`ended ${Moment.full(run.closedAt, now)}, after ${Moment.length(run.closedAt - (run.startedAt ?? run.createdAt))}`]),
  ...(run.closedAt === undefined && run.wakeAt !== undefined ? [`next due ${Moment.full(run.wakeAt, now)}`] : [])
]

/** A fault with its tag; the text has what to do, too. */
const blockedText = (blocked: unknown): string => {
  const { _tag, message } = Object.assign({ _tag: "", message: "" }, blocked)
  return String(message || _tag)
}

const eachEvent = (recorded: ReadonlyArray<Model.RecordedEvent>): ReadonlyArray<string> => {
  const names: EventText.Names = new Map()
  const began = recorded[0]?.at ?? 0
  const width = String(recorded.length).length
  const marks = recorded.map(({ at }) => `+${Moment.length(at - began)}`)
  const markWidth = Math.max(0, ...marks.map((mark) => mark.length))
  return recorded.map(({ event, seq }, index) =>
    `${String(seq).padStart(width)}  ${Paint.dim((marks[index] ?? "").padStart(markWidth))}  ${EventText.text(event, names)}`)
}
