/** Replays recorded histories from nothing, with bodies that do not run, and says what does not fit. */
import { isDeepStrictEqual } from "node:util"
import type { Workflow } from "@reprise/core"
import { Event, Host, Registry, Replay, Run } from "@reprise/core/engine"

const host = Host.make({ secret: () => "secret" })

/** A run as the store has it. */
export interface Recorded {
  readonly runId: string
  readonly workflow: string
  readonly version: string
  readonly history: ReadonlyArray<Event.Event>
}

/**
 * What is wrong with a replay of each generation by the workflows that wrote it: after each event the program must ask
 * for exactly what stands there next, and for nothing more at the end.
 */
export const faults = (run: Recorded, workflows: ReadonlyArray<Workflow.Any>): ReadonlyArray<string> => {
  const registry = Registry.make(workflows)
  return generationsOf(run).flatMap((generation) => ofGeneration(run, generation, registry))
}

interface Generation {
  readonly seq: number
  readonly version: string
  readonly events: ReadonlyArray<Event.Event>
}

/** The version of a generation is the one that has written its last event. */
const generationsOf = ({ history }: Recorded): ReadonlyArray<Generation> => {
  const begins = history.flatMap((event, i) => (event._tag === "RunStarted" ? [i] : []))
  return begins.map((begin, i) => {
    const events = history.slice(begin, begins[i + 1])
    const version = events.reduce((last, event) =>
      event._tag === "RunStarted" || event._tag === "RunVersionChanged" ? event.version : last, "")
    return { seq: begin + 1, version, events }
  })
}

const ofGeneration = (run: Recorded, generation: Generation, registry: Registry.Registry): ReadonlyArray<string> => {
  const subject = { runId: run.runId, workflow: run.workflow, version: generation.version, generationSeq: generation.seq }
  const recorded = generation.events.map((event, i) => ({ seq: generation.seq + i, event }))
  const { fault, program, state } = Replay.run(subject, recorded, registry, host)
  if (fault !== undefined) return [`${fault._tag}: ${fault.message}`]
  if (program === undefined) return state.continuing === undefined ? ["there is no program"] : []
  const wrong: Array<string> = []
  const folded = Run.pending(run.runId, run.workflow, generation.version, generation.seq)
  for (const event of generation.events) Run.evolve(folded, event)
  if (!isDeepStrictEqual(state, folded)) wrong.push("its state is not the fold of its events")
  const last = generation.events.at(-1)
  const isProgramsEnd = last !== undefined && Event.sortOf(last) === "command" && Event.isClosing(last)
  if (program.finished !== isProgramsEnd) wrong.push(`the program has ${program.finished ? "" : "not "}finished`)
  if (Run.isClosed(state.status)) return wrong
  for (const step of state.steps.values()) {
    if (!program.waiting.has(step.id)) wrong.push(`no fiber waits for step ${step.id}`)
    if (!step.cancelling && !program.bodies.has(step.id)) wrong.push(`step ${step.id} has no body`)
  }
  for (const id of state.timers.keys()) if (!program.waiting.has(id)) wrong.push(`no fiber waits for timer ${id}`)
  if (program.waiting.size !== state.steps.size + state.timers.size) wrong.push("fibers wait for what is not open")
  return wrong
}
