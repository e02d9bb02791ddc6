/** What the end of a program's root fiber means for its run. */
import { Cause, Exit, Option } from "effect"
import type { Failed } from "../define/Workflow.js"
import type { Command } from "../model/Command.js"
import { type Fault, StepDefect } from "../model/Errors.js"
import type { Failure } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import { faultOf } from "./Faults.js"
import type { ProgramState } from "./ProgramState.js"

export const endingOf = (
  program: ProgramState,
  exit: Exit.Exit<Json | undefined, Failed>
): { readonly command: Command } | { readonly fault: Fault } => {
  if (Exit.isSuccess(exit)) return { command: { _tag: "CompleteRun", output: exit.value } }
  const fault = faultOf(program, exit.cause)
  if (fault !== undefined) return { fault }
  return { command: closingCommand(program, exit.cause) }
}

/** How a body without a fault of its own ended. A typed error wins over a step's defect, both over interruption. */
const closingCommand = (program: ProgramState, cause: Cause.Cause<Failed>): Command => {
  const typed = Cause.failureOption(cause)
  if (Option.isSome(typed)) return { _tag: "FailRun", failure: typed.value.failure }
  for (const died of Cause.defects(cause)) {
    if (died instanceof StepDefect) return { _tag: "FailRun", failure: stepDefect(died) }
  }
  const cancel = program.cancel
  if (cancel === undefined) return { _tag: "FailRun", failure: { _tag: "Interrupted" } }
  if (cancel.cause === "request") return { _tag: "CancelRun", reason: cancel.reason, by: cancel.by }
  return { _tag: "FailRun", failure: { _tag: "TimedOut", scope: "run", millis: program.timeoutMillis ?? 0 } }
}

const stepDefect = (died: StepDefect): Failure => ({
  _tag: "Defect",
  name: died.name,
  message: `step "${died.step}": ${died.detail}`,
  ...(died.stack === undefined ? {} : { stack: died.stack })
})
