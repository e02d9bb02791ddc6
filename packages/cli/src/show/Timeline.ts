/**
 * A history for a person: one line for each thing that the run did or was told, in the order in which they began, with how
 * it ended, how long that took, and its failed attempts below it. Indented by fiber.
 */
import type { Event } from "@reprise/core/engine"
import * as EventText from "./EventText.js"
import * as Moment from "./Moment.js"
import * as Paint from "./Paint.js"

/** Something that takes time, or a single moment. */
interface Entry {
  readonly at: number
  readonly depth: number
  readonly what: string
  /** How it ended; `undefined` while it is open. */
  end: string | undefined
  endedAt: number | undefined
  /** Whether it is over at once. */
  readonly isMoment: boolean
  readonly below: Array<string>
  /** When it goes on by itself. */
  dueAt: number | undefined
}

interface Drawing {
  readonly entries: Array<Entry>
  /** By the id of the command, or of the message of an update. */
  readonly open: Map<string, Entry>
  readonly names: EventText.Names
}

/** Lines for the events of a history; `now` is for what is still open. */
export const lines = (events: ReadonlyArray<Event.Event>, now: number): ReadonlyArray<string> => {
  const drawing: Drawing = { entries: [], open: new Map(), names: new Map() }
  for (const event of events) draw(drawing, event)
  const began = events[0]?.at ?? now
  const marks = drawing.entries.map(({ at }) => `+${Moment.length(at - began)}`)
  const width = Math.max(0, ...marks.map((mark) => mark.length))
  return drawing.entries.flatMap((entry, index) => {
    const indent = "  ".repeat(entry.depth)
    const first = `${Paint.dim((marks[index] ?? "").padStart(width))}  ${indent}${entry.what}${ending(entry, now)}`
    return [first, ...entry.below.map((line) => `${" ".repeat(width)}  ${indent}  ${line}`)]
  })
}

const ending = (entry: Entry, now: number): string => {
  if (entry.isMoment) return ""
  if (entry.end !== undefined) {
    return ` ${Paint.dim(Moment.length((entry.endedAt ?? entry.at) - entry.at))}${entry.end === "" ? "" : ` ${entry.end}`}`
  }
  const due = entry.dueAt === undefined ? "" : entry.dueAt > now ? `, due in ${Moment.length(entry.dueAt - now)}` : ", due now"
  return ` ${Paint.blue(`open for ${Moment.length(now - entry.at)}${due}`)}`
}

/** The fiber of a command id (`0.1#3`) by how many forks lie above it. */
const depthOf = (id: string): number => (id.split("#")[0] ?? "").split(".").length - 1

const moment = (drawing: Drawing, at: number, depth: number, what: string): void =>
  void drawing.entries.push({ at, depth, what, end: undefined, endedAt: at, isMoment: true, below: [], dueAt: undefined })

const begin = (drawing: Drawing, id: string, at: number, what: string, dueAt?: number): void => {
  const depth = id.includes("#") ? depthOf(id) : 0
  const entry: Entry = { at, depth, what, end: undefined, endedAt: undefined, isMoment: false, below: [], dueAt }
  drawing.entries.push(entry)
  drawing.open.set(id, entry)
}

const finish = (drawing: Drawing, id: string, at: number, end: string): void => {
  const entry = drawing.open.get(id)
  if (entry === undefined) return
  drawing.open.delete(id)
  entry.end = end
  entry.endedAt = at
}

const below = (drawing: Drawing, id: string, line: string): void => void drawing.open.get(id)?.below.push(line)

const arrow = (value: Parameters<typeof EventText.short>[0] | undefined): string =>
  value === undefined ? "" : `→ ${EventText.short(value)}`

const failed = (why: string): string => Paint.red(`failed: ${why}`)

const { quoted } = EventText

