/**
 * A run as the fold of its events: what is open, what is due, what it may still do.
 *
 * Status transitions (anything else is refused by `evolve`):
 *
 *   pending ──RunStarted──▶ running ──RunCompleted──▶ completed
 *      │                       ├──────RunFailed──────▶ failed
 *      ├──────RunCancelled─────┼──────RunCancelled───▶ cancelled
 *      └──────RunTerminated────┴──────RunTerminated──▶ terminated
 *
 * A running run may continue as new: its generation ends, everything that is open goes, and the next generation begins
 * with a `RunStarted` of its own, in the same history (docs/decisions/0012-continue-as-new-stays-in-the-run.md). A fold
 * may begin there: nothing before it matters to what the run still does. A paused run is running, too; it waits.
 *
 * The fold is updated in place: a history of 200,000 events is folded in a fraction of a second, and one live run
 * owns each state.
 */
import type { Closing, Event, Of, OnUnknown, ParentClose } from "./Event.js"
import { isClosing } from "./Event.js"

export type Status = "pending" | "running" | "completed" | "failed" | "cancelled" | "terminated"

/** The columns of a run by which the store finds due work; derived from the fold, so a rebuild gives the same. */
export interface RunRow {
  readonly status: Status
  readonly startedAt: number | undefined
  readonly closedAt: number | undefined
  /** The earliest instant at which something is due, or `undefined` when the run waits for messages only. */
  readonly wakeAt: number | undefined
  /** Whether attempts are due that only a live owner can run: such a run is recovered first after a crash. */
  readonly busy: boolean
  /** The version whose code it runs. */
  readonly version: string
  /** The seq of the `RunStarted` that opened the current generation, where a replay begins; 1 for a run without events. */
  readonly generationSeq: number
  readonly paused: boolean
}

/** A step or sensor that is scheduled and not settled. */
export interface OpenStep {
  readonly id: string
  readonly name: string
  readonly sensor: boolean
  readonly idempotencyKey: string | undefined
  readonly timeoutMillis: number | undefined
  deadlineAt: number | undefined
  readonly onUnknown: OnUnknown
  scheduledAt: number
  /** The current attempt, 1-based. */
  attempt: number
  /** `due`: start it now. `waiting`: a retry that is due at `dueAt`. `started`: recorded as begun. `deciding`: the
   * program is to say what follows a failed attempt. `asking`: an operator is. */
  phase: "due" | "waiting" | "started" | "deciding" | "asking"
  dueAt: number
  cancelling: boolean
}

/** A child that was asked for and has not ended, or an existing run that is awaited like one. */
export interface OpenChild {
  readonly id: string
  readonly runId: string
  readonly workflow: string
  readonly parentClose: ParentClose
  readonly scheduledAt: number
  /** `existed`: a run that was there before; the parent's end does not concern it. */
  phase: "scheduled" | "started" | "existed"
}

/** Where a sensor stands between polls; a note, not history. */
export type Polls = ReadonlyMap<string, { readonly count: number; readonly nextAt: number }>

export interface RunState {
  readonly runId: string
  readonly workflow: string
  version: string
  status: Status
  /** Counted from 0. */
  generation: number
  generationSeq: number
  seq: number
  /** The instant of the last event: the run's time never goes backwards. */
  lastAt: number
  startedAt: number | undefined
  closedAt: number | undefined
  timeoutAt: number | undefined
  started: Of<"RunStarted"> | undefined
  cancel: Of<"RunCancelRequested"> | undefined
  closing: Closing | undefined
  /** Set between the end of a generation and the beginning of the next. */
  continuing: Of<"RunContinuedAsNew"> | undefined
  paused: Of<"RunPaused"> | undefined
  readonly steps: Map<string, OpenStep>
  /** Open steps that have, or had, an instant to wait for: few, where steps may be many. */
  readonly dated: Set<OpenStep>
  readonly timers: Map<string, number>
  /** Accepted updates without an answer, by message id. */
  readonly updates: Map<string, string>
  /** Unsettled awakeables: id to token. */
  readonly awakeables: Map<string, string>
  readonly children: Map<string, OpenChild>
  /** Signals to other runs that have no answer yet. */
  readonly sent: Map<string, Of<"SignalSent">>
}

/** A run that exists, before its first event or before that of the generation with which the fold begins. */
export const pending = (runId: string, workflow: string, version: string, generationSeq = 1): RunState => ({
  runId,
  workflow,
  version,
  status: "pending",
  generation: 0,
  generationSeq,
  seq: generationSeq - 1,
  lastAt: 0,
  startedAt: undefined,
  closedAt: undefined,
  timeoutAt: undefined,
  started: undefined,
  cancel: undefined,
  closing: undefined,
  continuing: undefined,
  paused: undefined,
  steps: new Map(),
  dated: new Set(),
  timers: new Map(),
  updates: new Map(),
  awakeables: new Map(),
  children: new Map(),
  sent: new Map()
})

