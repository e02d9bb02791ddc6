/** How the body of a long-lived run ends its generation: it continues as new, by itself or from turn to turn of a loop. */
import { Data, Effect } from "effect"
import { ConfigurationInvalid } from "../model/Errors.js"
import type { Codec } from "../model/Payload.js"
import { Activation } from "./Activation.js"

/**
 * The error with which a body ends its generation. Let it reach the end of the body: what catches it keeps the run from
 * continuing.
 */
export class ContinueAsNew<out Input> extends Data.TaggedError("ContinueAsNew")<{ readonly input: Input }> {}

/**
 * Goes on from the beginning of the body with a new input and an empty history: for runs that live long. The run keeps
 * its id, its key, its timeout and the signals that nobody has taken; it moves to the newest registered version. What is
 * still open then, is dropped: steps are interrupted, timers and awakeables forgotten, updates under way answered as
 * failed, and children end by their parent-close policy.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Workflow } from "@reprise/core"
 *
 * const Counter = Workflow.make("counter", { input: Schema.Number }, (count) =>
 *   Effect.zipRight(Effect.sleep("1 day"), Workflow.continueAsNew(count + 1)))
 */
export function continueAsNew(): Effect.Effect<never, ContinueAsNew<void>>
export function continueAsNew<const Input>(input: Input): Effect.Effect<never, ContinueAsNew<Input>>
export function continueAsNew(input?: unknown): Effect.Effect<never, ContinueAsNew<unknown>> {
  return Effect.fail(new ContinueAsNew({ input }))
}

const generation = Effect.flatMap(Activation, (activation) => activation.perform<"Generation">({ _tag: "Generation" }))

/**
 * How many events the history of this generation has, up to the one that the program is reacting to. The same on every
 * replay, so a body may decide by it when to continue as new.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Workflow } from "@reprise/core"
 *
 * const Watch = Workflow.make("watch", { input: Schema.Number }, (seen) =>
 *   Effect.gen(function*() {
 *     while ((yield* Workflow.historyLength) < 10_000) yield* Effect.sleep("1 minute")
 *     return yield* Workflow.continueAsNew(seen)
 *   }))
 */
export const historyLength: Effect.Effect<number, never, Activation> = Effect.map(generation, (at) => at.eventCount)

/** A turn of a loop after which there is another, with this state. */
export interface Next<out State> {
  readonly _tag: "Next"
  readonly state: State
}

/** The last turn of a loop: the run completes with this output. */
export interface Done<out A> {
  readonly _tag: "Done"
  readonly output: A
}

/** Ends a turn of `Workflow.loop`: the next one begins with this state. */
export function next(): Next<void>
export function next<const State>(state: State): Next<State>
export function next(state?: unknown): Next<unknown> {
  return { _tag: "Next", state }
}

/** Ends a `Workflow.loop`. */
export function done(): Done<void>
export function done<const A>(output: A): Done<A>
export function done(output?: unknown): Done<unknown> {
  return { _tag: "Done", output }
}

/** Turns in one generation end when its history has this many events: far below what a replay would notice. */
const CONTINUE_AFTER = 2_000

/**
 * Turns, one after another, until one is done; when the history has passed `continueAfter`, in a new generation. It waits
 * with that for updates that are under way, because their answers would be lost.
 *
 * A turn begins with a state that has been encoded and decoded, also within a generation: a state that does not fit its
 * schema is found in the turn that made it, and none can tell whether a generation has ended before it.
 */
export const turns = <State, E>(
  state: Codec<State>,
  what: string,
  turn: (state: State) => Effect.Effect<Next<State> | Done<unknown>, E, Activation>,
  continueAfter: number = CONTINUE_AFTER
): (first: State) => Effect.Effect<unknown, E | ContinueAsNew<State>, Activation> => {
  if (!(continueAfter >= 1)) throw new ConfigurationInvalid({ detail: `continueAfter is ${continueAfter}; it must be at least 1` })
  const settled = (made: State) =>
    Effect.orDie(Effect.flatMap(state.encode(made, what), (json) => state.decode(json, what)))
  return (first) =>
    Effect.gen(function*() {
      for (let current = first;;) {
        const end = yield* turn(current)
        if (end._tag === "Done") return end.output
        const { eventCount, mayEnd, updateCount } = yield* generation
        if (mayEnd && eventCount >= continueAfter && updateCount === 0) return yield* continueAsNew(end.state)
        current = yield* settled(end.state)
      }
    })
}
