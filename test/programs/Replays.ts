/** Plays histories back without a world: whole, cut short, and against other code. */
import { isDeepStrictEqual } from "node:util"
import { Decide, Event, Host, Program, Registry, Replay, Run } from "@reprise/core/engine"
import * as Durable from "./Durable.js"
import type { Node } from "./Program.js"
import { RUN_ID } from "./Scenario.js"

const host = Host.make({ secret: () => "secret" })
const run = { runId: RUN_ID, workflow: "played", version: "1", generationSeq: 1 }

const recorded = (history: ReadonlyArray<Event.Event>): ReadonlyArray<Event.Recorded> =>
  history.map((event, i) => ({ seq: i + 1, event }))

export interface Replayed {
  readonly replay: Replay.Replay
  readonly played: Durable.Played
}

/** Replays a history with bodies that must not run. */
export const replay = (program: Node, history: ReadonlyArray<Event.Event>): Replayed => {
  const played = Durable.make(program, true)
  return { replay: Replay.run(run, recorded(history), Registry.make([played.workflow]), host), played }
}

/** What is wrong with a replay of this history by the program that wrote it (P2). */
export const faults = (program: Node, history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const { replay: { fault, program: at, state } } = replay(program, history)
  if (fault !== undefined) return [`${fault._tag}: ${fault.message}`]
  if (at === undefined) return history.length === 0 ? [] : ["there is no program"]
  const folded = Run.pending(run.runId, run.workflow, run.version)
  for (const event of history) Run.evolve(folded, event)
  const wrong: Array<string> = []
  if (!isDeepStrictEqual(state, folded)) wrong.push("its state is not the fold of its events")
  const last = history.at(-1)
  const isProgramsEnd = last !== undefined && Event.sortOf(last) === "command" && Event.isClosing(last)
  if (at.finished !== isProgramsEnd) wrong.push(`the program has ${at.finished ? "" : "not "}finished`)
  if (Run.isClosed(state.status)) return wrong
  for (const step of state.steps.values()) {
    if (!at.waiting.has(step.id)) wrong.push(`no fiber waits for step ${step.id}`)
    if (!step.cancelling && !at.bodies.has(step.id)) wrong.push(`step ${step.id} has no body`)
  }
  for (const id of state.timers.keys()) if (!at.waiting.has(id)) wrong.push(`no fiber waits for timer ${id}`)
  if (at.waiting.size !== state.steps.size + state.timers.size) wrong.push("fibers wait for what is not open")
  return wrong
}

/** Where each activation begins: the positions of the delivered events. */
export const cuts = (history: ReadonlyArray<Event.Event>): ReadonlyArray<number> =>
  history.flatMap((event, i) => (Event.sortOf(event) === "delivered" ? [i] : []))

/**
 * What is wrong with replays of the whole activations up to each cut, and with what the program then asks for when the
 * next event is told to it as news (P3).
 */
export const prefixFaults = (program: Node, history: ReadonlyArray<Event.Event>): ReadonlyArray<string> =>
  cuts(history).filter((cut) => cut > 0).flatMap((cut) => {
    const wrong = faults(program, history.slice(0, cut))
    return (wrong.length > 0 ? wrong : continued(program, history, cut)).map((what) => `cut before event ${cut + 1}: ${what}`)
  })

const continued = (program: Node, history: ReadonlyArray<Event.Event>, cut: number): ReadonlyArray<string> => {
  const next = history[cut]!
  if (next._tag === "RunTerminated") return []
  const at = replayLive(program, history.slice(0, cut))
  if (at === undefined) return ["there is no program"]
  Program.activate(at, next, cut + 1, undefined)
  if (at.fault !== undefined) return [`live: ${at.fault._tag}: ${at.fault.message}`]
  const asked = at.commands.map((command) => blurred(Decide.commanded(command, next.at)))
  const end = cuts(history).find((other) => other > cut) ?? history.length
  const was = history.slice(cut + 1, end).filter((event) => Event.sortOf(event) === "command").map(blurred)
  return isDeepStrictEqual(asked, was) ? [] : [`live it asks for ${JSON.stringify(asked)} instead of ${JSON.stringify(was)}`]
}

const replayLive = (program: Node, history: ReadonlyArray<Event.Event>) => {
  const registry = Registry.make([Durable.make(program).workflow])
  return Replay.run(run, recorded(history), registry, host).program
}

/** Without what is drawn anew at each live asking, and stacks. */
const blurred = (event: Event.Event): unknown =>
  JSON.parse(JSON.stringify(event, (key, value: unknown) =>
    key === "token" || key === "value" || key === "chance" || key === "stack" ? undefined : value))
