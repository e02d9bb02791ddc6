/**
 * A step: an effect that runs outside the program, whose outcome is journaled. Once its completion is committed, every
 * later replay answers that outcome and does not run the body again.
 */
import { Context, Duration, Effect, Either, type Schedule, type Schema } from "effect"
import type { StepDefect, StepOutcomeUnknown, StepTimedOut } from "../model/Errors.js"
import type { IsJson, Json } from "../model/Json.js"
import { type Codec, codec } from "../model/Payload.js"
import { lineOf } from "../model/Source.js"
import { Activation, type Attempt, type InStep } from "./Activation.js"
import type { Journaled } from "./Fits.js"
import * as Journal from "./Journal.js"

/** Inside a step body: the attempt's number, idempotency key, abort signal, and heartbeat. */
export class CurrentAttempt extends Context.Tag("@reprise/core/CurrentAttempt")<CurrentAttempt, Attempt>() {}

export interface Options<A, E> {
  /** How the value is written to the log; needed unless its type is JSON. */
  readonly output?: Schema.Schema<A, any>
  /** How typed errors are written to the log; needed unless their type is JSON. */
  readonly error?: Schema.Schema<E, any>
  /** When and how often failed attempts are tried again: any Effect schedule, jittered or not. Default: not at all. */
  readonly retry?: Schedule.Schedule<unknown, E | StepTimedOut | StepDefect>
  /** Tags of typed errors after which no attempt is made, whatever `retry` says. */
  readonly nonRetryable?: ReadonlyArray<TagOf<E>>
  /** Longest time of one attempt. */
  readonly timeout?: Duration.DurationInput
  /** Longest time from scheduling to the end of the last attempt, waits included. */
  readonly deadline?: Duration.DurationInput
  /** The key that attempts pass to the far side; by default unique to this step of this run and stable over attempts. */
  readonly idempotencyKey?: string
  /** What to do when the process died during an attempt. Default: `retry`. */
  readonly onUnknown?: "retry" | "fail" | "ask"
  /** A line for humans, shown beside the step. */
  readonly summary?: string
}

/**
 * Options that do not fit are inferred as all of them: then TypeScript has something to say about the options, and the
 * test of the effect has not.
 */
type Fits<A, E, O> = keyof Given<E> extends keyof O ? unknown : Journaled<"step", A, E, O>

/** Options as `run` takes them: a schema may be wider than the type that it encodes, as `Schema.Array` is for an array. */
export type Given<E> = Omit<Options<unknown, E>, "output" | "error"> & {
  readonly output?: Schema.Schema.AnyNoContext
  readonly error?: Schema.Schema.AnyNoContext
}
/** What comes back from the log: what the schema decodes, or the JSON value itself. */
export type Value<A, O> = O extends { readonly output: infer S } ? Schema.Schema.Type<S> : A

type TagOf<E> = E extends { readonly _tag: infer T extends string } ? T : never

/** The engine's errors that the given options can raise. */
export type Raised<O> =
  | (O extends { readonly timeout: {} } | { readonly deadline: {} } ? StepTimedOut : never)
  | (O extends { readonly onUnknown: "fail" | "ask" } ? StepOutcomeUnknown : never)

/**
 * Runs an effect as a step and answers its journaled outcome. Fails with the effect's typed errors, with
 * `StepTimedOut` when `timeout` or `deadline` is set, and with `StepOutcomeUnknown` when `onUnknown` is not `retry`;
 * a defect of the body is a failed attempt, and dies as `StepDefect` when no attempt is left.
 *
 * @example
 * import { Effect, Schedule } from "effect"
 * import { Step } from "@reprise/core"
 *
 * const price = Step.run("look up price", Effect.succeed(42), {
 *   timeout: "5 seconds",
 *   retry: Schedule.exponential("1 second").pipe(Schedule.jittered, Schedule.upTo("1 hour"))
 * })
 */
export const run = <A, E, R, const O extends Given<E> = {}>(
  name: string,
  effect: Effect.Effect<A, E, R> & Fits<A, E, O>,
  options?: O
): Effect.Effect<Value<A, O>, E | Raised<O>, Activation | InStep<Exclude<R, CurrentAttempt>>> => {
  const settings: Options<A, E> = options ?? {}
  const output = codec<A>(settings.output)
  const error = codec<E>(settings.error)
  const step = Journal.define(name, Journal.bodyOf(name, effect, output, error), output, settings, false, lineOf(run))
  // The phantom requirement has no value: the worker meets it where the body runs.
  return Journal.perform(step, output, error) as Effect.Effect<
    Value<A, O>,
    E | Raised<O>,
    Activation | InStep<Exclude<R, CurrentAttempt>>
  >
}

/**
 * Records a side effect's value once and answers the recorded value ever after: ids, the wall clock, configuration.
 * The effect must be synchronous and must not fail; everything else is a job for `Step.run`.
 */
export const value = <A>(
  name: string,
  effect: Effect.Effect<A> & (IsJson<A> extends true ? unknown : { readonly "this value is not JSON: use Step.valueOf with a schema": A })
): Effect.Effect<A, never, Activation> => record(name, effect, codec<A>(), lineOf(value))

/** `Step.value` for values that need a schema. */
export const valueOf = <A>(
  name: string,
  schema: Schema.Schema<A, any>,
  effect: Effect.Effect<A>
): Effect.Effect<A, never, Activation> => record(name, effect, codec(schema), lineOf(valueOf))

/** The facts of the attempt that is running; only inside a step body. */
export const attempt: Effect.Effect<Attempt, never, CurrentAttempt> = CurrentAttempt

/**
 * Saves progress details (JSON) that the next attempt reads with `Step.progress`. Kept beside the log: the latest
 * details win, and are saved at the latest when the attempt fails.
 */
export const heartbeat = (details: Json): Effect.Effect<void, never, CurrentAttempt> =>
  Effect.flatMap(CurrentAttempt, (current) => current.heartbeat(details))

/** The details that an earlier attempt of this step saved last. */
export const progress = Effect.map(CurrentAttempt, (current) => current.progress)

const record = <A>(name: string, effect: Effect.Effect<A>, as: Codec<A>, source: string | undefined) =>
  Effect.flatMap(Activation, (activation) =>
    Effect.flatMap(
      activation.perform<"RecordValue">({
        _tag: "RecordValue",
        name,
        config: false,
        source,
        evaluate: () => Either.getOrThrowWith(as.encode(Effect.runSync(effect), `value "${name}"`), (error) => error)
      }),
      (json) => Journal.decoded(as, json, name)
    ))
