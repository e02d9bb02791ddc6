/**
 * Rebuilds a run from its history: folds the events and walks the program through them, one activation at a time (I3).
 * Histories arrive in pages of any size; `feed` takes each, `end` closes the last activation.
 *
 * Talks to: engine/Program.ts, model/Run.ts. No I/O, no effects on the world: what steps did is in the history.
 */
import { type Fault, HistoryDamaged } from "../model/Errors.js"
import { type Recorded, sortOf } from "../model/Event.js"
import * as Run from "../model/Run.js"
import * as Source from "../model/Source.js"
import * as Explain from "./Explain.js"
import * as Program from "./Program.js"
import type { Host, ProgramState } from "./ProgramState.js"
import * as Registry from "./Registry.js"

export interface Replay {
  readonly registry: Registry.Registry
  readonly host: Host
  readonly onFault: (fault: Fault) => void
  /** The version whose code is to fit; while the history is walked through, `state` shows older ones. */
  readonly version: string
  readonly state: Run.RunState
  program: ProgramState | undefined
  fault: Fault | undefined
  /** The delivered event whose commands are being collected. */
  delivered: Recorded | undefined
  commands: Array<Recorded>
}

/** Which run, the version whose code is to fit, and where its current generation begins. */
export interface Subject {
  readonly runId: string
  readonly workflow: string
  readonly version: string
  readonly generationSeq: number
}

/** Begins a replay; the first event to be fed is the one at `generationSeq`. */
export const begin = (
  run: Subject,
  registry: Registry.Registry,
  host: Host,
  onFault: (fault: Fault) => void
): Replay => ({
  registry,
  host,
  onFault,
  version: run.version,
  state: Run.pending(run.runId, run.workflow, run.version, run.generationSeq),
  program: undefined,
  fault: undefined,
  delivered: undefined,
  commands: []
})

/** Takes the next page. The program stops at its first fault, which stays in `replay.fault`; the fold goes on. */
export const feed = (replay: Replay, page: ReadonlyArray<Recorded>): void => {
  for (const recorded of page) {
    if (replay.fault?._tag === "HistoryDamaged") return
    if (recorded.event._tag === "RunStarted") end(replay)
    if (replay.fault === undefined) collect(replay, recorded)
    evolve(replay, recorded)
  }
}

const collect = (replay: Replay, recorded: Recorded): void => {
  const sort = sortOf(recorded.event)
  if (sort === "command") replay.commands.push(recorded)
  if (sort !== "delivered") return
  activate(replay)
  if (recorded.event._tag !== "RunTerminated") replay.delivered = recorded
}

/**
 * Closes the last activation: now the program stands where its history ends. At the end of a generation it stands
 * nowhere, and whether it fitted does not matter any more: what comes next begins anew.
 */
export const end = (replay: Replay): void => {
  if (replay.fault === undefined) activate(replay)
  if (replay.state.continuing === undefined || replay.fault?._tag === "HistoryDamaged") return
  replay.program = undefined
  replay.fault = undefined
}

/** Replays a history, whole or from its current generation on. With a divergence, once more, to say where and why. */
export const run = (
  of: Subject,
  history: ReadonlyArray<Recorded>,
  registry: Registry.Registry,
  host: Host
): Replay => {
  const replay = whole(of, history, registry, host)
  return replay.fault?._tag === "Divergence" ? explained(of, history, registry, host) : replay
}

/** The same with source lines, which take their time: for a history that is known to diverge. */
export const explained = (
  of: Subject,
  history: ReadonlyArray<Recorded>,
  registry: Registry.Registry,
  host: Host
): Replay => {
  const replay = Source.captured(() => whole(of, history, registry, host))
  const { fault, program } = replay
  if (fault?._tag === "Divergence" && program !== undefined) replay.fault = Explain.explained(fault, program, history)
  return replay
}

const whole = (of: Subject, history: ReadonlyArray<Recorded>, registry: Registry.Registry, host: Host): Replay => {
  const replay = begin(of, registry, host, () => {})
  feed(replay, history.slice(of.generationSeq - (history[0]?.seq ?? 1)))
  end(replay)
  return replay
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
  const workflow = Registry.forRun(replay.registry, event.workflow, replay.version)
  if (workflow._tag === "WorkflowUnknown") {
    replay.fault = workflow
    return undefined
  }
  const { runId } = replay.state
  replay.program = Program.make(workflow, Program.infoOf(runId, event), event.seed, replay.host, replay.onFault)
  return replay.program
}
