/** Plays what a run would be told on a program that is thrown away: whether it could go on like this. Changes nothing. */
import { Errors, type Event, Program, type ProgramState, Registry, Replay } from "@reprise/core/engine"
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
  const refusal = refusalOf(program, next === undefined ? events : [...events, next], next)
  if (refusal === undefined && next !== undefined) Program.activate(program, next, events.length + 1, undefined)
  Program.drop(program)
  return refusal ?? program.fault
}

/** What the worker would not deliver, or what nobody has looked at yet. */
const refusalOf = (
  program: ProgramState.ProgramState,
  events: ReadonlyArray<Event.Event>,
  next: Event.Event | undefined
): Errors.Fault | undefined => {
  for (const event of events) {
    const refusal = event._tag === "AwakeableSettled" ? program.awakeables.get(event.id)?.accepts?.(event.settlement) : undefined
    if (refusal !== undefined) return invalid(program, refusal.what, refusal.detail)
  }
  const handler = next?._tag === "UpdateAccepted" ? program.updates.get(next.name) : undefined
  if (handler === undefined || next?._tag !== "UpdateAccepted") return undefined
  const verdict = Program.look(program, handler.validate(next.input))
  const reason = verdict?._tag === "Success" ? verdict.value : "its validator does not answer"
  return reason === undefined ? undefined : invalid(program, `input of update "${next.name}"`, reason)
}

const invalid = ({ workflow }: ProgramState.ProgramState, what: string, detail: string): Errors.Fault =>
  new Errors.ProgramValueInvalid({ workflow: workflow.name, what, detail })

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
