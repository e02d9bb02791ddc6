/** `reprise runs tail` and `reprise runs logs`: what happens, as it happens. */
import { Args, Command, Options } from "@effect/cli"
import { Workflow } from "@reprise/core"
import { Event } from "@reprise/core/engine"
import { Model, type Reprise, ROUTES } from "@reprise/server/client"
import { Console, Effect, Option, Schema } from "effect"
import * as Connection from "../Connection.js"
import * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as EventText from "../show/EventText.js"
import * as Moment from "../show/Moment.js"
import * as Paint from "../show/Paint.js"

/** Takes what comes until there is no more; an interruption closes the stream. */
const each = <A>(
  connection: Connection.Connection,
  open: (client: Reprise.Client, signal: AbortSignal) => AsyncIterable<A>,
  tell: (item: A) => Effect.Effect<void>
): Effect.Effect<void, Exit.Failed> =>
  Effect.suspend(() => {
    const controller = new AbortController()
    const iterator = open(connection.client, controller.signal)[Symbol.asyncIterator]()
    const next = Effect.flatMap(connection.ask(() => iterator.next()), (result) =>
      Effect.as(result.done === true ? Effect.void : tell(result.value), result.done !== true))
    return Effect.ensuring(Effect.asVoid(Effect.repeat(next, { while: (more) => more })), Effect.sync(() => controller.abort()))
  })

/** Stands for whatever workflow the run has: only what is the same for all is asked. */
const Whatever = Workflow.make("whatever", {}, () => Effect.void)

// ---- events ----

const oneRun = Args.text({ name: "RUN" }).pipe(
  Args.withDescription("The id of the run; its events from the first on. Without it: what happens to all runs from now on."),
  Args.optional
)

const tailing = {
  ...Connection.options,
  after: Options.optional(Options.integer("after")).pipe(
    Options.withPseudoName("N"),
    Options.withDescription("Only what comes after this event of the run, or after this position of the log.")
  ),
  key: Given.text("key", "KEY", "Without RUN: only runs with this business key."),
  run: oneRun,
  type: Options.text("type").pipe(
    Options.repeated,
    Options.withPseudoName("EVENT"),
    Options.withDescription("Without RUN: only events of this type, such as StepFailed; may be repeated.")
  ),
  workflow: Given.text("workflow", "NAME", "Without RUN: only runs of this workflow.")
}

type Tailing = Command.Command.ParseConfig<typeof tailing>

