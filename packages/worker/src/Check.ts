/**
 * Replays the open runs of a store dry, one after another, and says how they fare on this build. Nothing is written and
 * nothing runs; memory holds one run, one page of ids, and a bounded report.
 */
import { Effect } from "effect"
import { Client, Errors, Program, type ProgramState, Registry, type Log } from "@reprise/core/engine"
import * as ReadRun from "./ReadRun.js"
import type { Worker } from "./State.js"

/** Runs listed at a time. */
const PAGE = 200

interface Tally {
  openCount: number
  misfitCount: number
  readonly misfits: Array<Client.Misfit>
  /** By workflow: runs that fit, and its patches by id. */
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

export const run = (
  worker: Worker,
  options: { readonly workflow?: string } = {}
): Effect.Effect<Client.Report, Errors.LogError> =>
  Effect.gen(function*() {
    const tally: Tally = { openCount: 0, misfitCount: 0, misfits: [], workflows: new Map() }
    for (let before: string | undefined;;) {
      const filter = { ...options, status: ["pending", "running"] as const, limit: PAGE }
      const page = yield* worker.log.find(before === undefined ? filter : { ...filter, before })
      for (const summary of page) yield* look(worker, summary, tally)
      before = page.at(-1)?.runId
      if (page.length < PAGE) return reportOf(tally)
    }
  })

const look = (worker: Worker, summary: Log.RunSummary, tally: Tally): Effect.Effect<void, Errors.LogError> =>
  Effect.gen(function*() {
    tally.openCount += 1
    const replayed = yield* replayOf(worker, summary)
    if (replayed instanceof Map) return count(tally, summary, replayed)
    tally.misfitCount += 1
    const { runId, version, workflow } = summary
    if (tally.misfits.length < Client.REPORTED_MAX) tally.misfits.push({ runId, workflow, version, fault: replayed })
  })

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

const reportOf = ({ misfitCount, misfits, openCount, workflows }: Tally): Client.Report => ({
  openCount,
  misfitCount,
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
