/**
 * Where a history can be forked, and what a fork takes over from it. Pure.
 *
 * A fork can stand where its source stood between two activations: before a delivered event, which is then told anew,
 * or after the last event of an activation. In the middle of one, the program would have asked for half of what it asks.
 */
import { type Event, isClosing, type Recorded, sortOf } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import * as Decide from "./Decide.js"

/** Another value for an event of the source: JSON, in the encoded form of its schema. */
export interface Replacement {
  readonly seq: number
  readonly value?: Json
}

/** Why a history cannot be forked at this index; `undefined` when it can. */
export const obstacle = (history: ReadonlyArray<Recorded>, index: number): string | undefined => {
  const event = history[index]?.event
  if (event === undefined) return "the history has no such event"
  if (isClosing(event)) return "this event closes the run: nothing is left to do after it"
  if (event._tag === "RunContinuedAsNew") return "this event ends a generation; the next one begins with the event after it"
  if (sortOf(event) === "delivered") return undefined
  const next = history.slice(index + 1).find((later) => sortOf(later.event) !== "bookkeeping")?.event
  if (next === undefined || sortOf(next) === "delivered") return undefined
  return isClosing(next) || next._tag === "RunContinuedAsNew"
    ? "what follows in the same activation ends it: fork at the event that this activation was told"
    : "it stands in the middle of an activation"
}

/** The nearest events before and after `at` at which the history can be forked. */
export const nearest = (
  history: ReadonlyArray<Recorded>,
  at: number
): { readonly before: number | undefined; readonly after: number | undefined } => {
  const isPoint = (_: Recorded, i: number): boolean => obstacle(history, i) === undefined
  return {
    before: history.findLast((one, i) => one.seq < at && isPoint(one, i))?.seq,
    after: history.find((one, i) => one.seq > at && isPoint(one, i))?.seq
  }
}

/** Whether the event at which a run is forked is told anew, or kept as the last of its activation. */
export const isToldAnew = (event: Event): boolean => sortOf(event) === "delivered"

/** What a fork changes in the events that it takes over. */
export interface Changes {
  /** The version whose code the fork is to run, if it is to be another. */
  readonly version: string | undefined
  readonly key: string | undefined
  /** By the seq that the source gives to the event. */
  readonly values: ReadonlyMap<number, Replacement>
  /** The new run ids of children that are started anew, by the command's id; those have no key. */
  readonly children: ReadonlyMap<string, string>
  /** The new run ids of those children, by the old ones. */
  readonly receivers: ReadonlyMap<string, string>
  readonly newToken: () => string
}

/** The events as the fork has them. Their instants stay: they happened then. */
export const copyOf = (history: ReadonlyArray<Recorded>, changes: Changes): ReadonlyArray<Recorded> => {
  const tokens = new Map<string, string>()
  return history.flatMap(({ event, seq }) => {
    if (isDropped(event, changes)) return []
    const replacement = changes.values.get(seq)
    const valued = replacement === undefined ? event : Decide.replaced(event, replacement.value) ?? event
    return [{ seq, event: renamed(valued, changes, tokens) }]
  })
}

/** A fork of a paused run is not paused, and a version that was chosen for it is its version from the beginning. */
const isDropped = ({ _tag }: Event, { version }: Changes): boolean =>
  _tag === "RunPaused" || _tag === "RunResumed" || (_tag === "RunVersionChanged" && version !== undefined)

const renamed = (event: Event, changes: Changes, tokens: Map<string, string>): Event => {
  switch (event._tag) {
    case "RunStarted": {
      const { key: _key, parent: _parent, ...kept } = event
      return { ...kept, version: changes.version ?? event.version, ...(changes.key === undefined ? {} : { key: changes.key }) }
    }
    case "AwakeableCreated": {
      const token = changes.newToken()
      tokens.set(event.token, token)
      return { ...event, token }
    }
    case "AwakeableSettled":
      return { ...event, messageId: tokens.get(event.messageId) ?? event.messageId }
    case "ChildScheduled": {
      const runId = changes.children.get(event.id)
      const { key: _key, ...kept } = event
      return runId === undefined ? event : { ...kept, runId }
    }
    case "ChildStarted":
      return { ...event, runId: changes.children.get(event.id) ?? event.runId }
    case "SignalSent":
      return { ...event, runId: changes.receivers.get(event.runId) ?? event.runId }
    default:
      return event
  }
}
