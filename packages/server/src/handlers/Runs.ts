/** Starting, listing and reading runs. */
import { Client } from "@reprise/core"
import type { Errors, Log } from "@reprise/core/engine"
import { Effect } from "effect"
import { type Asked, type Handlers, type Reply, value } from "../api/Handler.js"
import type * as Model from "../api/Model.js"
import type * as Route from "../api/Route.js"
import type { listRuns, startRun } from "../api/routes/Runs.js"
import * as Cursor from "../Cursor.js"
import { CursorInvalid } from "../Errors.js"
import * as Etag from "../Etag.js"
import * as Prefer from "../Prefer.js"
import { conditionsOf } from "./Given.js"
import * as Outcomes from "./Outcomes.js"
import * as Starts from "./Starts.js"

type Named = "startRun" | "listRuns" | "describeRun" | "runResult" | "whyRun"

export const handlers: Handlers<Named, Client.Client> = {
  startRun: (asked) => startAndWait(asked),
  listRuns: ({ query }) => Effect.map(list(query), (page) => value(page)),
  describeRun: ({ header, params: { runId } }) =>
    Effect.map(Client.describe(runId), (run) => {
      const etag = Etag.of(run)
      const known = header("if-none-match")
      return value(run, { headers: { etag }, ...(known !== undefined && Etag.isIn(known, etag) ? { status: 304 } : {}) })
    }),
  runResult: ({ params: { runId }, query: { wait = 0 } }) =>
    Effect.map(Outcomes.after(runId, wait), (outcome) => value(outcome, Outcomes.isOpen(outcome) ? { status: 202 } : {})),
  whyRun: ({ params: { runId } }) => Effect.map(Client.why(runId), (report) => value({ ...report, text: Client.whyText(report) }))
}

type Started = Reply<Route.AnswerOf<typeof startRun>>

const startAndWait = (asked: Asked<typeof startRun>) =>
  Effect.gen(function*() {
    const started = yield* Effect.mapError(Starts.start(asked), Starts.placed)
    const location = { location: `/api/v1/runs/${encodeURIComponent(started.runId)}` }
    const wait = Prefer.waitOf(asked.header("prefer"))
    if (wait === undefined) return value(started, { headers: location }) satisfies Started
    const outcome = yield* Outcomes.after(started.runId, wait)
    const headers = { ...location, "preference-applied": `wait=${wait}` }
    return value({ ...started, outcome }, { headers, status: Outcomes.isOpen(outcome) ? 202 : 200 }) satisfies Started
  })

// ---- lists ----

const PAGE_DEFAULT = 50

type Query = Route.QueryOf<typeof listRuns>
type Page = Route.AnswerOf<typeof listRuns>

const list = (
  { cursor, limit = PAGE_DEFAULT, total, ...filter }: Query
): Effect.Effect<Page, CursorInvalid | Errors.LogError, Client.Client> =>
  Effect.gen(function*() {
    const { log } = yield* Client.Client
    const place = cursor === undefined ? undefined : yield* Cursor.decode(cursor, filter)
    const conditions = conditionsOf(filter)
    // One more than is shown says whether there are others.
    const found = yield* log.find({ ...conditions, ...besideOf(place), limit: limit + 1 })
    if (found.length === 0 && place !== undefined) yield* checkThere(log, place)
    const counted = total === true ? { total: yield* countOf(log, conditions) } : {}
    return { ...pageOf(found, limit, place, filter), ...counted }
  })

const besideOf = (place: Cursor.Place | undefined) => {
  if (place === undefined) return {}
  return place.direction === "next" ? { before: place.runId } : { after: place.runId }
}

/** Beside a run that retention has removed there is nothing, which must not look like the end of the list. */
const checkThere = (log: Log.LogShape, { runId }: Cursor.Place): Effect.Effect<void, CursorInvalid | Errors.LogError> =>
  Effect.flatMap(log.find({ runIds: [runId], limit: 1 }), (found) => (found.length === 0 ? new CursorInvalid() : Effect.void))

const countOf = (log: Log.LogShape, conditions: Log.RunConditions): Effect.Effect<number, Errors.LogError> =>
  Effect.map(log.tally(conditions), (tally) => tally.reduce((sum, { count }) => sum + count, 0))

/** The page before another one has the one too many at its beginning: lists stand newest first whichever way they are read. */
const pageOf = (found: ReadonlyArray<Model.Run>, limit: number, place: Cursor.Place | undefined, filter: object): Page => {
  const backwards = place?.direction === "prev"
  const items = backwards ? found.slice(-limit) : found.slice(0, limit)
  const more = found.length > limit
  const first = items[0]
  const last = items.at(-1)
  const next = last !== undefined && (backwards || more) ? Cursor.encode({ direction: "next", runId: last.runId }, filter) : undefined
  const prev = first !== undefined && (backwards ? more : place !== undefined)
    ? Cursor.encode({ direction: "prev", runId: first.runId }, filter)
    : undefined
  return { items, ...(next === undefined ? {} : { nextCursor: next }), ...(prev === undefined ? {} : { prevCursor: prev }) }
}