const draw = (drawing: Drawing, event: Event.Event): void => {
  const ended = ENDS[event._tag]
  switch (event._tag) {
    case "StepScheduled":
      return begin(drawing, event.id, event.at, `${event.kind ?? "step"} ${quoted(event.name)}`)
    case "StepAttemptFailed":
      return below(drawing, event.id, attemptFailed(drawing, event))
    case "StepRetryScheduled":
      return retry(drawing, event)
    case "StepAsked":
      return below(drawing, event.id, Paint.yellow("its outcome is unknown: resolve it"))
    case "StepResolved":
      return below(drawing, event.id, `resolved: ${[event.resolution._tag, ...EventText.asked(event)].join(" ")}`)
    case "StepFailed":
      return finish(drawing, event.id, event.at, Paint.red("failed"))
    case "TimerStarted":
      return begin(drawing, event.id, event.at, `sleep ${Moment.length(event.millis)}`, event.dueAt)
    case "AwakeableCreated":
      return begin(drawing, event.id, event.at, `awakeable ${quoted(event.name)}`)
    case "AwakeableSettled":
      return finish(drawing, event.id, event.at, settled(event))
    case "ChildScheduled":
      return begin(drawing, event.id, event.at, `child ${quoted(event.workflow)} run ${quoted(event.runId)}`, event.startAt)
    case "SignalSent":
      return begin(drawing, event.id, event.at, `signal ${quoted(event.name)} to run ${quoted(event.runId)}`)
    case "UpdateAccepted":
      return begin(drawing, event.messageId, event.at, ["update", quoted(event.name), ...EventText.asked(event)].join(" "))
    case "StepAttemptStarted":
    case "StepCancelRequested":
    case "ChildCancelRequested":
    case "ChildStarted":
      return
    default:
      if (ended !== undefined && "id" in event) return finish(drawing, event.id, event.at, ended(event))
      if (ended !== undefined && "messageId" in event) return finish(drawing, event.messageId, event.at, ended(event))
      return moment(drawing, event.at, "id" in event ? depthOf(event.id) : 0, EventText.text(event, drawing.names))
  }
}

/** What ends an entry, and how. */
const ENDS: { readonly [T in Event.EventTag]?: (event: Event.Event) => string } = {
  StepCompleted: (event) => "output" in event ? arrow(event.output) : "",
  StepCancelled: () => Paint.yellow("cancelled"),
  TimerFired: () => "",
  TimerCancelled: () => Paint.yellow("cancelled"),
  ChildCompleted: (event) => "output" in event ? arrow(event.output) : "",
  ChildFailed: (event) => failed("failure" in event ? EventText.failure(event.failure) : ""),
  ChildCancelled: () => Paint.yellow("cancelled"),
  ChildTerminated: () => Paint.yellow("terminated"),
  ChildRefused: () => Paint.red("refused: its id or key is taken"),
  SignalDelivered: () => "delivered",
  SignalRefused: () => Paint.red("refused: the run has ended, or is not there"),
  UpdateCompleted: (event) => "output" in event ? arrow(event.output) : "",
  UpdateFailed: (event) => failed("failure" in event ? EventText.failure(event.failure) : "")
}

const attemptFailed = (drawing: Drawing, event: Event.Of<"StepAttemptFailed">): string =>
  Paint.red(`attempt ${event.attempt} failed after ${since(drawing, event)}: ${EventText.failure(event.failure)}`)

const settled = ({ settlement }: Event.Of<"AwakeableSettled">): string =>
  settlement._tag === "Resolved" ? arrow(settlement.value) : Paint.red("rejected")

const since = (drawing: Drawing, { at, id }: { readonly at: number; readonly id: string }): string =>
  Moment.length(at - (drawing.open.get(id)?.at ?? at))

const retry = (drawing: Drawing, event: Event.Of<"StepRetryScheduled">): void => {
  const entry = drawing.open.get(event.id)
  if (entry === undefined) return
  const last = entry.below.pop() ?? ""
  entry.below.push(`${last}${Paint.dim(`, again in ${Moment.length(event.dueAt - event.at)}`)}`)
}
