/**
 * How what a run has done is undone. An undo is a finalizer in the scope of the body: it stands in one row with what the
 * body has acquired, and what came last goes first.
 *
 * - U1 It is registered in the activation that delivers the step's completion: the order is that of the log.
 * - U2 It runs when the body has failed or was interrupted; not when it has returned, continues as new, or is at fault.
 * - U3 It runs once: by the innermost saga around it that fails, or else at the end of the run.
 * - U4 One after another, and no cancel interrupts it. One that fails for good is kept in mind, and stops no other.
 */
import { Cause, Chunk, Context, Effect, Either, ExecutionStrategy, Exit, Fiber, FiberId, Option, Scope } from "effect"
import { StepDefect, StepOutcomeUnknown, StepTimedOut } from "../model/Errors.js"
import type { Failure } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import { checkJson } from "../model/Payload.js"
import { Activation, type Compensations, type Undo } from "./Activation.js"
import { ContinueAsNew } from "./Generation.js"

/** A part of a body that is undone as a whole. What is registered in it, is registered around it, too. */
export interface Saga {
  readonly undos: Array<Undo>
  readonly outer: Outer
}

/** What is around a saga, or a fiber: another one, the run, or an undo, whose own steps are not undone. */
export type Outer = Saga | "run" | "undo"

export class Around extends Context.Tag("@reprise/core/Around")<Around, Outer>() {}

export const around: Effect.Effect<Outer> = Effect.map(Effect.serviceOption(Around), Option.getOrElse((): Outer => "run"))

/** Registers what undoes a thing that has been done, or that may have been done. */
export const register = <R>(
  name: string,
  undo: (cause: Cause.Cause<unknown>) => Effect.Effect<unknown, unknown, R>
): Effect.Effect<void, never, Activation | R> =>
  Effect.gen(function*() {
    const of = yield* (yield* Activation).compensations
    const context = yield* Effect.context<R>()
    const run = (cause: Cause.Cause<unknown>) =>
      attempt(of, name, Effect.provide(Effect.suspend(() => undo(anonymous(cause))), context))
    const registered: Undo = { run, scope: undefined, isBegun: false }
    let outer = yield* around
    for (; typeof outer === "object"; outer = outer.outer) outer.undos.push(registered)
    if (outer === "run") yield* addToRun(of, registered)
  })

const addToRun = (of: Compensations, undo: Undo): Effect.Effect<void> =>
  Effect.gen(function*() {
    of.undos.add(undo)
    if (of.scope === undefined) return
    undo.scope = yield* Scope.fork(of.scope, ExecutionStrategy.sequential)
    yield* Scope.addFinalizerExit(undo.scope, (exit) =>
      Exit.isSuccess(exit) || of.isKept ? Effect.void : begin(of, undo, exit.cause))
  })

/** Undoes, unless that has been done or is being done (U3). */
const begin = (of: Compensations, undo: Undo, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (undo.isBegun) return Effect.void
    undo.isBegun = true
    of.undos.delete(undo)
    return undo.run(cause)
  })

