/** What the worker counts and measures. What runs have done is counted after its commit, and never on replay. */
import { Metric, MetricBoundaries } from "effect"
import type { Event, Run } from "@reprise/core/engine"
import * as Labels from "./Labels.js"
import type { Events, Worker } from "./State.js"

// What has no labels is told from the beginning (`register`): an alert compares with 0, and not with nothing.

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(name, { description })
const histogram = (name: string, bounds: ReadonlyArray<number>, description: string) =>
  Metric.histogram(name, MetricBoundaries.fromIterable(bounds), description)

// ---- runs and steps ----

export const runsStarted = counter("reprise_runs_started_total", "Runs begun.")
export const runsClosed = counter("reprise_runs_closed_total", "Runs closed.")
export const runsBlocked = counter("reprise_runs_blocked_total", "Runs blocked by a fault.").register()
export const historiesLong = counter("reprise_histories_long_total", "Histories that reached historyEventsWarn, or doubled beyond it.")
export const attemptsEnded = counter("reprise_step_attempts_total", "Attempts of steps whose end was committed.")
export const attemptSeconds = histogram(
  "reprise_step_attempt_duration_seconds",
  [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300, 1_800],
  "How long the bodies of attempts ran."
)
export const timerLateness = histogram(
  "reprise_timer_lateness_seconds",
  [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 60, 600],
  "Between the instant at which a timer was due and its event."
).register()

// ---- the store ----

export const eventsCommitted = counter("reprise_events_total", "Events committed.").register()
export const commitSize = histogram(
  "reprise_commit_appends",
  [1, 4, 16, 64, 256, 1_024, 4_096],
  "Appends that shared one commit."
).register()
export const commitSeconds = histogram(
  "reprise_commit_duration_seconds",
  [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  "How long the store took for a commit."
).register()
export const storeErrors = counter("reprise_store_errors_total", "Failed calls of the store.").register()
export const fenceRejections = counter(
  "reprise_fence_rejections_total",
  "Appends refused because another process has taken the store over."
).register()

// ---- what is in memory ----

export const liveRuns = gauge("reprise_live_runs", "Runs in memory.").register()
export const attemptsRunning = gauge("reprise_attempts_running", "Bodies of attempts that run.").register()
export const attemptsQueued = gauge("reprise_attempts_queued", "Attempts that wait for a slot.").register()
export const outboxAppends = gauge("reprise_outbox_appends", "Appends that wait for a commit.").register()
export const inboxMessages = gauge("reprise_inbox_messages", "Messages that were read and are not yet committed as delivered.").register()

/** Takes the gauges: what is in memory now. */
export const observe = (worker: Worker): void => {
  const { limits, live, outbox, slots } = worker
  let messages = 0
  for (const { taken } of live.values()) messages += taken.size
  liveRuns.unsafeUpdate(live.size, [])
  attemptsRunning.unsafeUpdate(limits.attemptsMax - slots.free, [])
  attemptsQueued.unsafeUpdate(slots.queue.length, [])
  outboxAppends.unsafeUpdate(outbox.length, [])
  inboxMessages.unsafeUpdate(messages, [])
}

const MILLIS = 1_000

/** Seconds, as all metrics have them. */
export const seconds = (millis: number): number => millis / MILLIS

const ofVersion = Labels.make("workflow", "version")
const ofStatus = Labels.make("workflow", "status")
const ofOutcome = Labels.make("workflow", "outcome")
const ofStep = Labels.make("workflow", "step")

/** Counts what one committed append holds. */
export const countEvents = (workflow: string, events: Events): void => {
  eventsCommitted.unsafeUpdate(events.length, [])
  let completed = 0
  let failed = 0
  for (const event of events) {
    if (event._tag === "StepCompleted") completed += 1
    else if (event._tag === "StepAttemptFailed") failed += 1
    else if (event._tag === "RunStarted") countStart(workflow, event)
    else countClosing(workflow, event)
  }
  if (completed > 0) attemptsEnded.unsafeUpdate(completed, ofOutcome(workflow, "completed"))
  if (failed > 0) attemptsEnded.unsafeUpdate(failed, ofOutcome(workflow, "failed"))
}

/** A run that continues as new is still the same run. */
const countStart = (workflow: string, event: Event.Of<"RunStarted">): void => {
  if (event.generation === undefined) runsStarted.unsafeUpdate(1, ofVersion(workflow, event.version))
}

const countClosing = (workflow: string, event: Event.Event): void => {
  const status = CLOSING[event._tag]
  if (status !== undefined) runsClosed.unsafeUpdate(1, ofStatus(workflow, status))
}
const CLOSING: { readonly [tag: string]: Run.Status | undefined } = {
  RunCompleted: "completed",
  RunFailed: "failed",
  RunCancelled: "cancelled",
  RunTerminated: "terminated"
}

/** Measures an attempt whose body has ended. */
export const measureAttempt = (workflow: string, step: string, millis: number): void =>
  attemptSeconds.unsafeUpdate(seconds(millis), ofStep(workflow, step))

/** Counts a history that has grown long. */
export const countLong = (workflow: string, version: string): void => historiesLong.unsafeUpdate(1, ofVersion(workflow, version))
