/**
 * Which branch a run takes at a change. While live, the new one, and a marker says so; on replay, what the history says.
 *
 * Invariants:
 * - R1 The first answer holds for the rest of the generation, and a replay gives the same one: a place that was passed
 *      without a marker is passed without it again.
 * - R2 Readers on the side (queries, validators) are told what is known and leave nothing behind.
 */
import { Effect } from "effect"
import type { Request } from "../../define/Activation.js"
import type { FiberPlace } from "../FiberPath.js"
import { issue } from "../Issue.js"
import * as Markers from "../Markers.js"
import type { ProgramState } from "../ProgramState.js"

export const patched = (program: ProgramState, here: FiberPlace, { patch }: Request<"Patched">): Effect.Effect<boolean> => {
  const known = program.patches.get(patch)
  if (known !== undefined) return Effect.succeed(known.taken)
  if (here.aside) return Effect.succeed(false)
  const taken = decide(program, here, patch)
  // A program at fault, or one that has ended, waits for ever.
  if (taken === undefined) return Effect.async(() => {})
  program.patches.set(patch, { taken, seq: program.seq })
  return Effect.succeed(taken)
}

const decide = (program: ProgramState, here: FiberPlace, patch: string): boolean | undefined => {
  // Live, a fiber that outlives the program is not answered: it leaves no marker. Nor may it be when this is replayed.
  if (program.finished) return undefined
  const passed = program.aside ? undefined : program.passedMarkers.get(patch)
  if (passed !== undefined && passed.activation !== program.seq) {
    Markers.used(program, patch, passed.seq, program.seq)
    return undefined
  }
  // Its marker stands before commands that were asked for first this time: still the same moment of the run.
  if (passed !== undefined) return true
  if (program.recorded === undefined || program.aside) {
    return issue(program, here.path, { _tag: "MarkVersion", patch }) ? true : undefined
  }
  const taken = Markers.take(program, patch)
  return program.fault === undefined ? taken : undefined
}
