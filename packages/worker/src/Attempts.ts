/**
 * Runs step bodies: outside the program, on the ordinary runtime, with the worker's services.
 *
 * Talks to: RunLoop, which says what to start and abort and is told each outcome.
 * Invariants:
 * - R1 An attempt is started only after its `StepScheduled` (and `StepAttemptStarted`, where one is written) is committed.
 * - R2 At most `limits.attemptsMax` bodies run at once; the others wait in order. A wait between attempts holds no slot.
 * - R3 What an attempt says after the run has let go of it is refused (I7), by comparing step id and attempt number.
 */
import { Context, Effect, Exit, FiberId, Option, Runtime, RuntimeFlags } from "effect"
import { Step } from "@reprise/core"
import { type Activation, Errors, Journal, type Json, Payload, Run } from "@reprise/core/engine"
import * as Metrics from "./Metrics.js"
import * as Telemetry from "./Telemetry.js"
import type { LiveRun, Result, RunningAttempt, Worker } from "./State.js"

export interface Ends {
  /** Told when an attempt has ended. */
  readonly onEnd: (run: LiveRun, stepId: string, attempt: number, result: Result) => void
  /** Told when a sensor's poll said "not yet". */
  readonly onPending: (run: LiveRun, stepId: string, nextMillis: number) => void
}

/** Starts the current attempt of an open step, now or when a slot is free. */
export const start = (worker: Worker, run: LiveRun, step: Run.OpenStep, ends: Ends): void => {
  if (run.attempts.has(step.id)) return
  const attempt: RunningAttempt = {
    stepId: step.id,
    attempt: step.attempt,
    fiber: undefined,
    abort: undefined,
    ending: undefined
  }
  run.attempts.set(step.id, attempt)
  if (worker.slots.free > 0) {
    begin(worker, run, step, attempt, ends)
  } else {
    worker.slots.queue.push(() => begin(worker, run, step, attempt, ends))
  }
}

/** Interrupts an attempt; its end is reported once the body's own cleanup is done. */
export const abort = (run: Pick<LiveRun, "attempts">, stepId: string, why: NonNullable<RunningAttempt["ending"]>): boolean => {
  const attempt = run.attempts.get(stepId)
  if (attempt === undefined) return false
  if (attempt.ending !== undefined) return true
  attempt.ending = why
  attempt.abort?.()
  attempt.fiber?.unsafeInterruptAsFork(FiberId.none)
  // One that still waits for a slot ends when it would begin; nobody need wait for that.
  if (attempt.fiber === undefined) {
    run.attempts.delete(stepId)
    return false
  }
  return true
}

/** Attempts that wait for a slot do not begin while their run is paused. */
export const hold = (run: Pick<LiveRun, "attempts">): void => {
  for (const attempt of run.attempts.values()) if (attempt.fiber === undefined) attempt.ending ??= "pause"
}

/** Lets go of those, and says which they were: they have not begun, so nothing about them is unknown. */
export const unhold = (run: Pick<LiveRun, "attempts">): ReadonlySet<string> => {
  const held = [...run.attempts.values()].filter(({ ending }) => ending === "pause").map(({ stepId }) => stepId)
  for (const id of held) run.attempts.delete(id)
  return new Set(held)
}

const begin = (worker: Worker, run: LiveRun, step: Run.OpenStep, attempt: RunningAttempt, ends: Ends): void => {
  const body = run.program?.bodies.get(step.id)
  if (attempt.ending !== undefined || worker.stopping || isLeft(worker, step) || body === undefined) {
    if (attempt.ending !== "pause" && run.attempts.get(step.id) === attempt) run.attempts.delete(step.id)
    return nextInLine(worker)
  }
  worker.slots.free -= 1
  const info = infoFor(worker, run, step, attempt)
  const effect = limited(body(worker.hooks?.around(run, step, info)), step)
  const traced = worker.sinks.tracing ? Telemetry.attemptSpan(worker, run, step, effect) : effect
  const fiber = Runtime.runFork(withAttempt(worker.bodies, info))(traced)
  attempt.fiber = fiber
  const begunAt = worker.now()
  fiber.addObserver((exit) => {
    worker.slots.free += 1
    if (attempt.ending !== "stop") Metrics.measureAttempt(run.state.workflow, step.name, worker.now() - begunAt)
    if (run.attempts.get(step.id) === attempt) run.attempts.delete(step.id)
    report(run, step, attempt, exit, ends)
    nextInLine(worker)
  })
}

