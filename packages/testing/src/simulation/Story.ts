/** Tells a failed play: what was given, what went wrong in which order, and what came of it. Fits on a screen. */
import { inspect } from "node:util"
import type { Event } from "@reprise/core/engine"
import type * as World from "../World.js"
import * as Plan from "./Plan.js"
import type { Seen } from "./Scene.js"

/** The last events of each run that are told. */
const EVENTS_MAX = 12
/** The events that are told of an append at which a fault has struck. */
const STRUCK_MAX = 3
const COMPLAINTS_MAX = 5
const RUNS_MAX = 3

export const tell = (
  workflow: string,
  input: unknown,
  plan: Plan.Plan,
  seen: Seen,
  complaints: ReadonlyArray<string>
): string => {
  const given = input === undefined ? "" : `, given ${inspect(input, { depth: 4, breakLength: 110 })}`
  const lines = [
    `Workflow "${workflow}"${given}, breaks under ${faultsIn(plan)}:`,
    ...seen.damage.strikes.flatMap(showStrike),
    ...manners(plan),
    "",
    ...complaints.slice(0, COMPLAINTS_MAX),
    ...(complaints.length > COMPLAINTS_MAX ? [`… and ${complaints.length - COMPLAINTS_MAX} more`] : []),
    "",
    ...seen.runs.slice(0, RUNS_MAX).flatMap(({ history, runId }) => [
      `What stands in the history of ${runId}:`,
      ...shown(history)
    ])
  ]
  return lines.join("\n  ")
}

const faultsIn = ({ faults }: Plan.Plan): string =>
  faults.length === 0 ? "no fault at all" : faults.length === 1 ? "one fault" : `${faults.length} faults`

/** A fault that has struck, in lines: where, and what the worker was about to append. */
export const showStrike = ({ events, fault, phase, process }: World.Strike): ReadonlyArray<string> => [
  `- ${Plan.showFault(fault)} (process ${process}, ${phase})`,
  ...(events.length === 0 ? [] : [`  it was about to append ${events.slice(0, STRUCK_MAX).map(tagged).join(", ")}`])
]

const manners = ({ evict, order }: Plan.Plan): ReadonlyArray<string> => [
  ...(evict > 0 ? [`- ${evict} of 100 runs at rest leave memory at once`] : []),
  ...(order > 0 ? [`- ready tasks run in an order drawn from ${order}`] : [])
]

const shown = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const from = Math.max(0, history.length - EVENTS_MAX)
  const lines = history.slice(from).map((event, i) => `${String(from + i + 1).padStart(4)} ${tagged(event)}`)
  return from === 0 ? lines : ["   …", ...lines]
}

const tagged = (event: Event.Event): string => {
  const name = "name" in event ? ` "${event.name}"` : ""
  const id = "id" in event ? ` ${event.id}` : ""
  return `${event._tag}${name}${id}`
}
