/** What the world hears of runs: logs, console lines and spans, always after the commit and never on replay. */
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
  Option,
  Tracer
} from "effect"
import { type Activation, type Event, HistorySize, type Run } from "@reprise/core/engine"
import * as Metrics from "./Metrics.js"
import type { Events, LiveRun, Pending, Worker } from "./State.js"

const NANOS = 1_000_000n

/** What is to be said of a generation whose history has grown long with these events; again at each doubling. */
export const lengthWarning = (worker: Worker, run: LiveRun, events: Events): Effect.Effect<void> | undefined => {
  const { generationSeq, seq: eventCount } = run.state
  const length = HistorySize.lengthOf({ eventCount, generationSeq })
  if (!HistorySize.hasReached(length - events.length, length, worker.limits.historyEventsWarn)) return undefined
  const { runId, status, version, workflow } = run.state
  Metrics.countLong(workflow, version)
  const warnings = HistorySize.warningsOf({ runId, workflow, status, eventCount, generationSeq }, worker.limits)
  return Effect.forEach(warnings, ({ hint, message }) => Effect.logWarning(`${message}\n  hint: ${hint}`), { discard: true })
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
