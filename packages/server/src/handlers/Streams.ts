/** What is read page by page, or followed: histories, the events of all runs, what runs log. `Accept` says how. */
import { Errors as CoreErrors, type Log, Run } from "@reprise/core/engine"
import { Effect } from "effect"
import { type Asked, type Handlers, type Reply, value } from "../api/Handler.js"
import type { Any } from "../api/Route.js"
import type { Routes } from "../api/Routes.js"
import { NotAcceptable, RequestInvalid } from "../Errors.js"
import * as Problems from "../Problems.js"
import * as Accept from "../stream/Accept.js"
import * as Body from "../stream/Body.js"
import * as Source from "../stream/Source.js"
import { Streams, type StreamsShape } from "../stream/Streams.js"
import * as Wire from "../stream/Wire.js"

/** Items of a page that does not say how many it wants. */
const PAGE_COUNT = 50

/** For caches: the same address has several answers. */
const VARIES = { headers: { vary: "accept" } }

const runEvents = (asked: Asked<Routes["runEvents"]>) =>
  Effect.gen(function*() {
    const streams = yield* Streams
    const { log } = streams.client
    const { runId } = asked.params
    const wish = yield* wishOf(asked, asked.query)
    const run = yield* runOf(log, runId)
    const after = wish.resumed ?? asked.query.after ?? 0
    if ((wish.resumed ?? 0) > run.eventCount) return yield* notYet(run.eventCount)
    if (wish.form === "json") return value(yield* page(log, run, after, asked.query.limit ?? PAGE_COUNT), VARIES)
    // Of a run that has ended nothing new will come.
    const isLive = wish.isLive && !Run.isClosed(run.status)
    const isOver = Run.isClosed(run.status) && after >= run.eventCount
    if (isOver && isAnswered(wish)) return overReply
    return yield* stream(streams, asked, { ...wish, isLive, after, source: Source.history(log, runId) })
  })

const page = (log: Log.LogShape, { eventCount, runId }: Log.RunSummary, after: number, limit: number) =>
  Effect.map(log.read(runId, after, limit), (events) => {
    const nextAfter = events.at(-1)?.seq ?? eventCount
    return {
      items: events.map((event) => Source.recorded(runId, event)),
      ...(nextAfter < eventCount ? { nextAfter } : {})
    }
  })

const followRuns = (asked: Asked<Routes["followRuns"]>) =>
  Effect.gen(function*() {
    const streams = yield* Streams
    const { log } = streams.client
    const { query } = asked
    const wish = yield* wishOf(asked, query)
    const { position: end } = yield* log.feed("end", 0, {})
    if ((wish.resumed ?? 0) > end) return yield* notYet(end)
    const given = wish.resumed ?? query.after ?? 0
    const after = given === "end" ? end : given
    const filter = feedFilter(query)
    if (wish.form !== "json") {
      return yield* stream(streams, asked, { ...wish, after, source: Source.feed(log, filter, wish.isLive ? undefined : end) })
    }
    const { events, position } = yield* log.feed(after, query.limit ?? PAGE_COUNT, filter)
    return value({ items: events.map((event) => Source.recorded(event.runId, event, event.position)), nextAfter: position }, VARIES)
  })

const feedFilter = ({ key, parent, runId, type, workflow }: Asked<Routes["followRuns"]>["query"]): Log.FeedFilter => ({
  ...(workflow === undefined ? {} : { workflow }),
  ...(key === undefined ? {} : { key }),
  ...(parent === undefined ? {} : { parent }),
  ...(runId === undefined ? {} : { runIds: runId }),
  ...(type === undefined ? {} : { types: type })
})

