/**
 * A sensor waits for something outside to become true. It is polled by the worker; a poll that says "not yet" leaves no
 * event, holds no slot and no memory until the next one is due.
 */
import { Duration, Effect, Option, type Schema } from "effect"
import type { StepTimedOut } from "../model/Errors.js"
import { type Codec, codec } from "../model/Payload.js"
import { type Line, lineOf } from "../model/Source.js"
import type { Activation, Body, InStep, Outcome } from "./Activation.js"
import type { Journaled, JournaledError } from "./Fits.js"
import * as Journal from "./Journal.js"
import * as Step from "./Step.js"

export interface Options<A, E> {
  /** Time between two polls. */
  readonly every: Duration.DurationInput
  /** Longest time to wait, from the moment the sensor is asked for; then `StepTimedOut`. */
  readonly timeout?: Duration.DurationInput
  /** Stretches the time between polls: each is `factor` times the one before, at most `max`. */
  readonly backoff?: { readonly factor: number; readonly max: Duration.DurationInput }
  readonly output?: Schema.Schema<A, any>
  readonly error?: Schema.Schema<E, any>
  readonly summary?: string
}

/** Options as `poll` takes them: a schema may be wider than the type that it encodes. */
type Given = Omit<Options<unknown, unknown>, "output" | "error"> & Pick<Step.Given<unknown>, "output" | "error">

type Raised<O> = O extends { readonly timeout: {} } ? StepTimedOut : never

// As in Step: what TypeScript says about options that do not fit is not drowned.
type Fits<A, E, O> = keyof Given extends keyof O ? unknown : Journaled<"sensor", A, E, O>

/**
 * Polls `check` until it answers `Some`, and answers the value. A typed error of `check` fails the sensor; retry inside
 * `check` what may fail in passing.
 */
export const poll = <A, E, R, const O extends Given>(
  name: string,
  check: Effect.Effect<Option.Option<A>, E, R> & Fits<A, E, O>,
  options: O
): Effect.Effect<Step.Value<A, O>, E | Raised<O>, Activation | InStep<Exclude<R, Step.CurrentAttempt>>> =>
  // As in Step.run: the phantom requirement and the options' errors have no value to check here.
  sense<A, E>(name, check, options, lineOf(poll)) as Effect.Effect<
    Step.Value<A, O>,
    E | Raised<O>,
    Activation | InStep<Exclude<R, Step.CurrentAttempt>>
  >

/** `Sensor.poll` for a check that only says yes or no. */
export const until = <E, R, const O extends Given>(
  name: string,
  check: Effect.Effect<boolean, E, R> & JournaledError<"sensor", E, O>,
  options: O
): Effect.Effect<void, E | Raised<O>, Activation | InStep<Exclude<R, Step.CurrentAttempt>>> => {
  const answer: Effect.Effect<boolean, E, R> = check
  const found = Effect.map(answer, (yes) => (yes ? Option.some(null) : Option.none()))
  return Effect.asVoid(sense<null, E>(name, found, options, lineOf(until))) as Effect.Effect<
    void,
    E | Raised<O>,
    Activation | InStep<Exclude<R, Step.CurrentAttempt>>
  >
}

const sense = <A, E>(
  name: string,
  check: Effect.Effect<Option.Option<A>, E, unknown>,
  options: Options<A, E>,
  source: Line | undefined
) => {
  const output = codec<A>(options.output)
  const error = codec<E>(options.error)
  const body = bodyOf(name, check, options, output, error)
  return Journal.perform(Journal.define(name, body, output, stepOptions(options), true, source), output, error)
}

const stepOptions = <A, E>(options: Options<A, E>): Step.Options<A, E> => ({
  ...(options.timeout === undefined ? {} : { deadline: options.timeout }),
  ...(options.summary === undefined ? {} : { summary: options.summary })
})

const bodyOf = <A, E, R>(
  name: string,
  check: Effect.Effect<Option.Option<A>, E, R>,
  options: Options<A, E>,
  output: Codec<A>,
  error: Codec<E>
): Body => (around) =>
  Effect.matchCauseEffect(Journal.placed(check, around), {
    onSuccess: (found) =>
      Option.isSome(found)
        ? Effect.succeed(Journal.completedWith(output, found.value, name))
        : Effect.map(Step.attempt, ({ poll }): Outcome => ({ _tag: "Pending", nextMillis: nextMillis(options, poll) })),
    onFailure: (cause) => Effect.succeed<Outcome>({ _tag: "Failed", failure: Journal.failureOf(cause, error, `error of sensor "${name}"`) })
  })

/** The wait after poll number `count` (from 1), in milliseconds. */
export const nextMillis = (
  options: Pick<Options<never, never>, "every" | "backoff">,
  count: number
): number => {
  const every = Duration.toMillis(options.every)
  if (options.backoff === undefined) return every
  return Math.min(Duration.toMillis(options.backoff.max), every * options.backoff.factor ** (count - 1))
}
