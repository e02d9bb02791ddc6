/** What the end of a program's root fiber means for its run. */
import { Cause, Exit, Option } from "effect"
import { Continued, type Failed } from "../define/Workflow.js"
import type { Command } from "../model/Command.js"
import { type Fault, StepDefect } from "../model/Errors.js"
import type { Carried, Failure } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import { faultOf } from "./Faults.js"
import type { ProgramState } from "./ProgramState.js"

export const endingOf = (
  program: ProgramState,
  exit: Exit.Exit<Json | undefined, Failed | Continued>
): { readonly command: Command } | { readonly fault: Fault } => {
  if (Exit.isSuccess(exit)) return { command: { _tag: "CompleteRun", output: exit.value } }
  const fault = faultOf(program, exit.cause)
  if (fault !== undefined) return { fault }
  return { command: closingCommand(program, exit.cause) }
}

/** How a body without a fault of its own ended. A typed error wins over a step's defect, both over interruption. */
const closingCommand = (program: ProgramState, cause: Cause.Cause<Failed | Continued>): Command => {
  const typed = Option.getOrUndefined(Cause.failureOption(cause))
  // A run that is to be cancelled does not go on in another generation.
  if (typed instanceof Continued && program.cancel === undefined) {
    return { _tag: "ContinueAsNew", input: typed.input, carried: unread(program) }
  }
  const failure = typed instanceof Continued ? undefined : typed?.failure ?? defectIn(cause)
  if (failure !== undefined) return failed(program, failure)
  const { cancel } = program
  if (cancel === undefined) return failed(program, { _tag: "Interrupted" })
  if (cancel.cause === "timeout") return failed(program, { _tag: "TimedOut", scope: "run", millis: program.timeoutMillis ?? 0 })
  const { by, reason } = cancel
  // Cancelled, but not clean: what could not be undone must be seen.
  if (program.compensations.failed.length > 0) {
    const cancelled = { ...(reason === undefined ? {} : { reason }), ...(by === undefined ? {} : { by }) }
    return failed(program, { _tag: "Interrupted", cancelled })
  }
  return { _tag: "CancelRun", reason, by }
}

const failed = (program: ProgramState, failure: Failure): Command => ({
  _tag: "FailRun",
  failure,
  uncompensated: [...program.compensations.failed]
})

const defectIn = (cause: Cause.Cause<unknown>): Failure | undefined => {
  for (const died of Cause.defects(cause)) if (died instanceof StepDefect) return stepDefect(died)
  return undefined
}

/** Signals that have arrived and that nobody has taken. */
const unread = (program: ProgramState): ReadonlyArray<Carried> =>
  [...program.signals].flatMap(([name, { arrived }]) =>
    arrived.map((payload) => (payload === undefined ? { name } : { name, payload })))

const stepDefect = (died: StepDefect): Failure => ({
  _tag: "Defect",
  name: died.name,
  message: `step "${died.step}": ${died.detail}`,
  ...(died.stack === undefined ? {} : { stack: died.stack })
})
