/** One event of a history as one line: what happened, to what, and with which value. */
import type { Event, Json } from "@reprise/core/engine"
import * as Moment from "./Moment.js"
import * as Paint from "./Paint.js"

/** Names of steps, children and awakeables by the id of their command, and of updates by their message's: later events have the id only. */
export type Names = Map<string, string>

/** The event's name and what there is to say of it. */
export const text = (event: Event.Event, names: Names): string => {
  remember(event, names)
  const said = detail(event, names)
  return `${colour(event)(event._tag)}${said === "" ? "" : ` ${said}`}`
}

const remember = (event: Event.Event, names: Names): void => {
  if ("id" in event && "name" in event) names.set(event.id, event.name)
  else if (event._tag === "ChildScheduled") names.set(event.id, event.workflow)
  else if (event._tag === "UpdateAccepted") names.set(event.messageId, event.name)
}

const colour = ({ _tag }: Event.Event): (text: string) => string => {
  if (/Failed$|Refused$/.test(_tag)) return Paint.red
  if (/Completed$/.test(_tag)) return Paint.green
  if (/Cancel|Terminated|Paused|Asked/.test(_tag)) return Paint.yellow
  return Paint.cyan
}

const detail = (event: Event.Event, names: Names): string => {
  const parts: Array<string> = []
  const named = "name" in event ? event.name : nameOf(event, names)
  if (named !== undefined) parts.push(quoted(named))
  if (event._tag === "RunStarted") parts.push(quoted(event.workflow))
  if (event._tag === "VersionMarked") parts.push(quoted(event.patch))
  if ("attempt" in event && event.attempt > 1) parts.push(`attempt ${event.attempt}`)
  if ("millis" in event) parts.push(Moment.length(event.millis))
  if ("dueAt" in event && event._tag !== "TimerStarted") parts.push(`in ${Moment.length(event.dueAt - event.at)}`)
  if ("runId" in event) parts.push(`run ${quoted(event.runId)}`)
  if ("failure" in event) parts.push(failure(event.failure))
  if (event._tag === "StepResolved") parts.push(event.resolution._tag)
  parts.push(...asked(event), ...values(event))
  return parts.join(" ")
}

const nameOf = (event: Event.Event, names: Names): string | undefined =>
  "id" in event ? names.get(event.id) : "messageId" in event ? names.get(event.messageId) : undefined

/** Who asked for it, and why. */
export const asked = (event: Event.Event): ReadonlyArray<string> => [
  ...("by" in event && event._tag !== "ChildRefused" && event.by !== undefined ? [`by ${quoted(event.by)}`] : []),
  ...("reason" in event && event.reason !== undefined ? [`because ${quoted(event.reason)}`] : [])
]

const values = (event: Event.Event): ReadonlyArray<string> => {
  if ("input" in event) return given(event.input)
  if ("payload" in event) return given(event.payload)
  if ("output" in event) return given(event.output)
  if ("value" in event) return given(event.value)
  if (event._tag !== "AwakeableSettled") return []
  const { settlement } = event
  return [settlement._tag, ...given(settlement._tag === "Resolved" ? settlement.value : settlement.error)]
}

/** Characters of a payload that a line shows. */
const VALUE_CHARS_MAX = 200

const given = (value: Json.Json | undefined): ReadonlyArray<string> => value === undefined ? [] : [short(value)]

/** JSON on one line, cut. */
export const short = (value: Json.Json): string => Paint.cut(Paint.plain(JSON.stringify(value)), VALUE_CHARS_MAX)

/** A name as it is, or in quotes when it could be taken for something else. */
export const quoted = (name: string): string => /^[\w./:@#-]+$/.test(name) ? name : JSON.stringify(Paint.plain(name))

/** Why something failed, on one line. */
export const failure = (what: Event.Failure): string => {
  switch (what._tag) {
    case "Error":
      return what.error === undefined ? "an error without a value" : short(what.error)
    case "Defect":
      return Paint.plain(`${what.name}: ${firstLine(what.message)}`)
    case "TimedOut":
      return `timed out after ${Moment.length(what.millis)} (${what.scope})`
    case "Unencodable":
      return Paint.plain(`${firstLine(what.message)}${what.path === "" ? "" : ` at ${what.path}`}`)
    case "OutcomeUnknown":
      return "its process died; nobody knows whether it happened"
    case "Interrupted":
      return "it was interrupted"
  }
}

const firstLine = (text: string): string => text.split("\n")[0] ?? ""
