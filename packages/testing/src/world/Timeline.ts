/** A history as lines for people: what happened, to which step, and when. Made for inline snapshots. */
import { Duration } from "effect"
import type { Event } from "@reprise/core/engine"

/**
 * One line for each event, such as `1d 2h  step "charge" attempt 2 failed`; times count from the first event.
 * What stands in a line is for people and may change with a release.
 */
export const lines = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const names = new Map(history.flatMap((event) => ("id" in event && "name" in event ? [[event.id, event.name] as const] : [])))
  const begunAt = history[0]?.at ?? 0
  const rows = history.map((event) => [Duration.format(Duration.millis(event.at - begunAt)), told(event, names)] as const)
  const width = Math.max(0, ...rows.map(([after]) => after.length))
  return rows.map(([after, what]) => `${after.padEnd(width)}  ${what}`)
}

/** The words of a tag, its subject first: `StepAttemptFailed` of "charge" is `step "charge" attempt 2 failed`. */
const told = (event: Event.Event, names: ReadonlyMap<string, string>): string => {
  const [subject = "", ...words] = event._tag.split(/(?=[A-Z])/).map((word) => word.toLowerCase())
  const name = "name" in event ? event.name : "id" in event ? names.get(event.id) : undefined
  const attempt = "attempt" in event ? [`attempt ${event.attempt}`] : []
  const rest = words.filter((word) => word !== "attempt")
  return [subject, ...(name === undefined ? [] : [`"${name}"`]), ...attempt, ...rest, ...due(event)].join(" ")
}

const due = (event: Event.Event): ReadonlyArray<string> =>
  "dueAt" in event && event.dueAt !== undefined ? [`due in ${Duration.format(Duration.millis(event.dueAt - event.at))}`] : []
