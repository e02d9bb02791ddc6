/** How long the history of a run's current generation is, and what is said of it when it has grown long. */
import type { Limits } from "./Limits.js"
import { isClosed, type Status } from "./Run.js"

/** What is said to operators; nothing has gone wrong yet. */
export interface Warning {
  readonly _tag: "HistoryLong"
  /** Events of the current generation: those that a replay reads. */
  readonly eventCount: number
  readonly message: string
  readonly hint: string
}

/** A run, as the store lists it. */
export interface Sized {
  readonly runId: string
  readonly workflow: string
  readonly status: Status
  readonly eventCount: number
  readonly generationSeq: number
}

/** Events of the current generation. Those before it cost disk, and no time. */
export const lengthOf = (run: Pick<Sized, "eventCount" | "generationSeq">): number =>
  Math.max(0, run.eventCount - run.generationSeq + 1)

/** What an operator should know of a run; nothing of a closed one, for which it is too late. */
export const warningsOf = (run: Sized, { historyEventsWarn }: Pick<Limits, "historyEventsWarn">): ReadonlyArray<Warning> => {
  const eventCount = lengthOf(run)
  if (isClosed(run.status) || eventCount < historyEventsWarn) return []
  return [{
    _tag: "HistoryLong",
    eventCount,
    message: `Run "${run.runId}" of "${run.workflow}" has a history of ${eventCount} events; each replay reads them all.`,
    hint: "Let it continue as new now and then (Workflow.continueAsNew or Workflow.loop), or raise Limits.historyEventsWarn."
  }]
}

/** Whether a history that grew from `before` to `after` events has reached the bound, or doubled beyond it once more. */
export const hasReached = (before: number, after: number, bound: number): boolean => level(after, bound) > level(before, bound)

const level = (count: number, bound: number): number => (count < bound ? 0 : 1 + Math.floor(Math.log2(count / bound)))
