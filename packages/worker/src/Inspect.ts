/** Looks at a run: replays it on a program of its own whose fibers are followed, and throws that away. */
import { Effect } from "effect"
import { type Errors, Host, Inspection, type Log, Program, Replay, Source, Waits } from "@reprise/core/engine"
import type { LiveRun, Worker } from "./State.js"

export const inspect = (
  worker: Worker,
  summary: Log.RunSummary
): Effect.Effect<Inspection.Inspection, Errors.LogError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    const replay = Replay.begin(summary, worker.registry, Host.tracked(worker.host), () => {})
    const opened: Inspection.Opened = new Map()
    for (let after = summary.generationSeq - 1;;) {
      const page = yield* worker.log.read(summary.runId, after, worker.limits.pageEventCount)
      Source.captured(() => Replay.feed(replay, page))
      Inspection.collect(opened, page)
      after += page.length
      if (page.length < worker.limits.pageEventCount) break
    }
    Source.captured(() => Replay.end(replay))
    const { fault, program, state } = replay
    const fibers = program === undefined ? [] : Waits.of(program)
    if (program !== undefined) Program.drop(program)
    const live = worker.live.get(summary.runId)
    return {
      state,
      opened,
      fibers,
      updates: [...program?.updates.keys() ?? []],
      fault,
      inMemory: live !== undefined,
      attempts: attemptsOf(live?.attempts ?? worker.orphans.get(summary.runId) ?? new Map())
    }
  })

const attemptsOf = (attempts: LiveRun["attempts"]): Inspection.Inspection["attempts"] =>
  new Map([...attempts].map(([id, { fiber }]) => [id, fiber === undefined ? "queued" : "running"]))
