/** What a client is made of. Every function of `Client` finds it in the context. */
import { Context, Duration, Effect, type Scope } from "effect"
import type { Inspection } from "../engine/Inspection.js"
import type * as Registry from "../engine/Registry.js"
import type * as Replay from "../engine/Replay.js"
import type { Fault, HistoryDamaged, LogError, MessageUnknown, PayloadInvalid, QueryFailed } from "../model/Errors.js"
import type { Event } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { Limits } from "../model/Limits.js"
import type * as Message from "../model/Message.js"
import type { Appended, Change, LogShape, RunSummary, StartRequest } from "../ports/Log.js"
import type { Report } from "./Report.js"

/** What the worker of this process can do for a client, faster than through the store or not at all through it. */
export interface LocalWorker {
  /** Starts a run and its first activation in one transaction. */
  readonly start: (request: StartRequest) => Effect.Effect<Appended, LogError>
  /** What is wrong with a message, judged by the schemas of the run's own program. */
  readonly refusal: (run: RunSummary, message: Message.Message) => Effect.Effect<PayloadInvalid | undefined, LogError>
  /** Asks a live program; the run is replayed first when it is not in memory. */
  readonly query: (
    run: RunSummary,
    name: string,
    input: Json | undefined
  ) => Effect.Effect<Json | undefined, LogError | HistoryDamaged | QueryFailed | MessageUnknown>
  /** Replays the open runs dry. */
  readonly check: (options: { readonly workflow?: string }) => Effect.Effect<Report, LogError>
  /** Plays a history, and what would be told after it, on a program that is thrown away: why it could not go on. */
  readonly rehearse: (
    run: Replay.Subject,
    events: ReadonlyArray<Event>,
    next: Event | undefined
  ) => Effect.Effect<Fault | undefined>
  /** Replays a run in order to say what its fibers wait for. */
  readonly inspect: (run: RunSummary) => Effect.Effect<Inspection, LogError | HistoryDamaged>
  /** How the worker does, for checks of its health. */
  readonly vitals: Effect.Effect<Vitals>
}

/** Whether the loops of a worker do their work. Instants are epoch milliseconds. */
export interface Vitals {
  /** Runs in memory. */
  readonly liveCount: number
  /** It begins nothing any more, because its process stops. */
  readonly isStopping: boolean
  /** It has ended, because another process has taken the store over. */
  readonly isFenced: boolean
  /** When the last commit failed, if the last one did. */
  readonly commitFailedAt: number | undefined
  /** Since when the store has owed the answer to a commit. */
  readonly commitSince: number | undefined
  /** How long what is due has waited, or waits, to be looked at, in milliseconds. */
  readonly timerLagMillis: number
}

export interface ClientShape {
  readonly log: LogShape
  readonly registry: Registry.Registry
  readonly local: LocalWorker | undefined
  readonly limits: Limits
  /** A fresh unguessable id. */
  readonly newId: () => string
  readonly waiters: Waiters
}

/** Somebody who waits for news of a run: told of each change, and now and then to look for itself. */
export interface Waiter {
  readonly tell: (change: Change) => void
  readonly lookAgain: () => void
}
export type Waiters = Map<string, Set<Waiter>>

/** How often waiters look into the store for themselves, where other processes may commit what is not told here. */
const LOOK_AGAIN = Duration.seconds(1)

export class Client extends Context.Tag("@reprise/core/Client")<Client, ClientShape>() {}

/** Builds a client on a log; it listens for changes until the scope closes. */
export const make = (options: Omit<ClientShape, "waiters">): Effect.Effect<ClientShape, never, Scope.Scope> =>
  Effect.gen(function*() {
    const waiters: Waiters = new Map()
    yield* options.log.watch((change) => {
      for (const waiter of waiters.get(change.runId) ?? []) waiter.tell(change)
    })
    const lookAgain = Effect.sync(() => {
      for (const all of waiters.values()) for (const waiter of all) waiter.lookAgain()
    })
    const ticker = Effect.forever(Effect.zipRight(Effect.sleep(LOOK_AGAIN), lookAgain))
    if (!options.log.watchesAll) yield* Effect.forkScoped(ticker)
    return { ...options, waiters }
  })