/** The defect of a body's step, and what an undo throws, is a failure of the undo; its own defect stops the program (U4). */
const attempt = (of: Compensations, name: string, undo: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
  Effect.matchCauseEffect(of.halting(undo), {
    onSuccess: () => Effect.void,
    onFailure: (cause) => {
      of.failed.push({ name, failure: failureOf(cause) })
      return Effect.logWarning(`The compensation "${name}" has failed for good: ${Cause.pretty(cause).split("\n")[0]}`)
    }
  })

/** The same on every replay: which fibers interrupted one another is not in the history. */
const anonymous = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  Cause.match<Cause.Cause<unknown>, unknown>(cause, {
    onEmpty: Cause.empty,
    onFail: (error) => Cause.fail(error),
    onDie: (defect) => Cause.die(defect),
    onInterrupt: () => Cause.interrupt(FiberId.none),
    onSequential: (left, right) => Cause.sequential(left, right),
    onParallel: (left, right) => Cause.parallel(left, right)
  })

// ---- ending ----

/** Whether a cause holds a defect of the program itself: then the run is blocked, and nothing is undone or released. */
export const hasFault = (cause: Cause.Cause<unknown>): boolean =>
  Chunk.some(Cause.defects(cause), (died) => !(died instanceof StepDefect))

export const isContinuing = (cause: Cause.Cause<unknown>): boolean =>
  Option.getOrUndefined(Cause.failureOption(cause)) instanceof ContinueAsNew

/** Undoes a saga, last first; also what is still being registered meanwhile. */
export const undoSaga = (of: Compensations, saga: Saga, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const undo = saga.undos.pop()
    if (undo === undefined) return Effect.void
    // Its own scope leaves that of the body: a body may try many sagas.
    const leave = undo.scope === undefined ? Effect.void : Scope.close(undo.scope, Exit.void)
    return Effect.zipRight(Effect.zipRight(begin(of, undo, cause), leave), undoSaga(of, saga, cause))
  })

/**
 * Ends a body: closes its scope, and undoes unless it has returned or continues as new. Its fibers are stopped first:
 * what is being undone is not built upon. A cancel may still come to a body that wants to continue; then all is undone.
 */
export const end = (of: Compensations, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => {
  const { scope } = of
  of.scope = undefined
  of.isKept = Exit.isFailure(exit) && isContinuing(exit.cause)
  const close = scope === undefined ? Effect.void : Scope.close(scope, exit)
  // A turn of a loop that has returned is not undone by the next one.
  if (Exit.isSuccess(exit)) return Effect.zipRight(close, Effect.sync(() => of.undos.clear()))
  if (!of.isKept) return Effect.zipRight(Effect.zipRight(of.undos.size > 0 ? stopChildren : Effect.void, close), undoRest(of, exit.cause))
  const cancelled = Effect.suspend(() => of.isCancelled() ? undoRest(of, Cause.interrupt(FiberId.none)) : Effect.void)
  return Effect.zipRight(close, cancelled)
}

/** What is not in the scope any more; and again, should something be registered meanwhile. */
const undoRest = (of: Compensations, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (of.undos.size === 0) return Effect.void
    const all = Effect.forEach([...of.undos].toReversed(), (undo) => begin(of, undo, cause), { discard: true })
    return Effect.zipRight(all, undoRest(of, cause))
  })

const stopChildren = Effect.withFiberRuntime((fiber) => Effect.flatMap(fiber.children, Fiber.interruptAll))

// ---- how an undo failed ----

const failureOf = (cause: Cause.Cause<unknown>): Failure => {
  const typed = Cause.failureOption(cause)
  if (Option.isSome(typed)) return failureIn(typed.value)
  const died = Option.getOrUndefined(Cause.dieOption(cause))
  if (!(died instanceof StepDefect)) return { _tag: "Interrupted" }
  return { _tag: "Defect", name: died.name, message: died.detail, ...(died.stack === undefined ? {} : { stack: died.stack }) }
}

const failureIn = (error: unknown): Failure => {
  if (error instanceof StepTimedOut) return { _tag: "TimedOut", scope: error.scope, millis: error.millis }
  if (error instanceof StepOutcomeUnknown) return { _tag: "OutcomeUnknown" }
  return { _tag: "Error", error: asJson(error) }
}

/** Whoever reads why an undo failed needs no type: what is not JSON is told by its fields, tag and message. */
export const asJson = (error: unknown): Json => {
  const fields = typeof error === "object" && error !== null ? { ...error } : error
  const plain = checkJson(fields, "error of an undo")
  const known = error instanceof Error ? { name: error.name, message: error.message } : {}
  if (Either.isRight(plain)) return typeof plain.right === "object" ? { ...known, ...plain.right } : plain.right ?? null
  return { ...known, ...tagOf(error) }
}

const tagOf = (error: unknown): { readonly _tag?: string } =>
  typeof error === "object" && error !== null && "_tag" in error ? { _tag: String(error._tag) } : {}