export const isClosed = (status: Status): boolean => status !== "pending" && status !== "running"

const CLOSED_BY: { readonly [T in Closing["_tag"]]: Status } = {
  RunCompleted: "completed",
  RunFailed: "failed",
  RunCancelled: "cancelled",
  RunTerminated: "terminated"
}

/** What a run that has not begun can become. */
const FIRST: ReadonlySet<Event["_tag"]> = new Set(["RunStarted", "RunCancelled", "RunTerminated"] as const)

/** Adds one event to the fold. Throws on an event that no history can hold at this point: the log is damaged. */
export const evolve = (run: RunState, event: Event): void => {
  if (isClosed(run.status)) throw new Error(`${event._tag} after the run was ${run.status}`)
  if (run.status === "pending" && !FIRST.has(event._tag)) {
    throw new Error(`${event._tag} before RunStarted`)
  }
  run.seq += 1
  if (event.at > run.lastAt) run.lastAt = event.at
  if (isClosing(event)) return close(run, event)
  switch (event._tag) {
    case "RunStarted":
      return begin(run, event)
    case "RunContinuedAsNew":
      run.continuing = event
      return clear(run)
    case "RunPaused":
      run.paused = event
      return
    case "RunResumed":
      run.paused = undefined
      return
    case "RunForked":
      return fork(run, event)
    case "RunVersionChanged":
      run.version = event.version
      return
    case "RunCancelRequested":
      if (event.cause === "timeout") run.timeoutAt = undefined
      if (run.cancel === undefined) run.cancel = event
      return
    case "StepScheduled":
      return schedule(run, openStep(event))
    case "StepAttemptStarted":
      stepOf(run, event.id).phase = "started"
      return
    case "StepAttemptFailed":
      stepOf(run, event.id).phase = "deciding"
      return
    case "StepRetryScheduled": {
      const step = stepOf(run, event.id)
      step.attempt = event.attempt
      step.dueAt = event.dueAt
      step.phase = event.dueAt > event.at ? "waiting" : "due"
      run.dated.add(step)
      return
    }
    case "StepAsked":
      stepOf(run, event.id).phase = "asking"
      return
    case "StepResolved":
      if (event.resolution._tag === "Complete") settle(run, event)
      else stepOf(run, event.id).phase = "deciding"
      return
    case "StepCancelRequested":
      stepOf(run, event.id).cancelling = true
      return
    case "StepCompleted":
    case "StepFailed":
    case "StepCancelled":
      return settle(run, event)
    case "TimerStarted":
      run.timers.set(event.id, event.dueAt)
      return
    case "TimerFired":
    case "TimerCancelled":
      if (!run.timers.delete(event.id)) throw new Error(`${event._tag} for ${event.id}, which is not open`)
      return
    case "UpdateAccepted":
      run.updates.set(event.messageId, event.name)
      return
    case "UpdateCompleted":
    case "UpdateFailed":
      run.updates.delete(event.messageId)
      return
    case "AwakeableCreated":
      run.awakeables.set(event.id, event.token)
      return
    case "AwakeableSettled":
      run.awakeables.delete(event.id)
      return
    case "ChildScheduled":
      run.children.set(event.id, openChild(event))
      return
    case "ChildStarted":
      run.children.set(event.id, {
        ...childOf(run, event.id),
        runId: event.runId,
        phase: event.existed === true ? "existed" : "started"
      })
      return
    case "ChildRefused":
    case "ChildCompleted":
    case "ChildFailed":
    case "ChildCancelled":
    case "ChildTerminated":
      run.children.delete(childOf(run, event.id).id)
      return
    case "ChildCancelRequested":
      childOf(run, event.id)
      return
    case "SignalSent":
      run.sent.set(event.id, event)
      return
    case "SignalDelivered":
    case "SignalRefused":
      if (!run.sent.delete(event.id)) throw new Error(`${event._tag} for ${event.id}, which is not open`)
      return
    case "SignalReceived":
    case "ValueRecorded":
    case "VersionMarked":
      return
  }
}

const begin = (run: RunState, event: Of<"RunStarted">): void => {
  if (run.started !== undefined && run.continuing === undefined) throw new Error("a second RunStarted")
  run.status = "running"
  run.started = event
  run.continuing = undefined
  run.version = event.version
  run.generation = event.generation ?? 0
  run.generationSeq = run.seq
  run.startedAt = event.beganAt ?? event.at
  run.timeoutAt = event.timeoutAt
}