/** While the worker drains, only what is recorded as started begins: left alone, its outcome would count as unknown. */
const isLeft = (worker: Worker, step: Run.OpenStep): boolean => worker.draining && step.onUnknown === "retry"

/**
 * The attempt's facts go into the runtime's context, which is cheaper than providing them inside the effect. Effect's own
 * fiber metrics are off for bodies: attempts have metrics of their own (Telemetry), and four updates a body would show.
 */
const withAttempt = (runtime: Runtime.Runtime<unknown>, info: Activation.Attempt): Runtime.Runtime<unknown> =>
  Runtime.make({
    context: Context.add(runtime.context, Step.CurrentAttempt, info),
    runtimeFlags: RuntimeFlags.disable(runtime.runtimeFlags, RuntimeFlags.RuntimeMetrics),
    fiberRefs: runtime.fiberRefs
  })

const nextInLine = (worker: Worker): void => {
  if (worker.slots.free > 0) worker.slots.queue.shift()?.()
}

/** The attempt's timeout interrupts the body and waits for its cleanup, so that two attempts never overlap. */
const limited = (
  body: Effect.Effect<Activation.Outcome, never, unknown>,
  step: Run.OpenStep
): Effect.Effect<Activation.Outcome, never, unknown> => {
  const millis = step.timeoutMillis
  if (millis === undefined) return body
  return Effect.timeoutTo(body, {
    duration: millis,
    onSuccess: (outcome) => outcome,
    onTimeout: (): Activation.Outcome => ({ _tag: "Failed", failure: { _tag: "TimedOut", scope: "attempt", millis } })
  })
}

const infoFor = (worker: Worker, run: LiveRun, step: Run.OpenStep, attempt: RunningAttempt): Activation.Attempt => {
  let controller: AbortController | undefined
  return {
    runId: run.runId,
    stepId: step.id,
    stepName: step.name,
    attempt: step.attempt,
    idempotencyKey: step.idempotencyKey ?? `${run.runId}/${step.id}`,
    // Made only for bodies that ask for it.
    get signal() {
      controller ??= new AbortController()
      attempt.abort = () => controller?.abort()
      return controller.signal
    },
    progress: Option.fromNullable(run.progress.get(step.id)),
    heartbeat: (details) => heartbeat(worker, run, step, details),
    poll: (run.polls.get(step.id)?.count ?? 0) + 1
  }
}

/** Details that cannot be written are the body's defect, there and then: with others' notes they would stop those, too. */
const heartbeat = (worker: Worker, run: LiveRun, step: Run.OpenStep, given: Json.Json): Effect.Effect<void> =>
  Effect.gen(function*() {
    const what = `heartbeat of step "${step.name}"`
    const details = (yield* Payload.checkJson(given, what)) ?? null
    const bytesMax = worker.limits.payloadBytesMax
    const bytes = Payload.sizeOf(details, bytesMax)
    if (bytes > bytesMax) return yield* new Errors.PayloadTooLarge({ what, bytes, bytesMax })
    run.progress.set(step.id, details)
    worker.notes.push({ _tag: "Progress", runId: run.runId, id: step.id, details })
    worker.commitSoon()
  }).pipe(Effect.orDie)

const report = (
  run: LiveRun,
  step: Run.OpenStep,
  attempt: RunningAttempt,
  exit: Exit.Exit<Activation.Outcome>,
  ends: Ends
): void => {
  if (attempt.ending === "stop") return
  if (attempt.ending === "cancel") return ends.onEnd(run, step.id, attempt.attempt, { _tag: "Aborted" })
  if (attempt.ending === "deadline") return ends.onEnd(run, step.id, attempt.attempt, deadlineResult(step))
  if (Exit.isFailure(exit)) {
    const failure = Journal.failureOf(exit.cause, Payload.codec<never>(), `error of step "${step.name}"`)
    return ends.onEnd(run, step.id, attempt.attempt, { _tag: "Failed", failure })
  }
  const outcome = exit.value
  if (outcome._tag === "Pending") return ends.onPending(run, step.id, outcome.nextMillis)
  ends.onEnd(run, step.id, attempt.attempt, outcome)
}

/** The failure of a step or sensor whose deadline has passed. */
export const deadlineResult = (step: Run.OpenStep): Result => ({
  _tag: "Failed",
  failure: { _tag: "TimedOut", scope: "deadline", millis: (step.deadlineAt ?? step.scheduledAt) - step.scheduledAt }
})
