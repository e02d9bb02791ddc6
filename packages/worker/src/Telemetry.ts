/** What the world hears of runs: logs, console lines, spans and metrics, always after the commit and never on replay. */
import {
  Context,
  DefaultServices,
  Effect,
  Exit,
  FiberId,
  FiberRefs,
  Hash,
  HashMap,
  HashSet,
  type Logger,
  Metric,
  MetricBoundaries,
  MetricLabel,
  Option,
  Tracer
} from "effect"
import { type Activation, type Event, HistorySize, type Run } from "@reprise/core/engine"
import type { Events, LiveRun, Pending, Worker } from "./State.js"

const NANOS = 1_000_000n

/** Runs closed, by workflow and status. */
export const runsClosed = Metric.counter("reprise_runs_closed_total", { incremental: true })
/** Runs begun, by workflow. */
export const runsStarted = Metric.counter("reprise_runs_started_total", { incremental: true })
/** Attempts ended, by workflow and outcome. */
export const attemptsEnded = Metric.counter("reprise_step_attempts_total", { incremental: true })
/** Events committed. */
export const eventsCommitted = Metric.counter("reprise_events_total", { incremental: true })
/** Appends that shared one commit. */
export const commitSize = Metric.histogram(
  "reprise_commit_appends",
  MetricBoundaries.exponential({ start: 1, factor: 4, count: 8 })
)
/** Milliseconds between a timer's due instant and its event. */
export const timerLateness = Metric.histogram(
  "reprise_timer_lateness_millis",
  MetricBoundaries.exponential({ start: 1, factor: 4, count: 8 })
)
/** Runs blocked by a fault, since the process started. */
export const runsBlocked = Metric.counter("reprise_runs_blocked_total", { incremental: true })
/** Histories that reached `Limits.historyEventsWarn`, or doubled beyond it, by workflow and version. */
export const historiesLong = Metric.counter("reprise_histories_long_total", { incremental: true })
/** Failed calls of the store. */
export const storeErrors = Metric.counter("reprise_store_errors_total", { incremental: true })
/** Runs in memory. */
export const liveRuns = Metric.gauge("reprise_live_runs")

const labelled = new Map<string, ReadonlyArray<MetricLabel.MetricLabel>>()

/** Labels are compared by value in the registry; the same ones are reused, because making them costs more than counting. */
const labels = (workflow: string, key: string, value: string): ReadonlyArray<MetricLabel.MetricLabel> => {
  const id = `${workflow}\u0000${key}\u0000${value}`
  let made = labelled.get(id)
  if (made === undefined) {
    made = [MetricLabel.make("workflow", workflow), MetricLabel.make(key, value)]
    labelled.set(id, made)
  }
  return made
}

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
  if (completed > 0) attemptsEnded.unsafeUpdate(completed, labels(workflow, "outcome", "completed"))
  if (failed > 0) attemptsEnded.unsafeUpdate(failed, labels(workflow, "outcome", "failed"))
}

/** A run that continues as new is still the same run. */
const countStart = (workflow: string, event: Event.Of<"RunStarted">): void => {
  if (event.generation === undefined) runsStarted.unsafeUpdate(1, labels(workflow, "version", event.version))
}

/** What is to be said of a generation whose history has grown long with these events; again at each doubling. */
export const lengthWarning = (worker: Worker, run: LiveRun, events: Events): Effect.Effect<void> | undefined => {
  const { generationSeq, seq: eventCount } = run.state
  const length = HistorySize.lengthOf({ eventCount, generationSeq })
  if (!HistorySize.hasReached(length - events.length, length, worker.limits.historyEventsWarn)) return undefined
  const { runId, status, version, workflow } = run.state
  historiesLong.unsafeUpdate(1, labels(workflow, "version", version))
  const warnings = HistorySize.warningsOf({ runId, workflow, status, eventCount, generationSeq }, worker.limits)
  return Effect.forEach(warnings, ({ hint, message }) => Effect.logWarning(`${message}\n  hint: ${hint}`), { discard: true })
}

const countClosing = (workflow: string, event: Event.Event): void => {
  const status = CLOSING[event._tag]
  if (status !== undefined) runsClosed.unsafeUpdate(1, labels(workflow, "status", status))
}
const CLOSING: { readonly [tag: string]: Run.Status | undefined } = {
  RunCompleted: "completed",
  RunFailed: "failed",
  RunCancelled: "cancelled",
  RunTerminated: "terminated"
}

