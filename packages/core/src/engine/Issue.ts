/**
 * Where a program's commands arrive. While replaying, each is compared with the recorded one at once, and the first misfit
 * stops the program before anything else of it runs; while live, it is collected.
 */
import type { Command } from "../model/Command.js"
import { ProgramValueInvalid } from "../model/Errors.js"
import * as Bounds from "./Bounds.js"
import * as Determinism from "./Determinism.js"
import { diverge, fail, spinning } from "./Faults.js"
import * as Markers from "./Markers.js"
import type { ProgramState } from "./ProgramState.js"

/** Compares or collects a command (R2). False when the program must not go on. */
export const issue = (program: ProgramState, fiberPath: string, command: Command): boolean => {
  if (program.fault !== undefined || program.finished) return false
  if (program.aside) {
    program.trespass ??= Determinism.describeCommand(command)
    return false
  }
  program.commandCount += 1
  if (program.commandCount > program.host.limits.activationCommandsMax) {
    fail(program, spinning(program, `more than ${program.host.limits.activationCommandsMax} commands in one activation`))
    return false
  }
  if (program.recorded === undefined) {
    const over = Bounds.exceeded(command, program.host.limits)
    if (over !== undefined) {
      fail(program, new ProgramValueInvalid({ workflow: program.workflow.name, ...over }))
      return false
    }
    program.commands.push(command)
    return true
  }
  const expected = Markers.upcoming(program)
  if (program.fault !== undefined) return false
  if (expected === undefined || !Determinism.matches(command, expected)) {
    program.misfit = command
    const was = expected === undefined ? "nothing more in this activation" : Determinism.describeEvent(expected)
    diverge(program, was, Determinism.describeCommand(command), fiberPath)
    return false
  }
  program.recordedCount += 1
  return true
}
