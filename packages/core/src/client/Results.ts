/** How runs end, for those who await them. */
import { Effect } from "effect"
import * as Outcome from "../define/Outcome.js"
import type { Any, EngineError, Workflow } from "../define/Workflow.js"
import * as Decide from "../engine/Decide.js"
import type {
  CompensationFailed,
  HistoryDamaged,
  LogError,
  PayloadInvalid,
  RunCancelled,
  RunFailed,
  RunNotFound,
  RunTerminated,
  RunTimedOut
} from "../model/Errors.js"
import type { Closing } from "../model/Event.js"
import * as Run from "../model/Run.js"
import type { Change } from "../ports/Log.js"
import { describeWith } from "./Runs.js"
import { Client, type ClientShape } from "./Shape.js"
import { watching } from "./Watch.js"

/** The ways for a run to end, or not to be found, that are no typed error of its workflow. */
export type Ended =
  | RunFailed
  | RunTimedOut
  | RunCancelled
  | RunTerminated
  | CompensationFailed
  | RunNotFound
  | PayloadInvalid
  | HistoryDamaged
  | LogError

/** Waits until a run has ended, and answers its typed outcome. */
export const result = <A, E>(
  workflow: Workflow<any, A, E, any>,
  runId: string
): Effect.Effect<A, E | EngineError | Ended, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const closing = yield* awaitClosed(client, runId)
    return yield* outcomeOf<A, E>(workflow, runId, closing)
  })

/** The event that closed a run, waiting for it if need be. */
export const awaitClosed = (
  client: ClientShape,
  runId: string
): Effect.Effect<Closing, RunNotFound | LogError | HistoryDamaged> =>
  watching(client, runId, closingIn, closingOf(client, runId))

/** How a run ended, as its last event says, waiting for it if need be. */
export const outcome = (runId: string): Effect.Effect<Closing, RunNotFound | LogError | HistoryDamaged, Client> =>
  Effect.flatMap(Client, (client) => awaitClosed(client, runId))

/** The same without waiting: `undefined` for a run that is open. */
export const end = (runId: string): Effect.Effect<Closing | undefined, RunNotFound | LogError | HistoryDamaged, Client> =>
  Effect.flatMap(Client, (client) => closingOf(client, runId))

export const closingIn = (change: Change): Closing | undefined => (change._tag === "Closed" ? change.event : undefined)

export const closingOf = (client: ClientShape, runId: string) =>
  Effect.gen(function*() {
    const summary = yield* describeWith(client, runId)
    if (!Run.isClosed(summary.status)) return undefined
    const [last] = yield* client.log.read(runId, summary.eventCount - 1, 1)
    return last?.event as Closing | undefined
  })

export const outcomeOf = <A, E>(workflow: Any, runId: string, closing: Closing): Effect.Effect<A, E | EngineError | Ended> =>
  Effect.flatten(Outcome.outcomeOf<A, E>(workflow, runId, Decide.endIn(closing)))