/** Hands on what the program logged, printed and traced in a committed activation. */
export const emit = (worker: Worker, run: LiveRun, outputs: Pending["outputs"]): void => {
  for (const output of outputs) {
    if (output._tag === "Span") emitSpan(worker, run, output.span)
    else if (output._tag === "Console") print(output.method, output.args)
    else {
      const annotations = output.options.annotations.pipe(
        HashMap.set("runId", run.runId as unknown),
        HashMap.set("workflow", run.state.workflow as unknown),
        HashMap.set("fiber", output.fiberPath as unknown)
      )
      // A logger may use the console or the clock of its context: the program's own are no use outside of it.
      const context = FiberRefs.updateAs(output.options.context, {
        fiberId: FiberId.none,
        fiberRef: DefaultServices.currentServices,
        value: worker.sinks.services
      })
      for (const logger of HashSet.values(worker.sinks.loggers)) write(logger, { ...output.options, annotations, context })
    }
  }
}

/** A logger that throws must not keep the run from going on. */
const write = (logger: Logger.Logger<unknown, unknown>, options: Logger.Logger.Options<unknown>): void => {
  try {
    logger.log(options)
  } catch (thrown) {
    console.error("a logger failed:", thrown)
  }
}

const print = (method: string, args: ReadonlyArray<unknown>): void => {
  const target = console as unknown as Record<string, (...args: ReadonlyArray<unknown>) => void>
  target[method]?.(...args)
}

// ---- spans: each run is a trace, or part of the trace in which it was started ----

const HEX = "0123456789abcdef"

/** The span that stands for a run: the one under which it was started, or one made from its id. */
const runSpan = (run: LiveRun): Tracer.ExternalSpan => {
  const trace = run.state.started?.trace
  if (trace !== undefined) return Tracer.externalSpan(trace)
  return Tracer.externalSpan({ traceId: hex(run.runId, 32), spanId: hex(run.runId, 16), sampled: true })
}

/** Under which span the children of a run are started. */
export const contextOf = (run: LiveRun): Event.TraceContext => {
  const { sampled, spanId, traceId } = runSpan(run)
  return { sampled, spanId, traceId }
}

const hex = (text: string, length: number): string => {
  let digits = ""
  for (let i = 0; digits.length < length; i++) {
    let bits = Hash.string(`${i}/${text}`) >>> 0
    for (let j = 0; j < 7 && digits.length < length; j++, bits >>>= 4) digits += HEX[bits & 15]
  }
  return digits
}

const attributesOf = (run: LiveRun): Record<string, unknown> => ({
  "reprise.run_id": run.runId,
  "reprise.workflow": run.state.workflow,
  "reprise.version": run.state.version
})

/** Wraps an attempt in a span below its run's. */
export const attemptSpan = <R>(
  worker: Worker,
  run: LiveRun,
  step: Run.OpenStep,
  attempt: Effect.Effect<Activation.Outcome, never, R>
): Effect.Effect<Activation.Outcome, never, R> =>
  Effect.suspend(() => {
    const attributes = { ...attributesOf(run), "reprise.step_id": step.id, "reprise.attempt": step.attempt }
    const span = openSpan(worker, run, `step ${step.name}`, BigInt(worker.now()) * NANOS, "internal", attributes)
    return Effect.onExit(Effect.withParentSpan(attempt, span), (exit) =>
      Effect.sync(() => {
        const ended = Exit.isSuccess(exit) && exit.value._tag === "Failed" ? Exit.fail(exit.value.failure) : exit
        span.end(BigInt(worker.now()) * NANOS, ended)
      }))
  })

const openSpan = (
  worker: Worker,
  run: LiveRun,
  name: string,
  startTime: bigint,
  kind: Tracer.SpanKind,
  attributes: Record<string, unknown>
): Tracer.Span => {
  const span = worker.sinks.tracer.span(name, Option.some(runSpan(run)), Context.empty(), [], startTime, kind)
  for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
  return span
}

const emitSpan = (
  worker: Worker,
  run: LiveRun,
  ended: Extract<Pending["outputs"][number], { readonly _tag: "Span" }>["span"]
): void => {
  if (!worker.sinks.tracing) return
  const attributes = { ...attributesOf(run), ...Object.fromEntries(ended.attributes) }
  const span = openSpan(worker, run, ended.name, ended.startTime, ended.kind, attributes)
  span.end(ended.endTime, ended.cause === undefined ? Exit.void : Exit.failCause(ended.cause))
}

/** The span of the whole run, told when it has closed. */
export const closeRunSpan = (worker: Worker, run: LiveRun): void => {
  const { closedAt, closing, startedAt, workflow } = run.state
  if (!worker.sinks.tracing || startedAt === undefined || closedAt === undefined) return
  const span = openSpan(worker, run, `run ${workflow}`, BigInt(startedAt) * NANOS, "internal", {
    ...attributesOf(run),
    "reprise.status": run.state.status
  })
  span.end(BigInt(closedAt) * NANOS, closing?._tag === "RunCompleted" ? Exit.void : Exit.fail(closing?._tag))
}
