/** How a program goes wrong: the fault is kept, and nothing of the program moves again. */
import { Cause } from "effect"
import type { Command } from "../model/Command.js"
import {
  Divergence,
  type Fault,
  ForeignAsync,
  GlobalForbidden,
  PayloadInvalid,
  ProgramDefect,
  ProgramSpinning,
  ProgramValueInvalid,
  StepDefect
} from "../model/Errors.js"
import type { ProgramState } from "./ProgramState.js"

export const fail = (program: ProgramState, fault: Fault): void => {
  program.fault ??= fault
  program.scheduler.stop()
}

export const foreign = (program: ProgramState, stack: string): void => {
  if (program.finished || program.fault !== undefined) return
  const detail = "a fiber was woken by a promise, callback or timer that the log does not know"
  const fault = new ForeignAsync({ workflow: program.workflow.name, detail, stack })
  fail(program, fault)
  program.onFault(fault)
}

export const spinning = (program: ProgramState, bound: string): Fault =>
  new ProgramSpinning({ workflow: program.workflow.name, bound })

export const diverge = (program: ProgramState, expected: string, actual: string, fiberPath: string): void =>
  fail(
    program,
    new Divergence({
      workflow: program.workflow.name,
      seq: program.recorded?.[program.recordedCount]?.seq ?? program.seq + program.recordedCount + 1,
      expected,
      actual,
      fiberPath,
      ...sourceOf(program, fiberPath)
    })
  )

/** The line of the command that does not fit; for one that has no line, the last of its fiber. */
const sourceOf = (program: ProgramState, fiberPath: string): { readonly source?: string } => {
  const line = program.lines.get(fiberPath)?.()
  if (line === undefined) return {}
  return { source: program.misfit !== undefined && HAVE_LINES.has(program.misfit._tag) ? line : `after ${line}` }
}

/** Commands whose requests carry a source line. */
const HAVE_LINES: ReadonlySet<Command["_tag"]> = new Set([
  "RunStep",
  "RecordValue",
  "CreateAwakeable",
  "StartChild",
  "SendSignal"
] as const)

/** A defect that is not a step's is a fault in the program: the run is blocked until the code is mended. */
export const faultOf = (program: ProgramState, cause: Cause.Cause<unknown>): Fault | undefined => {
  for (const died of Cause.defects(cause)) {
    if (died instanceof StepDefect) continue
    if (died instanceof GlobalForbidden) return died
    if (died instanceof PayloadInvalid) return valueInvalid(program, died)
    return defect(program, Cause.die(died))
  }
  return undefined
}

const valueInvalid = (program: ProgramState, error: PayloadInvalid): Fault =>
  new ProgramValueInvalid({
    workflow: program.workflow.name,
    what: error.what,
    detail: error.path === "" ? error.detail : `at ${error.path}: ${error.detail}`
  })

export const defect = (program: ProgramState, cause: Cause.Cause<unknown>): Fault => {
  const died = Cause.squash(cause)
  const stack = died instanceof Error ? died.stack : undefined
  return new ProgramDefect({
    workflow: program.workflow.name,
    detail: died instanceof Error ? `${died.name}: ${died.message}` : String(died),
    ...(stack === undefined ? {} : { stack })
  })
}
