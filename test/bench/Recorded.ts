/** Histories as the engine makes them, without the commits that each of their steps would take. */
import type { Workflow } from "@reprise/core"
import { Decide, type Event, Host, type Log, Program, Release, Run } from "@reprise/core/engine"

export interface Recorded {
  readonly events: ReadonlyArray<Event.Event>
  readonly row: Run.RunRow
}

/** The history of a run whose program waits for nothing but steps until it waits for a message; each answers its number, from 0. */
export const untilItWaits = (workflow: Workflow.Any, start: Log.StartRequest): Recorded => {
  const at = start.createdAt
  const { key, runId, version } = start
  const state = Run.pending(runId, workflow.name, version)
  const info = { runId, workflow: workflow.name, version, key, startedAt: at, generation: 0, parentRunId: undefined }
  const program = Program.make(workflow, info, start.message.seed, Host.make({ secret: () => "" }), () => {})
  const events: Array<Event.Event> = []
  const record = (event: Event.Event): void => {
    Run.evolve(state, event)
    events.push(event)
  }
  const deliver = (event: Event.Event): void => {
    Program.activate(program, event, state.seq + 1, undefined)
    record(event)
    for (const command of program.commands) record(Decide.commanded(command, at))
  }
  deliver(Decide.started(start.message, { ...start, key: undefined }, { effect: "", reprise: Release.RELEASE }, at))
  for (let i = 0; state.steps.size > 0; i++) {
    for (const { id } of [...state.steps.values()]) deliver(Decide.stepCompleted(id, 1, i, at))
  }
  return { events, row: Run.row(state, new Map()) }
}
