/**
 * What a run has done outside is undone when it does not complete: `compensate` of `Step.run` for a step, `add` for
 * anything else, `within` for a part of a body. Undos run as steps, last first, each once, through any crash.
 */
import { type Cause, Effect, Exit, Fiber, type Scope } from "effect"
import { Activation } from "./Activation.js"
import * as Undo from "./Undo.js"

/**
 * Registers workflow code that undoes something, should the run fail or be cancelled from here on. It is given the cause
 * and may run several steps. Call it before a step whose outcome may stay unknown (it may be interrupted, time out, or
 * fail after it took effect), and let the undo find out; `compensate` is for what has surely been done.
 *
 * @example
 * import { Effect, Option, Schema } from "effect"
 * import { Compensation, Step, Workflow } from "@reprise/core"
 *
 * declare const find: (order: string) => Effect.Effect<string | null>
 * declare const refund: (payment: string) => Effect.Effect<void>
 * declare const charge: (order: string) => Effect.Effect<string>
 *
 * const Pay = Workflow.make("pay", { input: Schema.String }, (order) =>
 *   Effect.gen(function*() {
 *     yield* Compensation.add("payment", () =>
 *       Effect.gen(function*() {
 *         const payment = yield* Step.run("find payment", find(order))
 *         if (payment !== null) yield* Step.run("refund", refund(payment))
 *       }))
 *     return yield* Step.run("charge", charge(order), { timeout: "10 seconds" })
 *   }))
 */
export const add = <E, R>(
  name: string,
  undo: (cause: Cause.Cause<unknown>) => Effect.Effect<unknown, E, R>
): Effect.Effect<void, never, Activation | Exclude<R, Scope.Scope>> => Undo.register(name, (cause) => alone(undo(cause)))

/**
 * In a fiber and a scope of its own: a cancel of the run does not reach it, but its own timeouts and races do what they
 * do elsewhere. What it does is not undone in turn.
 */
const alone = <E, R>(undo: Effect.Effect<unknown, E, R>): Effect.Effect<unknown, E, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(
    Effect.fork(Effect.interruptible(Effect.provideService(Effect.scoped(undo), Undo.Around, "undo"))),
    Fiber.join
  )

/**
 * A saga inside a workflow. When the effect fails or is interrupted, what was registered in it is undone there and then,
 * last first, and the failure goes on. When it succeeds, its undos stay registered around it.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Compensation, Step, Workflow } from "@reprise/core"
 *
 * declare const book: (hotel: string) => Effect.Effect<string, "full">
 * declare const release: (room: string) => Effect.Effect<void>
 *
 * const room = (hotel: string) =>
 *   Compensation.within(Effect.gen(function*() {
 *     const first = yield* Step.run("first night", book(hotel), { compensate: release })
 *     const second = yield* Step.run("second night", book(hotel), { compensate: release })
 *     return [first, second]
 *   }))
 *
 * // The first night at the Ritz is given back before the Plaza is asked.
 * const Stay = Workflow.make("stay", { error: Schema.Literal("full") }, () => Effect.orElse(room("Ritz"), () => room("Plaza")))
 */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Activation | R> =>
  Effect.gen(function*() {
    const of = yield* (yield* Activation).compensations
    const saga: Undo.Saga = { undos: [], outer: yield* Undo.around }
    return yield* Effect.onExit(Effect.provideService(effect, Undo.Around, saga), (exit) =>
      Exit.isSuccess(exit) || Undo.hasFault(exit.cause) || Undo.isContinuing(exit.cause)
        ? Effect.void
        : Undo.undoSaga(of, saga, exit.cause))
  })
