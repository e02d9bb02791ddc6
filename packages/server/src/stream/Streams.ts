/**
 * All streams of a server: who follows what, how many there may be, and who is told of a commit.
 *
 * - S1 One listener on the log, and one on what runs log, serve all streams. A commit costs them a set insertion, however many
 *      streams there are.
 * - S2 News are handed on at once, then at most every `COALESCE_MILLIS`: no stream looks at the store more often for what is new.
 * - S3 A stream that has ended, for whatever reason, is forgotten here: nothing of it stays.
 */
import { Client } from "@reprise/core"
import { type Log, RunLogs } from "@reprise/core/engine"
import { Clock, Context, Effect, type Scope } from "effect"
import * as Errors from "../Errors.js"
import type { Topic } from "./Source.js"

export interface Bounds {
  /** Streams that are open at the same time. */
  readonly streamsMax: number
  /** Of these, how many one caller may have, where callers are known. */
  readonly streamsPerCallerMax: number
  /** After so long without anything to tell, a stream shows that it is there; in milliseconds. */
  readonly heartbeatMillis: number
  /** A reader that takes nothing for so long is dropped; in milliseconds. */
  readonly stallMillis: number
}

export const BOUNDS: Bounds = {
  // A stream costs a socket and a cursor; systems commonly allow 1,024 open files.
  streamsMax: 1_000,
  streamsPerCallerMax: 100,
  // Proxies commonly cut what is silent for 30 or 60 s.
  heartbeatMillis: 15_000,
  stallMillis: 180_000
}

/** How long news are collected before streams look at them. */
const COALESCE_MILLIS = 20
/** How often clocks are looked at; and the store, where other processes commit to it untold. */
const TICK_MILLIS = 250

/** One open stream, as the hub sees it. */
export interface Follower {
  readonly topic: Topic
  /** Whose it is; `undefined` where nobody knows callers apart. */
  readonly caller: string | undefined
  /** Something was committed since the last look. */
  hasNews: boolean
  /** Lets a waiting stream go on. */
  wake: (() => void) | undefined
  /** When a waiting stream goes on by itself, in epoch milliseconds. */
  wakeAt: number
  /** Since when its reader has wanted nothing, in epoch milliseconds; `undefined` while it waits for us. */
  idleSince: number | undefined
  readonly stop: () => void
  readonly drop: (why: string) => void
}

export interface StreamsShape {
  readonly client: Context.Tag.Service<typeof Client.Client>
  readonly runLogs: RunLogs.RunLogsShape
  readonly bounds: Bounds
  readonly open: Set<Follower>
  readonly all: Set<Follower>
  /** By run. */
  readonly runs: Map<string, Set<Follower>>
  readonly logs: Map<string, Set<Follower>>
  readonly counts: Map<string, number>
  /** Followers who have to be told, by topic. */
  readonly fresh: Set<ReadonlySet<Follower>>
  /** Called when there is somebody to tell. */
  signal: (() => void) | undefined
  /** Called when the last stream has ended. */
  readonly onEmpty: Array<() => void>
  isStopping: boolean
}

export class Streams extends Context.Tag("@reprise/server/Streams")<Streams, StreamsShape>() {}

/** Listens for as long as the scope is open; ends all streams with it. */
export const make = (
  bounds: Partial<Bounds> = {}
): Effect.Effect<StreamsShape, never, Client.Client | RunLogs.RunLogs | Scope.Scope> =>
  Effect.gen(function*() {
    const streams: StreamsShape = {
      client: yield* Client.Client,
      runLogs: yield* RunLogs.RunLogs,
      bounds: { ...BOUNDS, ...bounds },
      open: new Set(),
      all: new Set(),
      runs: new Map(),
      logs: new Map(),
      counts: new Map(),
      fresh: new Set(),
      signal: undefined,
      onEmpty: [],
      isStopping: false
    }
    yield* streams.client.log.watch((change) => hear(streams, change))
    yield* streams.runLogs.watch((runIds) => hearLines(streams, runIds))
    yield* Effect.addFinalizer(() => stop(streams))
    yield* Effect.forkScoped(Effect.forever(handOn(streams)))
    yield* Effect.forkScoped(Effect.forever(tick(streams)))
    return streams
  })

