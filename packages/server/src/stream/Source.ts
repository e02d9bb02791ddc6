/** What streams read: a run's history, the events of all runs, what a run logs. A cursor is all that is kept between two pages. */
import { Event, type Errors, type Log, Run, type RunLogs } from "@reprise/core/engine"
import { Clock, Effect } from "effect"
import type { LogLine, RecordedEvent } from "../api/Model.js"

/** Something to tell, with the cursor behind it. */
export interface Item {
  readonly id: number
  readonly value: unknown
}

export interface Page {
  readonly items: ReadonlyArray<Item>
  /** Where to go on when all items are told. */
  readonly cursor: number
  /** When there may be more to read. `soon`: within a second, or never. */
  readonly next: "now" | "soon" | "later" | "never"
}

/** Whose news make a stream look again. */
export type Topic =
  | { readonly _tag: "All" }
  | { readonly _tag: "Run"; readonly runId: string }
  | { readonly _tag: "Logs"; readonly runId: string }

export type Source = {
  readonly topic: Topic
  readonly read: (after: number, limit: number) => Effect.Effect<Page, Errors.LogError | Errors.HistoryDamaged>
}

export const recorded = (runId: string, { event, seq }: Event.Recorded, position?: number): RecordedEvent => ({
  runId,
  seq,
  ...(position === undefined ? {} : { position }),
  at: event.at,
  event
})

export const line = ({ attempt, fields, stepId, stepName, ...kept }: RunLogs.Kept): LogLine => ({
  ...kept,
  ...(stepId === undefined ? {} : { stepId }),
  ...(stepName === undefined ? {} : { stepName }),
  ...(attempt === undefined ? {} : { attempt }),
  ...(fields === undefined ? {} : { fields })
})

/** As the routes' schemas encode it, without a look at each event: the store has verified them. */
const written = <A extends { readonly at: number }>(value: A) => ({ ...value, at: new Date(value.at).toISOString() })

/** A run's history; over with the event that closes it. */
export const history = (log: Log.LogShape, runId: string): Source => ({
  topic: { _tag: "Run", runId },
  read: (after, limit) =>
    Effect.map(log.read(runId, after, limit), (events): Page => {
      const last = events.at(-1)
      const isOver = last !== undefined && Event.isClosing(last.event)
      return {
        items: events.map((event) => ({ id: event.seq, value: written(recorded(runId, event)) })),
        cursor: last?.seq ?? after,
        next: isOver ? "never" : events.length === limit ? "now" : "later"
      }
    })
})

/** The events of the runs that a filter selects. With `until`, only what is there: up to that position. */
export const feed = (log: Log.LogShape, filter: Log.FeedFilter, until: number | undefined): Source => ({
  topic: { _tag: "All" },
  read: (after, limit) =>
    Effect.map(log.feed(after, limit, filter), ({ events, position }): Page => ({
      items: events.map((event) => ({ id: event.position, value: written(recorded(event.runId, event, event.position)) })),
      cursor: position,
      next: position === after || (until !== undefined && position >= until) ? "later" : "now"
    }))
})

/** How long after the end of a run its last lines may still be on their way, in milliseconds: workers write them in batches. */
const LINGER_MILLIS = 1_000

export interface LinesOf {
  readonly runId: string
  readonly stepId?: string
  readonly attempt?: number
}

/** What a run logs; over soon after its end. */
export const logs = (log: Log.LogShape, runLogs: RunLogs.RunLogsShape, { runId, ...of }: LinesOf): Source => ({
  topic: { _tag: "Logs", runId },
  read: (after, limit) =>
    Effect.gen(function*() {
      const kept = yield* runLogs.read(runId, { after, limit, ...of })
      return {
        items: kept.map((one) => ({ id: one.position, value: written(line(one)) })),
        cursor: kept.at(-1)?.position ?? after,
        next: kept.length === limit ? "now" : kept.length > 0 ? "later" : yield* lingering(log, runId)
      }
    })
})

const lingering = (log: Log.LogShape, runId: string): Effect.Effect<Page["next"], Errors.LogError> =>
  Effect.gen(function*() {
    const [run] = yield* log.find({ runIds: [runId], limit: 1 })
    if (run === undefined) return "never"
    if (!Run.isClosed(run.status)) return "later"
    return (run.closedAt ?? 0) + LINGER_MILLIS > (yield* Clock.currentTimeMillis) ? "soon" : "never"
  })
