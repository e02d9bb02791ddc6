/**
 * The body of a stream: read from the store when the reader asks for more, and not before. A slow reader costs a cursor, and
 * nothing of what it has yet to read is kept for it.
 */
import { Errors as CoreErrors } from "@reprise/core/engine"
import { Cause, Clock, Effect, Exit, Fiber, Runtime } from "effect"
import type { Problem } from "../api/Problem.js"
import * as Errors from "../Errors.js"
import type { Item, Page, Source } from "./Source.js"
import * as Streams from "./Streams.js"
import type { Wire } from "./Wire.js"

export interface Asked {
  readonly source: Source
  readonly wire: Wire
  /** Goes on with what comes. */
  readonly isLive: boolean
  readonly after: number
  /** Most items that are told. */
  readonly limit: number | undefined
  readonly caller: string | undefined
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
  readonly problemOf: (error: Failure) => Problem
}

export type Failure = CoreErrors.LogError | CoreErrors.HistoryDamaged | Errors.InternalError | Errors.ServerStopping

interface Stream extends Streams.Follower {
  readonly streams: Streams.StreamsShape
  readonly asked: Asked
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  readonly onAbort: () => void
  cursor: number
  left: number
  /** Items to read at once: few when they are large. */
  pageCount: number
  sentAt: number
  isOpened: boolean
  isEnded: boolean
  fiber: Fiber.RuntimeFiber<void> | undefined
}

/** A chunk has so many characters, or one item: what a reader gets at once, and all that is in memory for it. */
const CHUNK_CHARS = 65_536
const PAGE_COUNT_MIN = 16
const PAGE_COUNT_MAX = 512

const encoder = new TextEncoder()

/** Opens a stream; it is counted until its body is read to the end or cancelled, or its reader is dropped. */
export const open = (
  streams: Streams.StreamsShape,
  asked: Asked
): Effect.Effect<ReadableStream<Uint8Array>, Errors.ServerStopping | Errors.TooManyStreams> =>
  Effect.gen(function*() {
    yield* Streams.admit(streams, asked.caller)
    const runtime = yield* Effect.runtime()
    const now = yield* Clock.currentTimeMillis
    let stream: Stream
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          stream = makeStream(streams, asked, controller, now)
        },
        pull: () => pull(stream, runtime),
        cancel: () => abandon(stream)
      },
      { highWaterMark: 0 }
    )
  })

const makeStream = (
  streams: Streams.StreamsShape,
  asked: Asked,
  controller: ReadableStreamDefaultController<Uint8Array>,
  now: number
): Stream => {
  const onAbort = (): void => leave(stream)
  const stream: Stream = {
    topic: asked.source.topic,
    caller: asked.caller,
    hasNews: false,
    wake: undefined,
    wakeAt: Infinity,
    idleSince: now,
    stop: () => stop(stream),
    drop: (why) => drop(stream, why),
    streams,
    asked,
    controller,
    onAbort,
    cursor: asked.after,
    left: asked.limit ?? Infinity,
    pageCount: PAGE_COUNT_MIN,
    sentAt: now,
    isOpened: false,
    isEnded: false,
    fiber: undefined
  }
  Streams.enter(streams, stream)
  if (asked.signal.aborted) onAbort()
  else asked.signal.addEventListener("abort", onAbort)
  return stream
}

// ---- ending ----

const end = (stream: Stream): void => {
  stream.isEnded = true
  Streams.leave(stream.streams, stream)
  stream.asked.signal.removeEventListener("abort", stream.onAbort)
}

/** Nobody reads it any more. */
const abandon = (stream: Stream): void => {
  if (stream.isEnded) return
  end(stream)
  stream.fiber?.unsafeInterruptAsFork(stream.fiber.id())
}

/** The last words, and the end. */
const finish = (stream: Stream, words: string): void => {
  if (stream.isEnded) return
  if (words !== "") stream.controller.enqueue(encoder.encode(words))
  stream.controller.close()
  end(stream)
}

/**
 * Its caller has gone. Whoever reads on regardless sees that this is not the end, as with `fetch`. A port's reader goes in the
 * same turn, and would print an error that it got before.
 */
const leave = (stream: Stream): void => {
  abandon(stream)
  queueMicrotask(() => stream.controller.error(stream.asked.signal.reason))
}

