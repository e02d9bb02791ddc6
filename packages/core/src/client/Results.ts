/** How runs end, for those who await them. */
import { Effect, type Either } from "effect"
import type { Any, EngineError, Workflow } from "../define/Workflow.js"
import {
  type HistoryDamaged,
  type LogError,
  type PayloadInvalid,
  RunCancelled,
  RunFailed,
  type RunNotFound,
  RunTerminated,
  RunTimedOut
} from "../model/Errors.js"
import type { Closing, Failure } from "../model/Event.js"
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

export const closingIn = (change: Change): Closing | undefined => (change._tag === "Closed" ? change.event : undefined)

export const closingOf = (client: ClientShape, runId: string) =>
  Effect.gen(function*() {
    const summary = yield* describeWith(client, runId)
    if (!Run.isClosed(summary.status)) return undefined
    const [last] = yield* client.log.read(runId, summary.eventCount - 1, 1)
    return last?.event as Closing | undefined
  })

export const outcomeOf = <A, E>(workflow: Any, runId: string, closing: Closing): Effect.Effect<A, E | EngineError | Ended> => {
  switch (closing._tag) {
    case "RunCompleted":
      return workflow.output.decode(closing.output, `output of run "${runId}"`) as Either.Either<A, PayloadInvalid>
    case "RunFailed":
      return failed(workflow, runId, closing.failure)
    case "RunCancelled":
      return Effect.fail(new RunCancelled({ runId, reason: closing.reason, by: closing.by }))
    case "RunTerminated":
      return Effect.fail(new RunTerminated({ runId, reason: closing.reason, by: closing.by }))
  }
}

const failed = <E>(workflow: Any, runId: string, failure: Failure): Effect.Effect<never, E | EngineError | Ended> => {
  switch (failure._tag) {
    case "Error":
      return Effect.flatMap(
        workflow.error.decode(failure.error, `error of run "${runId}"`) as Either.Either<E, PayloadInvalid>,
        Effect.fail
      )
    case "Defect":
      return Effect.fail(
        new RunFailed({ runId, name: failure.name, detail: failure.message, stack: failure.stack })
      )
    case "TimedOut":
      return Effect.fail(new RunTimedOut({ runId, millis: failure.millis }))
    case "Interrupted":
      return Effect.fail(new RunFailed({ runId, name: failure._tag, detail: "the program interrupted itself" }))
    case "Unencodable":
    case "OutcomeUnknown":
      return Effect.fail(new RunFailed({ runId, name: failure._tag, detail: "message" in failure ? failure.message : "" }))
  }
}
