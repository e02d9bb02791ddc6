/** A process on a store, which commits by hand, and callers who follow what it commits. */
import { Client } from "@reprise/core"
import { type Event, Limits, type Log, Log as LogPort, Registry, RunLogs } from "@reprise/core/engine"
import { Effect, Layer, type Scope } from "effect"
import type { Asked, Reply, Refusal } from "../../src/api/Handler.js"
import type { Name, Routes } from "../../src/api/Routes.js"
import { handlers } from "../../src/handlers/Streams.js"
import * as Streams from "../../src/stream/Streams.js"

export const NOW = 1_700_000_000_000

export interface Process {
  readonly log: Log.LogShape
  readonly runLogs: RunLogs.RunLogsShape
  readonly streams: Streams.StreamsShape
  readonly ask: <N extends keyof typeof handlers & Name>(name: N, request?: Asking<N>) => Effect.Effect<Reply<unknown>, Refusal>
}

export interface Asking<N extends Name> {
  readonly params?: Asked<Routes[N]>["params"]
  readonly query?: Asked<Routes[N]>["query"]
  readonly accept?: string
  readonly lastId?: string | undefined
  readonly signal?: AbortSignal
  readonly caller?: string
}

/** A process begins when this succeeds, and ends with the scope. `worn` is the log as the process sees it. */
export const open = <E>(
  store: Layer.Layer<LogPort.Log | RunLogs.RunLogs, E>,
  bounds: Partial<Streams.Bounds> = {},
  worn: (log: Log.LogShape) => Log.LogShape = (log) => log
): Effect.Effect<Process, E, Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Layer.build(store)
    return yield* Effect.gen(function*() {
      const log = worn(yield* LogPort.Log)
      const runLogs = yield* RunLogs.RunLogs
      const limits = Limits.complete()
      const client = yield* Client.make({ log, registry: Registry.make([]), local: undefined, limits, newId: () => "id" })
      const streams = yield* Effect.provideService(Streams.make(bounds), Client.Client, client)
      return { log, runLogs, streams, ask: (name, request) => ask(streams, name, request) } satisfies Process
    }).pipe(Effect.provide(context))
  })

const ask = <N extends keyof typeof handlers & Name>(streams: Streams.StreamsShape, name: N, request: Asking<N> = {}) => {
  const headers: Record<string, string | undefined> = { accept: request.accept, "last-event-id": request.lastId }
  const asked = {
    params: request.params ?? {},
    query: request.query ?? {},
    body: undefined,
    header: (header: string) => headers[header],
    caller: { name: request.caller ?? "anonymous", role: "admin", via: request.caller === undefined ? "anonymous" : "key" },
    remoteAddress: undefined,
    requestId: "request",
    signal: request.signal ?? new AbortController().signal
  }
  const handler = handlers[name] as (asked: unknown) => Effect.Effect<Reply<unknown>, Refusal, Streams.Streams>
  return Effect.provideService(handler(asked), Streams.Streams, streams)
}

/** The body of an answer that is a stream. */
export const bodyOf = (reply: Reply<unknown>): ReadableStream<Uint8Array> => {
  if (reply._tag !== "Body" || typeof reply.body === "string") throw new Error("the answer is no stream")
  return reply.body
}

// ---- what is committed ----

const ROW = { wakeAt: undefined, busy: false, version: "1", generationSeq: 1, paused: false }
const running = { ...ROW, status: "running", startedAt: NOW, closedAt: undefined } as const
const completed = { ...ROW, status: "completed", startedAt: NOW, closedAt: NOW + 5 } as const

const append = (log: Log.LogShape, runId: string, seq: number, events: ReadonlyArray<Event.Event>, rest: Partial<Log.Append> = {}) =>
  log.append([{
    runId,
    epoch: log.epoch,
    expectedSeq: seq,
    events,
    delivered: [],
    row: undefined,
    start: undefined,
    outgoing: [],
    ...rest
  }]).pipe(
    Effect.map(([answer]) => {
      if (answer?._tag !== "Committed") throw new Error(`run ${runId} was answered with ${answer?._tag}`)
    })
  )

/** Starts a run; its history then holds one event. */
export const begin = (log: Log.LogShape, runId: string, rest: Partial<Log.StartRequest> = {}) => {
  const started: Event.Event = {
    _tag: "RunStarted",
    at: NOW,
    messageId: "start",
    workflow: rest.workflow ?? "checkout",
    version: "1",
    seed: "seed",
    effect: "3",
    reprise: "0"
  }
  const start: Log.StartRequest = {
    runId,
    workflow: "checkout",
    version: "1",
    key: undefined,
    createdAt: NOW,
    startAt: undefined,
    parent: undefined,
    forkedFrom: undefined,
    message: { _tag: "Start", messageId: "start", seed: "seed" },
    ...rest
  }
  return append(log, runId, 0, [started], { start, row: running })
}

/** Appends steps after `seq`; their summary is a text that may be large. */
export const steps = (log: Log.LogShape, runId: string, seq: number, summaries: ReadonlyArray<string>) =>
  append(log, runId, seq, summaries.map((summary, index) => ({
    _tag: "StepScheduled",
    at: NOW + seq,
    id: `0#${seq + index}`,
    name: "step",
    summary
  })))

export const close = (log: Log.LogShape, runId: string, seq: number) =>
  append(log, runId, seq, [{ _tag: "RunCompleted", at: NOW + 5, output: "done" }], { row: completed })
