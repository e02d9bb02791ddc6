/**
 * What became of each step, from the history of the run and from the ledger of the bodies that were
 * started.
 */
import type { Client } from "@reprise/core"
import type { Effect } from "effect"
import type { Entry } from "./Ledger.js"

type History = Effect.Effect.Success<ReturnType<typeof Client.history>>

export interface StepStory {
  readonly id: string
  readonly name: string
  readonly title: string
  /** From scheduling to completion, or `undefined` while it is not finished. */
  readonly millis: number | undefined
  /** The processes in which its body was started, in order. */
  readonly startedIn: ReadonlyArray<string>
}

export const stepsOf = (history: History, bodies: ReadonlyArray<Entry>): ReadonlyArray<StepStory> =>
  history.flatMap((scheduled) => {
    if (scheduled._tag !== "StepScheduled") return []
    const { id, name } = scheduled
    const completed = history.find((event) => event._tag === "StepCompleted" && event.id === id)
    return [{
      id,
      name,
      title: scheduled.summary === undefined ? name : `${name} ${scheduled.summary}`,
      millis: completed === undefined ? undefined : completed.at - scheduled.at,
      startedIn: bodies.filter(({ stepId }) => stepId === id).map(({ process }) => process)
    }]
  })

export const finished = (steps: ReadonlyArray<StepStory>) => steps.filter(({ millis }) => millis !== undefined)

/** One line for each name: how many steps, how many bodies, how long. */
export const byName = (steps: ReadonlyArray<StepStory>): ReadonlyArray<ReadonlyArray<string | number>> =>
  [...new Set(steps.map(({ name }) => name))].map((name) => {
    const group = steps.filter((step) => step.name === name)
    const millis = group.map((step) => step.millis ?? 0)
    const bodies = group.reduce((sum, { startedIn }) => sum + startedIn.length, 0)
    const total = millis.reduce((sum, each) => sum + each, 0)
    return [name, group.length, bodies, Math.round(total / group.length), Math.max(...millis)]
  })
