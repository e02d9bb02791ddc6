/**
 * Rebuilds a run from its history: folds the events and walks the program through them, one activation at a time (I3).
 * Histories arrive in pages of any size; `feed` takes each, `end` closes the last activation.
 *
 * Talks to: engine/Program.ts, model/Run.ts. No I/O, no effects on the world: what steps did is in the history.
 */
import { type Fault, HistoryDamaged } from "../model/Errors.js"
import { type Event, type Recorded, sortOf } from "../model/Event.js"
import * as Run from "../model/Run.js"
import * as Source from "../model/Source.js"
import * as Program from "./Program.js"
import type { Host, ProgramState } from "./ProgramState.js"
import * as Registry from "./Registry.js"

export interface Replay {
  readonly registry: Registry.Registry
  readonly host: Host
  readonly onFault: (fault: Fault) => void
  readonly state: Run.RunState
  program: ProgramState | undefined
  fault: Fault | undefined
  /** The delivered event whose commands are being collected. */
  delivered: Recorded | undefined
  commands: Array<Event>
}

export const begin = (
  run: { readonly runId: string; readonly workflow: string; readonly version: string },
  registry: Registry.Registry,
  host: Host,
  onFault: (fault: Fault) => void
): Replay => ({
  registry,
  host,
  onFault,
  state: Run.pending(run.runId, run.workflow, run.version),
  program: undefined,
  fault: undefined,
  delivered: undefined,
  commands: []
})

/** Takes the next page. Stops at the first fault, which stays in `replay.fault`. */
export const feed = (replay: Replay, page: ReadonlyArray<Recorded>): void => {
  for (const recorded of page) {
    if (replay.fault !== undefined) return
    const sort = sortOf(recorded.event)
    if (sort === "delivered") {
      activate(replay)
      if (replay.fault !== undefined) return
      if (recorded.event._tag !== "RunTerminated") replay.delivered = recorded
    } else if (sort === "command") {
      replay.commands.push(recorded.event)
    }
    evolve(replay, recorded)
  }
}

/** Closes the last activation: now the program stands where its history ends. */
export const end = (replay: Replay): void => {
  if (replay.fault === undefined) activate(replay)
}

/** Replays a whole history at once. With a divergence, once more with source lines, to say where. */
export const run = (
  of: { readonly runId: string; readonly workflow: string; readonly version: string },
  history: ReadonlyArray<Recorded>,
  registry: Registry.Registry,
  host: Host
): Replay => {
  const once = (): Replay => {
    const replay = begin(of, registry, host, () => {})
    feed(replay, history)
    end(replay)
    return replay
  }
  const replay = once()
  return replay.fault?._tag === "Divergence" ? Source.captured(once) : replay
}

const evolve = (replay: Replay, { event, seq }: Recorded): void => {
  try {
    Run.evolve(replay.state, event)
  } catch (error) {
    replay.fault = new HistoryDamaged({
      runId: replay.state.runId,
      seq,
      detail: error instanceof Error ? error.message : String(error)
    })
  }
}

const activate = (replay: Replay): void => {
  const delivered = replay.delivered
  if (delivered === undefined) return
  const commands = replay.commands
  replay.delivered = undefined
  replay.commands = []
  const program = replay.program ?? start(replay, delivered)
  if (program === undefined) return
  Program.activate(program, delivered.event, delivered.seq, commands)
  replay.fault = program.fault
}

const start = (replay: Replay, { event, seq }: Recorded): ProgramState | undefined => {
  if (event._tag !== "RunStarted") {
    replay.fault = new HistoryDamaged({ runId: replay.state.runId, seq, detail: `${event._tag} comes before RunStarted` })
    return undefined
  }
  const workflow = Registry.forRun(replay.registry, event.workflow, event.version)
  if (workflow._tag === "WorkflowUnknown") {
    replay.fault = workflow
    return undefined
  }
  const { runId } = replay.state
  const info = { runId, workflow: event.workflow, version: event.version, key: event.key, startedAt: event.at }
  replay.program = Program.make(workflow, info, event.seed, replay.host, replay.onFault)
  return replay.program
}
