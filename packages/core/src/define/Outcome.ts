/** How a run ended, as those see it who await it: a client, or the run's parent. */
import { Either } from "effect"
import {
  CompensationFailed,
  type EngineError,
  type PayloadInvalid,
  RunCancelled,
  RunFailed,
  RunTerminated,
  RunTimedOut
} from "../model/Errors.js"
import type { Failure } from "../model/Event.js"
import type { End } from "../model/Message.js"
import type { Any } from "./Workflow.js"

/** The output, or the workflow's typed error, or an error that says how else it ended. */
export type Outcome<A, E> = Either.Either<A, E | EngineError>

/** Left when what is recorded does not fit the workflow's schemas. */
export const outcomeOf = <A, E>(workflow: Any, runId: string, end: End): Either.Either<Outcome<A, E>, PayloadInvalid> => {
  switch (end._tag) {
    case "Completed":
      return Either.map(workflow.output.decode(end.output, `output of run "${runId}"`), (output: A) => Either.right(output))
    case "Failed":
      return Either.map(failureOf<E>(workflow, runId, end.failure), (error) => Either.left(undone(runId, end, error)))
    case "Cancelled":
      return Either.right(Either.left(new RunCancelled({ runId, reason: end.reason, by: end.by })))
    case "Terminated":
      return Either.right(Either.left(new RunTerminated({ runId, reason: end.reason, by: end.by })))
  }
}

/** The failure itself, unless some of what the run had done could not be undone. */
const undone = <E>(runId: string, { failure, uncompensated }: End & { readonly _tag: "Failed" }, error: E) =>
  uncompensated === undefined ? error : new CompensationFailed({ runId, failure, error, uncompensated })

const failureOf = <E>(workflow: Any, runId: string, failure: Failure): Either.Either<E | EngineError, PayloadInvalid> => {
  switch (failure._tag) {
    case "Error":
      return workflow.error.decode(failure.error, `error of run "${runId}"`)
    case "Defect":
      return Either.right(new RunFailed({ runId, name: failure.name, detail: failure.message, stack: failure.stack }))
    case "TimedOut":
      return Either.right(new RunTimedOut({ runId, millis: failure.millis }))
    case "Interrupted":
      if (failure.cancelled !== undefined) return Either.right(new RunCancelled({ runId, ...failure.cancelled }))
      return Either.right(new RunFailed({ runId, name: failure._tag, detail: "the program interrupted itself" }))
    case "Unencodable":
      return Either.right(new RunFailed({ runId, name: failure._tag, detail: failure.message }))
    case "OutcomeUnknown":
      return Either.right(new RunFailed({ runId, name: failure._tag, detail: "" }))
  }
}
