/** What can be learnt of a run from its history, for whoever asks why it waits (client/Why.ts). */
import type { Fault } from "../model/Errors.js"
import type { Event, Of, Recorded } from "../model/Event.js"
import type { RunState } from "../model/Run.js"
import type { FiberWait } from "./Waits.js"

export interface Inspection {
  readonly state: RunState
  readonly opened: Opened
  /** Empty when the run cannot be replayed, or by whoever has no worker. */
  readonly fibers: ReadonlyArray<FiberWait>
  /** The updates that it takes now. */
  readonly updates: ReadonlyArray<string>
  /** Why it cannot be replayed. */
  readonly fault: Fault | undefined
  /** Whether the run is in the worker's memory. */
  readonly inMemory: boolean
  /** By step id: the attempt runs, or waits for a slot. */
  readonly attempts: ReadonlyMap<string, "running" | "queued">
}

type Opening = Of<"StepScheduled" | "TimerStarted" | "AwakeableCreated" | "ChildScheduled" | "SignalSent">

/** The events that opened what may still be open, by command id. */
export type Opened = Map<string, Opening>

export const collect = (opened: Opened, page: ReadonlyArray<Recorded>): void => {
  for (const { event } of page) {
    if (isOpening(event)) opened.set(event.id, event)
    else if ("id" in event && ENDS.has(event._tag)) opened.delete(event.id)
    else if (event._tag === "RunStarted") opened.clear()
  }
}

const isOpening = (event: Event): event is Opening =>
  event._tag === "StepScheduled" ||
  event._tag === "TimerStarted" ||
  event._tag === "AwakeableCreated" ||
  event._tag === "ChildScheduled" ||
  event._tag === "SignalSent"

const ENDS: ReadonlySet<Event["_tag"]> = new Set([
  "StepCompleted",
  "StepFailed",
  "StepCancelled",
  "TimerFired",
  "TimerCancelled",
  "AwakeableSettled",
  "ChildRefused",
  "ChildCompleted",
  "ChildFailed",
  "ChildCancelled",
  "ChildTerminated",
  "SignalDelivered",
  "SignalRefused"
] as const)
