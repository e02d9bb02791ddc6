/** Plays histories back without a world: whole, cut short, and against other code. */
import { isDeepStrictEqual } from "node:util"
import type { Workflow } from "@reprise/core"
import { Decide, Event, Host, Program, Registry, Replay, Run } from "@reprise/core/engine"
import * as Durable from "./Durable.js"
import type { Node } from "./Program.js"
import { RUN_ID } from "./Scenario.js"

const host = Host.make({ secret: () => "secret" })

/** What a run plays: its workflow, with bodies that must not run if it `isDead`. */
export interface Player<P extends { readonly workflow: Workflow.Any }> {
  readonly runId: string
  readonly make: (isDead: boolean) => P
}

/** A run of one program. */
export const single = (program: Node): Player<Durable.Played> => ({ runId: RUN_ID, make: (isDead) => Durable.make(program, isDead) })

type History = ReadonlyArray<Event.Event>

const subject = (runId: string, history: History) => ({
  runId,
  workflow: "played",
  version: "1",
  generationSeq: Math.max(1, history.findLastIndex(({ _tag }) => _tag === "RunStarted") + 1)
})

const recorded = (history: History): ReadonlyArray<Event.Recorded> => history.map((event, i) => ({ seq: i + 1, event }))

const replayOf = ({ runId }: Player<{ readonly workflow: Workflow.Any }>, workflow: Workflow.Any, history: History): Replay.Replay =>
  Replay.run(subject(runId, history), recorded(history), Registry.make([workflow]), host)

export interface Replayed {
  readonly replay: Replay.Replay
  readonly played: Durable.Played
}

/** Replays a history with bodies that must not run. */
export const replay = (program: Node, history: History): Replayed => {
  const player = single(program)
  const played = player.make(true)
  return { replay: replayOf(player, played.workflow, history), played }
}

/** What is wrong with a replay of this history's last generation by the program that wrote it (P2). */
export const faults = (player: Player<{ readonly workflow: Workflow.Any }>, history: History): ReadonlyArray<string> => {
  const { fault, program: at, state } = replayOf(player, player.make(true).workflow, history)
  if (fault !== undefined) return [`${fault._tag}: ${fault.message}`]
  const last = history.at(-1)
  const { generationSeq, runId, version, workflow } = subject(player.runId, history)
  const folded = Run.pending(runId, workflow, version, generationSeq)
  for (const event of history.slice(generationSeq - 1)) Run.evolve(folded, event)
  const wrong: Array<string> = []
  if (!isDeepStrictEqual(state, folded)) wrong.push("its state is not the fold of its events")
  // Between two generations there is none, nor in a run that was ended before it began.
  if (at === undefined) return state.started === undefined || state.continuing !== undefined ? wrong : ["there is no program"]
  const isProgramsEnd = last !== undefined && Event.sortOf(last) === "command" && Event.isClosing(last)
  if (at.finished !== isProgramsEnd && state.continuing === undefined) wrong.push(`the program has ${at.finished ? "" : "not "}finished`)
  if (Run.isClosed(state.status) || state.continuing !== undefined) return wrong
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
 * next event is told to it as news (P3). Each generation is judged by itself.
 */
export const prefixFaults = (player: Player<{ readonly workflow: Workflow.Any }>, history: History): ReadonlyArray<string> =>
  cuts(history).filter((cut) => history[cut]?._tag !== "RunStarted").flatMap((cut) => {
    const wrong = faults(player, history.slice(0, cut))
    return (wrong.length > 0 ? wrong : continued(player, history, cut)).map((what) => `cut before event ${cut + 1}: ${what}`)
  })

const continued = (player: Player<{ readonly workflow: Workflow.Any }>, history: History, cut: number): ReadonlyArray<string> => {
  const next = history[cut]!
  if (next._tag === "RunTerminated") return []
  const at = replayOf(player, player.make(false).workflow, history.slice(0, cut)).program
  if (at === undefined) return ["there is no program"]
  Program.activate(at, next, cut + 1, undefined)
  if (at.fault !== undefined) return [`live: ${at.fault._tag}: ${at.fault.message}`]
  const asked = at.commands.map((command) => blurred(Decide.commanded(command, next.at)))
  const end = cuts(history).find((other) => other > cut) ?? history.length
  const was = history.slice(cut + 1, end).filter((event) => Event.sortOf(event) === "command").map(blurred)
  return isDeepStrictEqual(asked, was) ? [] : [`live it asks for ${JSON.stringify(asked)} instead of ${JSON.stringify(was)}`]
}

/** Without what is drawn anew at each live asking, and stacks. */
const blurred = (event: Event.Event): unknown =>
  JSON.parse(JSON.stringify(event, (key, value: unknown) =>
    key === "token" || key === "value" || key === "chance" || key === "stack" ? undefined : value))
