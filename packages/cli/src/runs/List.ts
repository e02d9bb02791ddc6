/** `reprise runs list`. */
import { Command, Options } from "@effect/cli"
import { type Model, ROUTES } from "@reprise/server/client"
import { Clock, Effect, Option } from "effect"
import * as Connection from "../Connection.js"
import type * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as EventText from "../show/EventText.js"
import * as Moment from "../show/Moment.js"
import * as Paint from "../show/Paint.js"
import * as Say from "../show/Say.js"
import * as Table from "../show/Table.js"

const COMMAND = "reprise runs list"

/** The server's longest page. */
const PAGE_MAX = 1_000

const STATUSES = ["pending", "running", "completed", "failed", "cancelled", "terminated"] as const

export const filters = {
  blocked: Options.boolean("blocked").pipe(Options.withDescription("Only runs that cannot go on until their code is mended.")),
  key: Given.text("key", "KEY", "Only runs with this business key."),
  parent: Given.text("parent", "RUN", "Only the children of this run."),
  paused: Options.boolean("paused").pipe(Options.withDescription("Only paused runs.")),
  since: Given.text("since", "WHEN", "Only runs that were made after this: an instant, or a length of time before now (90s, 7d)."),
  status: Options.choice("status", STATUSES).pipe(Options.repeated, Options.withDescription("Only runs of this status; may be repeated.")),
  until: Given.text("until", "WHEN", "Only runs that were made before this."),
  workflow: Given.text("workflow", "NAME", "Only runs of this workflow.")
}

const limit = Options.integer("limit").pipe(
  Options.withDefault(50),
  Options.withPseudoName("N"),
  Options.withDescription("At most so many runs, the newest; 0 for all. Default: 50.")
)

export const command = Command.make(
  "list",
  { ...Connection.options, ...filters, limit },
  (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(list(asked))
).pipe(Command.withDescription("Lists runs, the newest first. Exit codes: 0 done, 2 wrong usage, or the server or store cannot be asked."))

type Asked = Command.Command.ParseConfig<typeof filters> & Connection.Asked & { readonly limit: number }

const list = (asked: Asked) =>
  Effect.gen(function*() {
    const { ask } = yield* Connection.open(asked, "read")
    const filter = yield* filterOf(asked)
    const items: Array<Model.Run> = []
    const most = asked.limit <= 0 ? Infinity : asked.limit
    let cursor: string | undefined
    do {
      const query = { ...filter, limit: Math.min(PAGE_MAX, most - items.length), cursor }
      const page = yield* ask((call, signal) => call.call(ROUTES.listRuns, { query, signal }))
      items.push(...page.items)
      cursor = page.nextCursor
    } while (cursor !== undefined && items.length < most)
    const now = yield* Clock.currentTimeMillis
    const found = { items, ...(cursor === undefined ? {} : { nextCursor: cursor }) }
    yield* Say.answer(asked.json, ROUTES.listRuns, found, items.length === 0 ? "" : table(items, now))
  })

/** The conditions as the server takes them. */
const filterOf = (asked: Asked) =>
  Effect.gen(function*() {
    const createdAfter = yield* Given.instant(COMMAND, "since", asked.since, "before")
    const createdBefore = yield* Given.instant(COMMAND, "until", asked.until, "before")
    return {
      workflow: Option.getOrUndefined(asked.workflow),
      key: Option.getOrUndefined(asked.key),
      parent: Option.getOrUndefined(asked.parent),
      status: asked.status.length === 0 ? undefined : asked.status,
      paused: asked.paused ? true : undefined,
      blocked: asked.blocked ? true : undefined,
      createdAfter,
      createdBefore
    }
  })

/** The status, and what keeps an open run from going on. */
export const standing = (run: Model.Run): string =>
  `${Paint.status(run.status)}${run.paused ? Paint.yellow(" paused") : ""}${run.blocked === undefined ? "" : Paint.red(" blocked")}`

const tookOf = ({ closedAt, startedAt }: Model.Run): string =>
  closedAt === undefined || startedAt === undefined ? "" : Moment.length(closedAt - startedAt)

const table = (runs: ReadonlyArray<Model.Run>, now: number) =>
  Table.text<Model.Run>([
    { title: "RUN", of: ({ runId }) => EventText.quoted(runId), gives: true },
    { title: "WORKFLOW", of: ({ workflow }) => EventText.quoted(workflow), gives: true },
    { title: "STATUS", of: standing },
    { title: "KEY", of: ({ key }) => key === undefined ? "" : EventText.quoted(key), gives: true },
    { title: "CREATED", of: ({ createdAt }) => Moment.away(createdAt, now) },
    { title: "TOOK", of: tookOf },
    { title: "EVENTS", of: ({ eventCount }) => String(eventCount) }
  ], runs)
