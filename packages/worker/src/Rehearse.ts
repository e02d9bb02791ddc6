/** Plays what a run would be told on a program that is thrown away: whether it could go on like this. Changes nothing. */
import { type Errors, type Event, Program, type ProgramState, Registry, Replay } from "@reprise/core/engine"
import type { Worker } from "./State.js"

/** Why a run with this history, told `next`, could not go on; `undefined` when it could. */
export const rehearse = (
  worker: Worker,
  run: Replay.Subject,
  events: ReadonlyArray<Event.Event>,
  next: Event.Event | undefined
): Errors.Fault | undefined => {
  const history = events.map((event, i) => ({ seq: i + 1, event }))
  const replay = Replay.run(run, history, worker.registry, worker.host)
  const program = replay.program ?? begun(worker, run, next)
  if (replay.fault !== undefined || program === undefined) return replay.fault
  if ("_tag" in program) return program
  if (next !== undefined) Program.activate(program, next, events.length + 1, undefined)
  Program.drop(program)
  return program.fault
}

const begun = (
  { host, registry }: Worker,
  run: Replay.Subject,
  next: Event.Event | undefined
): ProgramState.ProgramState | Errors.WorkflowUnknown | undefined => {
  if (next?._tag !== "RunStarted") return undefined
  const workflow = Registry.forRun(registry, run.workflow, run.version)
  if (workflow._tag === "WorkflowUnknown") return workflow
  return Program.make(workflow, Program.infoOf(run.runId, next), next.seed, host, () => {})
}