const runLogs = (asked: Asked<Routes["runLogs"]>) =>
  Effect.gen(function*() {
    const streams = yield* Streams
    const { client: { log }, runLogs } = streams
    const { runId } = asked.params
    const { attempt, limit = PAGE_COUNT, stepId } = asked.query
    const wish = yield* wishOf(asked, asked.query)
    yield* runOf(log, runId)
    const after = wish.resumed ?? asked.query.after ?? 0
    const of = { ...(stepId === undefined ? {} : { stepId }), ...(attempt === undefined ? {} : { attempt }) }
    const source = Source.logs(log, runLogs, { runId, ...of })
    if (wish.form !== "json") {
      if (isAnswered(wish) && (yield* source.read(after, 1)).next === "never") return overReply
      return yield* stream(streams, asked, { ...wish, after, source })
    }
    const found = yield* runLogs.read(runId, { after, limit: limit + 1, ...of })
    const items = found.slice(0, limit).map(Source.line)
    const nextAfter = items.at(-1)?.position
    return value({ items, ...(found.length > limit && nextAfter !== undefined ? { nextAfter } : {}) }, VARIES)
  })

const runOf = (log: Log.LogShape, runId: string): Effect.Effect<Log.RunSummary, CoreErrors.RunNotFound | CoreErrors.LogError> =>
  Effect.flatMap(log.find({ runIds: [runId], limit: 1 }), ([run]) =>
    run === undefined ? Effect.fail(new CoreErrors.RunNotFound({ runId })) : Effect.succeed(run))

// ---- what the caller wants ----

interface Wish {
  readonly form: Accept.Form
  /** Goes on with what comes. */
  readonly isLive: boolean
  /** `Last-Event-ID`: the caller was here before. */
  readonly resumed: number | undefined
  readonly limit: number | undefined
}

const wishOf = (
  { header }: Pick<Asked<Any>, "header">,
  { follow, limit }: { readonly follow?: boolean | undefined; readonly limit?: number | undefined }
): Effect.Effect<Wish, NotAcceptable | RequestInvalid> =>
  Effect.gen(function*() {
    const form = Accept.negotiate(header("accept"))
    if (form === undefined) return yield* new NotAcceptable({ offered: Accept.FORMS.map((form) => Accept.MEDIA_TYPES[form][0]) })
    if (form === "json" && follow === true) return yield* misfit("query.follow", "a page of JSON ends; accept application/x-ndjson")
    if (form === "sse" && limit !== undefined) return yield* misfit("query.limit", "server-sent events go on until all is told")
    const resumed = yield* resumedAt(header("last-event-id"))
    return { form, isLive: form === "sse" || follow === true, resumed, limit }
  })

const resumedAt = (id: string | undefined): Effect.Effect<number | undefined, RequestInvalid> => {
  if (id === undefined) return Effect.succeed(undefined)
  return /^\d{1,15}$/.test(id) ? Effect.succeed(Number(id)) : misfit("header.Last-Event-ID", "it is not the id of an event")
}

const misfit = (path: string, message: string) => Effect.fail(new RequestInvalid({ errors: [{ path, message }] }))

const notYet = (last: number) => misfit("header.Last-Event-ID", `the last event is ${last}`)

// ---- streaming ----

/** A browser asks again after the end of a stream, unless the answer is this. */
const overReply: Reply<never> = { _tag: "Body", contentType: Accept.MEDIA_TYPES.sse[0], body: "", status: 204 }

const isAnswered = ({ form, resumed }: Wish): boolean => form === "sse" && resumed !== undefined

const stream = (
  streams: StreamsShape,
  { caller, requestId, signal }: Pick<Asked<Any>, "caller" | "requestId" | "signal">,
  wish: Wish & Pick<Body.Asked, "after" | "source">
): Effect.Effect<Reply<never>, Effect.Effect.Error<ReturnType<typeof Body.open>>> => {
  const wire = wish.form === "sse" ? Wire.sse : Wire.lines
  const asked: Body.Asked = {
    ...wish,
    wire,
    caller: caller.via === "anonymous" ? undefined : `${caller.via}/${caller.name}`,
    signal,
    problemOf: (error) => Problems.problemOf(error, requestId)
  }
  return Effect.map(Body.open(streams, asked), (body) => ({
    _tag: "Body",
    contentType: wire.contentType,
    body,
    // Nobody between us and the reader may keep, gather or change it.
    headers: { ...VARIES.headers, "cache-control": "no-store, no-transform", "x-accel-buffering": "no" }
  }))
}

export const handlers: Handlers<"runEvents" | "followRuns" | "runLogs", Streams> = { runEvents, followRuns, runLogs }
