/**
 * A step: an effect that runs outside the program, whose outcome is journaled. Once its completion is committed, every
 * later replay answers that outcome and does not run the body again.
 */
import { type Cause, Context, Duration, Effect, Either, type Schedule, type Schema } from "effect"
import type { StepDefect, StepOutcomeUnknown, StepTimedOut } from "../model/Errors.js"
import type { IsJson, Json } from "../model/Json.js"
import { type Codec, codec } from "../model/Payload.js"
import { type Line, lineOf } from "../model/Source.js"
import { Activation, type Attempt, type InStep } from "./Activation.js"
import type { Journaled } from "./Fits.js"
import * as Journal from "./Journal.js"
import * as Undoing from "./Undo.js"

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

/** How a step is undone, and how often that is tried. Its errors need no schema: nobody but the log reads them. */
export interface Compensate<A, R> extends Omit<Journal.Settings, "retry"> {
  readonly run: (value: A, cause: Cause.Cause<unknown>) => Effect.Effect<unknown, unknown, R>
  /** When and how often a failed undo is tried again. Default: not at all. */
  readonly retry?: Schedule.Schedule<unknown>
}

/** The undo itself, or with options. */
export type Compensation<A, R> = Compensate<A, R> | Compensate<A, R>["run"]

type AnyEffect = Effect.Effect<any, any, any>
type Made<B extends AnyEffect> = Effect.Effect.Success<B>
type Failing<B extends AnyEffect> = Effect.Effect.Error<B>

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
 * `compensate` undoes a step that has completed, as a step of its own, should the run fail or be cancelled later: see
 * `Compensation`.
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
export const run = <B extends AnyEffect, const O extends Given<Failing<B>> = {}, Undo = never>(
  name: string,
  effect: B & Fits<Made<B>, Failing<B>, O>,
  // Field by field, so that the schema is known where the type of the undo's value is asked for.
  options?: { readonly [K in keyof O]: O[K] } & { readonly compensate?: Compensation<Value<Made<B>, O>, Undo> }
): Effect.Effect<
  Value<Made<B>, O>,
  Failing<B> | Raised<O>,
  Activation | InStep<Exclude<Effect.Effect.Context<B> | Undo, CurrentAttempt>>
> => {
  // That its schemas fit, `Fits` has checked.
  const settings = (options ?? {}) as Options<Made<B>, Failing<B>>
  const output = codec(settings.output)
  const error = codec(settings.error)
  const source = lineOf(run)
  const body = Journal.bodyOf<Made<B>, Failing<B>, unknown>(name, effect, output, error)
  const step = Journal.define(name, body, output, settings, false, source)
  // The phantom requirement has no value: the worker meets it where the body runs.
  const performed = Journal.perform(step, output, error) as Effect.Effect<
    Value<Made<B>, O>,
    Failing<B> | Raised<O>,
    Activation | InStep<Exclude<Effect.Effect.Context<B> | Undo, CurrentAttempt>>
  >
  return options?.compensate === undefined ? performed : undone(name, performed, options.compensate, source)
}

/** The step, and its undo registered as soon as it has completed, with no gap for an interruption in between. */
const undone = <A, E, R, Undo>(
  name: string,
  step: Effect.Effect<A, E, R>,
  compensate: Compensation<A, Undo>,
  source: Line | undefined
): Effect.Effect<A, E, Activation | R> => {
  const options: Compensate<A, Undo> = typeof compensate === "function" ? { run: compensate } : compensate
  return Effect.uninterruptibleMask((restore) =>
    Effect.tap(restore(step), (value) => Undoing.register(name, (cause) => undoOf(name, options, value, cause, source))))
}

const undoOf = <A, R>(
  name: string,
  options: Compensate<A, R>,
  value: A,
  cause: Cause.Cause<unknown>,
  source: Line | undefined
) => {
  const output = codec<void>()
  const error = codec<Json>()
  const effect = Effect.suspend(() => Effect.mapError(Effect.asVoid(options.run(value, cause)), Undoing.asJson))
  const body = Journal.bodyOf(name, effect, output, error)
  return Journal.perform(Journal.define(nameOfUndo(name), body, output, options, false, source), output, error)
}

/** A name that is long already stays as it is: the limit must not stop a run that undoes. */
const nameOfUndo = (name: string): string => (name.length > 100 ? name : `undo ${name}`)

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

const record = <A>(name: string, effect: Effect.Effect<A>, as: Codec<A>, source: Line | undefined) =>
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