/** What was still to come is as far away as it was for the source; what was running there, begins here again. */
const fork = (run: RunState, { at, shiftMillis }: Of<"RunForked">): void => {
  if (run.timeoutAt !== undefined) run.timeoutAt += shiftMillis
  for (const [id, dueAt] of run.timers) run.timers.set(id, dueAt + shiftMillis)
  for (const step of run.steps.values()) {
    step.scheduledAt += shiftMillis
    step.dueAt += shiftMillis
    if (step.deadlineAt !== undefined) step.deadlineAt += shiftMillis
    // Its attempt is recorded as begun again, when it does: until then nobody need ask what became of it.
    if (step.phase === "started" || (step.phase === "due" && step.onUnknown !== "retry")) {
      step.phase = "waiting"
      step.dueAt = at
      run.dated.add(step)
    }
  }
}

const schedule = (run: RunState, step: OpenStep): void => {
  run.steps.set(step.id, step)
  if (step.sensor || step.deadlineAt !== undefined) run.dated.add(step)
}

const settle = (run: RunState, event: { readonly id: string }): void => {
  run.dated.delete(stepOf(run, event.id))
  run.steps.delete(event.id)
}

/** The status of a run that the event has closed. */
export const closedBy = (event: Closing): Status => CLOSED_BY[event._tag]

const close = (run: RunState, event: Closing): void => {
  run.status = closedBy(event)
  run.closedAt = event.at
  run.closing = event
  run.timeoutAt = undefined
  run.paused = undefined
  clear(run)
}

/** Nothing stays open when a run, or a generation of it, has ended. */
const clear = (run: RunState): void => {
  run.steps.clear()
  run.dated.clear()
  run.timers.clear()
  run.updates.clear()
  run.awakeables.clear()
  run.children.clear()
  run.sent.clear()
}

const openChild = (event: Of<"ChildScheduled">): OpenChild => ({
  id: event.id,
  runId: event.runId,
  workflow: event.workflow,
  parentClose: event.parentClose,
  scheduledAt: event.at,
  phase: "scheduled"
})

const childOf = (run: RunState, id: string): OpenChild => {
  const child = run.children.get(id)
  if (child === undefined) throw new Error(`an event for child ${id}, which is not open`)
  return child
}

const openStep = (event: Of<"StepScheduled">): OpenStep => ({
  id: event.id,
  name: event.name,
  sensor: event.kind === "sensor",
  idempotencyKey: event.idempotencyKey,
  timeoutMillis: event.timeoutMillis,
  deadlineAt: event.deadlineAt,
  onUnknown: event.onUnknown ?? "retry",
  scheduledAt: event.at,
  attempt: 1,
  phase: "due",
  dueAt: event.at,
  cancelling: false
})

const stepOf = (run: RunState, id: string): OpenStep => {
  const step = run.steps.get(id)
  if (step === undefined) throw new Error(`an event for step ${id}, which is not open`)
  return step
}

/** The store's columns for this fold. `polls` are the sensors' positions, kept outside the history. */
export const row = (run: RunState, polls: Polls): RunRow => ({
  status: run.status,
  startedAt: run.startedAt,
  closedAt: run.closedAt,
  wakeAt: wakeAt(run, polls),
  busy: isBusy(run, polls),
  version: run.version,
  generationSeq: run.generationSeq,
  paused: run.paused !== undefined
})

/** The earliest due instant among timers, retries, deadlines, polls and the run's timeout; none while it is paused. */
export const wakeAt = (run: RunState, polls: Polls): number | undefined => {
  if (run.paused !== undefined) return undefined
  let earliest = run.timeoutAt ?? Infinity
  for (const dueAt of run.timers.values()) if (dueAt < earliest) earliest = dueAt
  for (const step of run.dated) {
    if (step.phase === "waiting" && step.dueAt < earliest) earliest = step.dueAt
    if (step.deadlineAt !== undefined && step.deadlineAt < earliest) earliest = step.deadlineAt
    const poll = step.sensor ? polls.get(step.id) : undefined
    if (poll !== undefined && poll.nextAt < earliest) earliest = poll.nextAt
  }
  return earliest === Infinity ? undefined : earliest
}

const isBusy = (run: RunState, polls: Polls): boolean => {
  if (run.paused !== undefined) return false
  if (run.continuing !== undefined) return true
  for (const step of run.steps.values()) {
    if (step.cancelling) return true
    if (step.phase === "started") return true
    if (step.phase === "due" && !(step.sensor && polls.has(step.id))) return true
  }
  return false
}

/** Whether two rows say the same, so that an append need not write the columns. */
export const sameRow = (a: RunRow, b: RunRow): boolean =>
  a.status === b.status && a.wakeAt === b.wakeAt && a.busy === b.busy && a.startedAt === b.startedAt &&
  a.closedAt === b.closedAt && a.version === b.version && a.generationSeq === b.generationSeq && a.paused === b.paused