/** Cut off: the reader sees that this is not the end. */
const drop = (stream: Stream, why: string): void => {
  if (stream.isEnded) return
  stream.controller.error(new Error(`The stream was dropped: ${why}`))
  abandon(stream)
}

/** Who is about to be told something is told this after it. */
const stop = (stream: Stream): void => {
  if (stream.idleSince === undefined) stream.wake?.()
  else finish(stream, stopping(stream))
}

const stopping = ({ asked }: Stream): string => asked.wire.stopping(asked.problemOf(new Errors.ServerStopping()))

// ---- reading ----

/** Settles when something was written, or the stream has ended. */
const pull = (stream: Stream, runtime: Runtime.Runtime<never>): Promise<void> =>
  new Promise((resolve) => {
    stream.idleSince = undefined
    const fiber = Runtime.runFork(runtime)(told(stream))
    stream.fiber = fiber
    fiber.addObserver(() => {
      stream.fiber = undefined
      resolve()
    })
  })

const told = (stream: Stream): Effect.Effect<void> =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(next(stream))
    const now = yield* Clock.currentTimeMillis
    stream.sentAt = now
    stream.idleSince = now
    if (Exit.isSuccess(exit) && stream.streams.isStopping) finish(stream, stopping(stream))
    if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return
    const failure = Cause.failureOption(exit.cause)
    if (failure._tag === "None") yield* Effect.logError("a stream failed", exit.cause)
    const error = failure._tag === "None" ? new Errors.InternalError() : failure.value
    finish(stream, stream.asked.wire.problem(stream.asked.problemOf(error)))
  })

/** Writes the next chunk, when there is one. */
const next = (stream: Stream): Effect.Effect<void, CoreErrors.LogError | CoreErrors.HistoryDamaged> =>
  Effect.gen(function*() {
    const { isLive, source, wire } = stream.asked
    if (opens(stream)) return
    while (!stream.isEnded) {
      if (stream.streams.isStopping) return
      stream.hasNews = false
      const page = yield* source.read(stream.cursor, Math.min(stream.pageCount, stream.left))
      if (stream.isEnded) return
      const all = write(stream, page)
      if (all && isLast(stream, page)) return finish(stream, wire.over)
      if (page.items.length > 0) return
      if (isLive && (yield* Clock.currentTimeMillis) >= quietAt(stream)) return say(stream, wire.heartbeat(stream.cursor))
      if (page.next !== "now") yield* news(stream, page)
    }
  })

/** The first chunk is there at once, so that a caller knows that it is connected, and from where. */
const opens = (stream: Stream): boolean => {
  const words = stream.isOpened ? "" : stream.asked.wire.opening(stream.cursor)
  stream.isOpened = true
  if (words !== "") say(stream, words)
  return words !== ""
}

const say = (stream: Stream, words: string): void => stream.controller.enqueue(encoder.encode(words))

const isLast = (stream: Stream, page: Page): boolean =>
  stream.left <= 0 || page.next === "never" || (!stream.asked.isLive && page.next !== "now")

/** Writes as much of a page as one chunk takes; the rest is read again. Answers whether that was all. */
const write = (stream: Stream, page: Page): boolean => {
  let words = ""
  let count = 0
  let last: Item | undefined
  for (const item of page.items) {
    if (words.length >= CHUNK_CHARS) break
    words += stream.asked.wire.item(item.id, item.value)
    last = item
    count += 1
  }
  const isAll = count === page.items.length
  stream.cursor = isAll ? page.cursor : last?.id ?? stream.cursor
  stream.left -= count
  if (!isAll) stream.pageCount = Math.max(1, count)
  else if (count === stream.pageCount && words.length < CHUNK_CHARS / 2) stream.pageCount = Math.min(PAGE_COUNT_MAX, count * 2)
  if (words !== "") say(stream, words)
  return isAll
}

const quietAt = ({ sentAt, streams }: Stream): number => sentAt + streams.bounds.heartbeatMillis

/** Waits until there are news, or it has been quiet for too long. */
const news = (stream: Stream, { next }: Page): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (stream.hasNews || stream.streams.isStopping) return Effect.void
    // What may be over soon looks again with the next tick.
    stream.wakeAt = next === "soon" ? 0 : quietAt(stream)
    return Effect.async<void>((resume) => {
      stream.wake = () => {
        stream.wake = undefined
        resume(Effect.void)
      }
    })
  })
