/**
 * The markers of `Workflow.patched` in a recorded activation. A marker is a command without a position: the program may
 * ask for it or not, and nothing else moves. So a patch is retired by deleting the question and the old branch.
 *
 * Invariants:
 * - R1 A marker that the program does not ask for is passed over, when the next command is looked at or the program rests.
 * - R2 One id stands for one change: a patch that is asked for anew, at another place than its marker's, is a fault.
 */
import { PatchUsed } from "../model/Errors.js"
import type { Event, Recorded } from "../model/Event.js"
import { fail } from "./Faults.js"
import type { ProgramState } from "./ProgramState.js"

/** The recorded command that the program must ask for next; markers before it are passed over (R1). */
export const upcoming = (program: ProgramState): Event | undefined => {
  for (let next = nextOf(program); next !== undefined; next = nextOf(program)) {
    if (next.event._tag !== "VersionMarked") return next.event
    pass(program, next.event.patch, next.seq)
  }
  return undefined
}

/** Takes a patch's marker, if it stands before the next command; those before it are passed over. */
export const take = (program: ProgramState, patch: string): boolean => {
  const { recorded = [], recordedCount } = program
  const ahead = recorded.slice(recordedCount)
  const others = ahead.findIndex(({ event }) => event._tag !== "VersionMarked" || event.patch === patch)
  if (ahead[others]?.event._tag !== "VersionMarked") return false
  for (const { event, seq } of ahead.slice(0, others)) if (event._tag === "VersionMarked") pass(program, event.patch, seq)
  program.recordedCount += 1
  return true
}

const nextOf = ({ recorded, recordedCount }: ProgramState): Recorded | undefined => recorded?.[recordedCount]

const pass = (program: ProgramState, patch: string, seq: number): void => {
  program.recordedCount += 1
  const asked = program.patches.get(patch)
  if (asked?.taken === false) return used(program, patch, seq, asked.seq)
  program.passedMarkers.set(patch, { seq, activation: program.seq })
}

/** The id was recorded at `seq` and asked for at another place (R2). */
export const used = (program: ProgramState, patch: string, seq: number, askedSeq: number): void =>
  fail(program, new PatchUsed({ workflow: program.workflow.name, patch, seq, askedSeq }))
