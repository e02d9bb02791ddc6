/**
 * Replays the runs of a log dry, one after another, and says how they fare on this build. Nothing is written and nothing
 * runs; memory holds one run, one page of ids, and a bounded report.
 */
import { Effect } from "effect"
import { Client, Errors, Program, type ProgramState, Registry, type Log, Run } from "@reprise/core/engine"
import * as Causes from "./Causes.js"
import * as ReadRun from "./ReadRun.js"
import type { Worker } from "./State.js"

/** Runs listed at a time. */
const PAGE = 200

export interface Options {
  /** Only the runs of this workflow. */
  readonly workflow?: string
  /** Closed runs, too: the newest of each registered workflow, so many of each; or all there are. Default: none. */
  readonly closed?: number | "all"
}

interface Tally {
  openCount: number
  closedCount: number
  misfitCount: number
  readonly misfits: Array<Client.Misfit>
  readonly causes: Causes.Causes
  /** By workflow: open runs that fit, and its patches by id. */
  readonly workflows: Map<string, { fitCount: number; readonly patches: Map<string, Use> }>
}

interface Use {
  readonly oldBranch: Some
  readonly newBranch: Some
}

interface Some {
  count: number
  readonly runIds: Array<string>
}

export const run = (worker: Worker, options: Options = {}): Effect.Effect<Client.Report, Errors.LogError> =>
  Effect.gen(function*() {
    const tally: Tally = {
      openCount: 0,
      closedCount: 0,
      misfitCount: 0,
      misfits: [],
      causes: new Map(),
      workflows: new Map()
    }
    const { closed = 0, workflow } = options
    const only = workflow === undefined ? {} : { workflow }
    yield* lookAtAll(worker, tally, { ...only, status: OPEN }, Infinity)
    if (closed === "all") yield* lookAtAll(worker, tally, { ...only, status: CLOSED }, Infinity)
    else {
      const names = workflow === undefined ? [...worker.registry.byName.keys()] : [workflow]
      for (const name of names) yield* lookAtAll(worker, tally, { workflow: name, status: CLOSED }, closed)
    }
    return reportOf(tally)
  })

const OPEN: ReadonlyArray<Run.Status> = ["pending", "running"]
const CLOSED: ReadonlyArray<Run.Status> = ["completed", "failed", "cancelled", "terminated"]

/** The newest `countMax` of the runs that the filter finds. */
const lookAtAll = (worker: Worker, tally: Tally, filter: Omit<Log.RunFilter, "limit">, countMax: number) =>
  Effect.gen(function*() {
    let before: string | undefined
    for (let left = countMax; left > 0;) {
      const limit = Math.min(PAGE, left)
      const page = yield* worker.log.find(before === undefined ? { ...filter, limit } : { ...filter, before, limit })
      for (const summary of page) yield* look(worker, summary, tally)
      left -= page.length
      before = page.at(-1)?.runId
      if (page.length < limit) return
    }
  })

const look = (worker: Worker, summary: Log.RunSummary, tally: Tally): Effect.Effect<void, Errors.LogError> =>
  Effect.gen(function*() {
    const isClosed = Run.isClosed(summary.status)
    if (isClosed) tally.closedCount += 1
    else tally.openCount += 1
    const replayed = yield* replayOf(worker, summary)
    if (!(replayed instanceof Map)) return misfit(tally, summary, replayed)
    // A closed run needs neither branch any more.
    if (!isClosed) count(tally, summary, replayed)
  })

const misfit = (tally: Tally, { runId, version, workflow }: Log.RunSummary, fault: Errors.Fault): void => {
  const found = { runId, workflow, version, fault }
  tally.misfitCount += 1
  if (tally.misfits.length < Client.REPORTED_MAX) tally.misfits.push(found)
  Causes.count(tally.causes, found)
}

type Patches = ProgramState.ProgramState["patches"]

/** The patches that a run was asked for, or why it does not fit. */
const replayOf = (worker: Worker, summary: Log.RunSummary): Effect.Effect<Patches | Errors.Fault, Errors.LogError> =>
  ReadRun.replayOf(worker, summary).pipe(
    Effect.map(({ fault, program }): Patches | Errors.Fault => {
      if (program !== undefined) Program.drop(program)
      if (fault !== undefined) return fault
      // A run that has not begun, or stands between two generations, has nothing to be replayed.
      const workflow = Registry.forRun(worker.registry, summary.workflow, summary.version)
      return workflow._tag === "WorkflowUnknown" ? workflow : program?.patches ?? new Map()
    }),
    Effect.catchTag("HistoryDamaged", Effect.succeed)
  )

const count = (tally: Tally, { runId, workflow }: Log.RunSummary, asked: Patches): void => {
  let counted = tally.workflows.get(workflow)
  if (counted === undefined) tally.workflows.set(workflow, counted = { fitCount: 0, patches: new Map() })
  counted.fitCount += 1
  for (const [patch, { taken }] of asked) {
    let use = counted.patches.get(patch)
    if (use === undefined) counted.patches.set(patch, use = { oldBranch: none(), newBranch: none() })
    const some = taken ? use.newBranch : use.oldBranch
    some.count += 1
    if (some.runIds.length < Client.REPORTED_MAX) some.runIds.push(runId)
  }
}

const none = (): Some => ({ count: 0, runIds: [] })

const reportOf = ({ causes, closedCount, misfitCount, misfits, openCount, workflows }: Tally): Client.Report => ({
  openCount,
  closedCount,
  misfitCount,
  causes: Causes.listed(causes),
  misfits,
  patches: [...workflows].flatMap(([workflow, { fitCount, patches }]) =>
    [...patches].map(([patch, { newBranch, oldBranch }]) => ({
      workflow,
      patch,
      oldBranch,
      newBranch,
      notAskedCount: fitCount - oldBranch.count - newBranch.count
    })))
})