/** Tells every stream that the server stops, and takes no more. None is open when this succeeds. */
export const stop = (streams: StreamsShape): Effect.Effect<void> =>
  Effect.async((resume) => {
    streams.isStopping = true
    streams.onEmpty.push(() => resume(Effect.void))
    for (const follower of [...streams.open]) follower.stop()
    sayWhenEmpty(streams)
  })

const sayWhenEmpty = ({ onEmpty, open }: StreamsShape): void => {
  if (open.size === 0) for (const say of onEmpty.splice(0)) say()
}

// ---- who follows ----

export const admit = (
  streams: StreamsShape,
  caller: string | undefined
): Effect.Effect<void, Errors.ServerStopping | Errors.TooManyStreams> => {
  const { streamsMax, streamsPerCallerMax } = streams.bounds
  if (streams.isStopping) return Effect.fail(new Errors.ServerStopping())
  if (streams.open.size >= streamsMax) return Effect.fail(new Errors.TooManyStreams({ streamsMax }))
  const own = caller === undefined ? 0 : streams.counts.get(caller) ?? 0
  return own >= streamsPerCallerMax ? Effect.fail(new Errors.TooManyStreams({ streamsMax: streamsPerCallerMax })) : Effect.void
}

export const enter = (streams: StreamsShape, follower: Follower): void => {
  const { caller, topic } = follower
  streams.open.add(follower)
  if (caller !== undefined) streams.counts.set(caller, (streams.counts.get(caller) ?? 0) + 1)
  if (topic._tag === "All") {
    streams.all.add(follower)
    return
  }
  const byRun = topic._tag === "Run" ? streams.runs : streams.logs
  const others = byRun.get(topic.runId)
  if (others === undefined) byRun.set(topic.runId, new Set([follower]))
  else others.add(follower)
}

/** S3. */
export const leave = (streams: StreamsShape, follower: Follower): void => {
  if (!streams.open.delete(follower)) return
  sayWhenEmpty(streams)
  const { caller, topic } = follower
  if (caller !== undefined) {
    const left = (streams.counts.get(caller) ?? 1) - 1
    if (left === 0) streams.counts.delete(caller)
    else streams.counts.set(caller, left)
  }
  if (topic._tag === "All") {
    streams.all.delete(follower)
    return
  }
  const byRun = topic._tag === "Run" ? streams.runs : streams.logs
  const others = byRun.get(topic.runId)
  others?.delete(follower)
  if (others?.size === 0) byRun.delete(topic.runId)
}

// ---- who is told ----

/** Called by the store right after each commit. */
const hear = (streams: StreamsShape, change: Log.Change): void => {
  if (streams.open.size === 0) return
  if (change._tag === "Appended") {
    mark(streams, streams.all)
    mark(streams, streams.runs.get(change.runId))
  }
  if (change._tag === "Closed") mark(streams, streams.logs.get(change.runId))
}

const hearLines = (streams: StreamsShape, runIds: ReadonlySet<string>): void => {
  if (streams.logs.size === 0) return
  for (const runId of runIds) mark(streams, streams.logs.get(runId))
}

const mark = (streams: StreamsShape, followers: ReadonlySet<Follower> | undefined): void => {
  if (followers === undefined || followers.size === 0) return
  streams.fresh.add(followers)
  streams.signal?.()
}

/** S2. */
const handOn = (streams: StreamsShape): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    streams.signal = () => {
      streams.signal = undefined
      resume(Effect.void)
    }
    if (streams.fresh.size > 0) streams.signal()
  }).pipe(
    Effect.zipRight(Effect.sync(() => {
      const fresh = [...streams.fresh]
      streams.fresh.clear()
      for (const followers of fresh) for (const follower of followers) tell(follower)
    })),
    Effect.zipRight(Effect.sleep(COALESCE_MILLIS))
  )

const tell = (follower: Follower): void => {
  follower.hasNews = true
  follower.wake?.()
}

const tick = (streams: StreamsShape): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* Effect.sleep(TICK_MILLIS)
    const now = yield* Clock.currentTimeMillis
    const isUntold = !streams.client.log.watchesAll
    for (const follower of [...streams.open]) {
      const { idleSince } = follower
      if (idleSince !== undefined && now - idleSince >= streams.bounds.stallMillis) follower.drop("its reader takes nothing any more")
      else if (isUntold) tell(follower)
      else if (now >= follower.wakeAt) follower.wake?.()
    }
  })