export const tail = Command.make("tail", tailing, (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(follow(asked))).pipe(
  Command.withDescription(
    "Prints events as they happen; with --json, each as a line of JSON. That of one run ends with the run. " +
      "Exit codes: 0 the run has completed, 1 it has ended otherwise, 2 there is nothing to follow, 130 Ctrl-C."
  )
)

const encodeEvent = Schema.encodeSync(Model.RecordedEvent)

const follow = (asked: Tailing) =>
  Effect.gen(function*() {
    const connection = yield* Connection.open(asked, "read")
    const namesOf = new Map<string, EventText.Names>()
    let end: Event.Closing | undefined
    const tell = (recorded: Model.RecordedEvent): Effect.Effect<void> => {
      if (Event.isClosing(recorded.event)) end = recorded.event
      return Console.log(asked.json ? JSON.stringify(encodeEvent(recorded)) : line(recorded, namesOf, Option.isNone(asked.run)))
    }
    yield* each(connection, (client, signal) => source(asked, client, signal), tell)
    if (end !== undefined && end._tag !== "RunCompleted") return yield* new Exit.Found()
  })

const source = ({ after, key, run, type, workflow }: Tailing, client: Reprise.Client, abortSignal: AbortSignal) => {
  if (Option.isSome(run)) return client.handle(Whatever, run.value).events({ abortSignal, after: Option.getOrElse(after, () => 0) })
  const filter = {
    workflow: Option.getOrUndefined(workflow),
    key: Option.getOrUndefined(key),
    type: type.length === 0 ? undefined : type
  }
  return client.follow(filter, { abortSignal, after: Option.getOrElse(after, () => "end" as const) })
}

/** Later events of a run name their steps only when the earlier ones were seen, too. */
const line = ({ at, event, runId, seq }: Model.RecordedEvent, namesOf: Map<string, EventText.Names>, isOfMany: boolean): string => {
  const names = namesOf.get(runId) ?? new Map<string, string>()
  if (Event.isClosing(event)) namesOf.delete(runId)
  else namesOf.set(runId, names)
  const run = isOfMany ? `${EventText.quoted(runId)} ` : ""
  return `${Paint.dim(timeOf(at))} ${run}${Paint.dim(String(seq))} ${EventText.text(event, names)}`
}

/** The time of the day, in UTC. */
const timeOf = (at: number): string => Moment.iso(at).slice(11, -1)

// ---- log lines ----

const logging = {
  ...Connection.options,
  attempt: Options.optional(Options.integer("attempt")).pipe(Options.withPseudoName("N"), Options.withDescription("Only this attempt.")),
  follow: Options.boolean("follow").pipe(
    Options.withAlias("f"),
    Options.withDescription("Go on with what comes, until the run has ended.")
  ),
  run: Given.run,
  step: Given.text("step", "ID", "Only this step, by the id that its events have.")
}

type Logging = Command.Command.ParseConfig<typeof logging>

export const logs = Command.make("logs", logging, (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(printLogs(asked))).pipe(
  Command.withDescription(
    "Prints what a run has logged and printed; with --json, each line as a line of JSON. " +
      "Exit codes: 0 done, 2 there is no such run, or the server or store cannot be asked, 130 Ctrl-C."
  )
)

const PAGE = 1_000

const encodeLine = Schema.encodeSync(Model.LogLine)

const printLogs = (asked: Logging) =>
  Effect.gen(function*() {
    const connection = yield* Connection.open(asked, "read")
    const tell = (logged: Model.LogLine): Effect.Effect<void> =>
      Console.log(asked.json ? JSON.stringify(encodeLine(logged)) : logLine(logged))
    const query = {
      ...(Option.isNone(asked.step) ? {} : { stepId: asked.step.value }),
      ...(Option.isNone(asked.attempt) ? {} : { attempt: asked.attempt.value })
    }
    if (asked.follow) {
      return yield* each(connection, (client, abortSignal) => client.handle(Whatever, asked.run).logs({ ...query, abortSignal }), tell)
    }
    for (let after: number | undefined = 0; after !== undefined;) {
      const given = { params: { runId: asked.run }, query: { ...query, after, limit: PAGE } }
      const page: { readonly items: ReadonlyArray<Model.LogLine>; readonly nextAfter?: number | undefined } = yield* connection.ask(
        (call, signal) => call.call(ROUTES.runLogs, { ...given, signal })
      )
      for (const logged of page.items) yield* tell(logged)
      after = page.items.length < PAGE ? undefined : page.nextAfter
    }
  })

const LEVELS: { readonly [L in Model.LogLine["level"]]: (text: string) => string } = {
  trace: Paint.dim,
  debug: Paint.dim,
  info: Paint.green,
  warn: Paint.yellow,
  error: Paint.red,
  fatal: Paint.red
}

const logLine = ({ at, attempt = 1, fields, level, stepId, stepName, text }: Model.LogLine): string => {
  const step = stepId === undefined ? "" : ` ${Paint.cyan(EventText.quoted(stepName ?? stepId))}${attempt > 1 ? `#${attempt}` : ""}`
  const more = fields === undefined ? "" : ` ${Paint.dim(Paint.plain(JSON.stringify(fields)))}`
  const said = text.split("\n").map(Paint.plain).join("\n    ")
  return `${Paint.dim(timeOf(at))} ${LEVELS[level](level.toUpperCase().padEnd(5))}${step} ${said}${more}`
}
