/**
 * A step: an effect that runs outside the program, whose outcome is journaled. Once its completion is committed, every
 * later replay answers that outcome and does not run the body again.
 */
import { Cause, Context, Duration, Effect, Either, type Schedule, type Schema } from "effect"
import { PayloadInvalid, StepDefect, StepOutcomeUnknown, StepTimedOut } from "../model/Errors.js"
import type { Failure } from "../model/Event.js"
import type { IsJson, Json } from "../model/Json.js"
import { type Codec, codec } from "../model/Payload.js"
import { lineOf } from "../model/Source.js"
import {
  Activation,
  type ActivationShape,
  type Around,
  type Attempt,
  type Body,
  type InStep,
  type Outcome,
  type Requests,
  type StepNews
} from "./Activation.js"
import * as Retry from "./Retry.js"

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
 * `unknown` when value and error can be journaled; otherwise a type whose only field says what is missing. Options that do
 * not fit are inferred as all of them: then TypeScript has something to say about the options, and this has not.
 */
type Fits<A, E, O> = keyof Given<E> extends keyof O ? unknown
  : O extends { readonly output: infer S }
    ? [A] extends [Schema.Schema.Type<S>] ? ErrorFits<E, O>
    : { readonly "the value does not fit this step's `output` schema": A }
  : IsJson<A> extends true ? ErrorFits<E, O>
  : { readonly "this step's value is not JSON: give it an `output` schema": A }
type ErrorFits<E, O> = O extends { readonly error: infer S }
  ? [E] extends [Schema.Schema.Type<S>] ? unknown
    : { readonly "the error does not fit this step's `error` schema": E }
  : [E] extends [never] ? unknown
  : IsJson<E> extends true ? unknown
  : { readonly "this step's error is not JSON: give it an `error` schema": E }

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
  const step = define(name, bodyOf(name, effect, output, error), output, settings, false, lineOf(run))
  // The phantom requirement has no value: the worker meets it where the body runs.
  return perform(step, output, error) as Effect.Effect<
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

/** A step as the program's half needs it. Shared with sensors. */
export interface Definition {
  readonly request: Requests["RunStep"]["request"]
  readonly retry: Schedule.Schedule<unknown, never> | undefined
  readonly nonRetryable: ReadonlyArray<string>
}

export const define = <A, E>(
  name: string,
  body: Body,
  output: Codec<A>,
  options: Options<A, E>,
  sensor: boolean,
  source: string | undefined
): Definition => ({
  request: {
    name,
    sensor,
    body,
    idempotencyKey: options.idempotencyKey,
    timeoutMillis: options.timeout === undefined ? undefined : Duration.toMillis(options.timeout),
    deadlineMillis: options.deadline === undefined ? undefined : Duration.toMillis(options.deadline),
    onUnknown: options.onUnknown ?? "retry",
    summary: options.summary,
    source,
    accepts: options.onUnknown === "ask" ? (json) => refusalOf(output, json, `output of step "${name}"`) : undefined
  },
  // A schedule's input is contravariant: driven with this step's own errors only, it takes what it was typed for.
  retry: options.retry as Schedule.Schedule<unknown, never> | undefined,
  nonRetryable: options.nonRetryable ?? []
})

/** What is wrong with JSON that stands for a value, or `undefined`. */
export const refusalOf = <A>(codec: Codec<A>, json: Json | undefined, what: string): PayloadInvalid | undefined => {
  const decoded = codec.decode(json, what)
  return Either.isLeft(decoded) ? decoded.left : undefined
}

/** The program's half of a step: schedule it, drive its retries, decode its outcome. */
export const perform = <A, E>(
  step: Definition,
  output: Codec<A>,
  error: Codec<E>
): Effect.Effect<A, E | StepTimedOut | StepOutcomeUnknown, Activation> =>
  Effect.flatMap(Activation, (activation) =>
    Effect.flatMap(activation.perform<"RunStep">({ _tag: "RunStep", ...step.request }), ({ id, news }) =>
      news._tag === "Completed"
        ? decoded(output, news.output, step.request.name)
        : followUp(activation, step, id, news, output, error)))

/** What happens after a first attempt that did not complete: decide, wait, and so on until the step is settled. */
const followUp = <A, E>(
  activation: ActivationShape,
  step: Definition,
  id: string,
  first: StepNews,
  output: Codec<A>,
  error: Codec<E>
): Effect.Effect<A, E | StepTimedOut | StepOutcomeUnknown> =>
  Effect.gen(function*() {
    const name = step.request.name
    let news = first
    let position: unknown = step.retry?.initial
    let attempt = 1
    let failure: Failure = { _tag: "OutcomeUnknown" }
    for (;;) {
      if (news._tag === "Completed") return yield* decoded(output, news.output, name)
      let decision: Requests["DecideStep"]["request"]["decision"] = { _tag: "Fail" }
      if (news._tag === "Resolved") {
        if (news.resolution._tag === "Complete") return yield* decoded(output, news.resolution.output, name)
        if (news.resolution._tag === "Retry") decision = { _tag: "Retry", delayMillis: 0 }
      } else {
        attempt = news.attempt
        failure = news.failure
        const planned = yield* plan(step, failure, attempt, error, position)
        decision = planned.decision
        position = planned.position
      }
      const answer = yield* activation.perform<"DecideStep">({ _tag: "DecideStep", id, attempt, decision })
      if (answer._tag === "GaveUp") return yield* raise(name, failure, attempt, error)
      news = answer.news
    }
  })

/** Asks the retry schedule, unless the failure rules another attempt out. */
const plan = <E>(step: Definition, failure: Failure, attempt: number, error: Codec<E>, position: unknown) =>
  Effect.gen(function*() {
    type Decision = Requests["DecideStep"]["request"]["decision"]
    const giveUp = { decision: { _tag: "Fail" } as Decision, position }
    if (failure._tag === "OutcomeUnknown" && step.request.onUnknown === "ask") {
      return { decision: { _tag: "Ask" } as Decision, position }
    }
    if (!isRetryable(failure) || step.retry === undefined) return giveUp
    const raised = yield* Effect.either(Effect.sandbox(raise(step.request.name, failure, attempt, error)))
    const thrown = Either.isLeft(raised) ? Cause.squash(raised.left) : undefined
    if (hasTag(thrown, step.nonRetryable)) return giveUp
    const next = yield* Retry.next(step.retry, position, thrown)
    if (next === undefined) return giveUp
    return { decision: { _tag: "Retry", delayMillis: next.delayMillis } as Decision, position: next.state }
  })

const isRetryable = (failure: Failure): boolean => {
  switch (failure._tag) {
    case "Error":
    case "Defect":
    case "Interrupted":
      return true
    case "TimedOut":
      return failure.scope === "attempt"
    case "Unencodable":
    case "OutcomeUnknown":
      return false
  }
}

const hasTag = (error: unknown, tags: ReadonlyArray<string>): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && tags.includes(String(error._tag))

/** A recorded failure as the error that the program sees. */
const raise = <E>(
  name: string,
  failure: Failure,
  attempt: number,
  error: Codec<E>
): Effect.Effect<never, E | StepTimedOut | StepOutcomeUnknown> => {
  switch (failure._tag) {
    case "Error": {
      const decoded = error.decode(failure.error, `error of step "${name}"`)
      return Either.isRight(decoded) ? Effect.fail(decoded.right) : Effect.die(decoded.left)
    }
    case "TimedOut":
      return Effect.fail(
        new StepTimedOut({ step: name, scope: failure.scope === "attempt" ? "attempt" : "deadline", millis: failure.millis })
      )
    case "OutcomeUnknown":
      return Effect.fail(new StepOutcomeUnknown({ step: name, attempt }))
    case "Defect":
      return Effect.die(
        new StepDefect({ step: name, name: failure.name, detail: failure.message, stack: failure.stack })
      )
    case "Unencodable":
      return Effect.die(
        new StepDefect({ step: name, name: "Unencodable", detail: `${failure.message}${failure.path === "" ? "" : ` at ${failure.path}`}` })
      )
    case "Interrupted":
      return Effect.die(new StepDefect({ step: name, name: "Interrupted", detail: "the body interrupted itself" }))
  }
}

const decoded = <A>(output: Codec<A>, json: Json | undefined, name: string): Effect.Effect<A> => {
  const result = output.decode(json, `recorded output of step "${name}"`)
  return Either.isRight(result) ? Effect.succeed(result.right) : Effect.die(result.left)
}

/** The outside half of a step: runs the effect and encodes how it ended. */
const bodyOf = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>, output: Codec<A>, error: Codec<E>): Body =>
(around) =>
  Effect.matchCause(placed(effect, around), {
    onSuccess: (result): Outcome => completedWith(output, result, name),
    onFailure: (cause): Outcome => ({ _tag: "Failed", failure: failureOf(cause, error, `error of step "${name}"`) })
  })

/** The effect, with what a test kit has put around it: a stand-in must give the same types. */
export const placed = <A, E, R>(effect: Effect.Effect<A, E, R>, around: Around | undefined): Effect.Effect<A, E, R> =>
  around === undefined ? effect : around(effect) as Effect.Effect<A, E, R>

export const completedWith = <A>(output: Codec<A>, result: A, name: string): Outcome => {
  const encoded = output.encode(result, `output of step "${name}"`)
  return Either.isRight(encoded)
    ? { _tag: "Completed", output: encoded.right }
    : { _tag: "Failed", failure: unencodable(encoded.left) }
}

const unencodable = (error: PayloadInvalid): Failure => ({
  _tag: "Unencodable",
  message: `the ${error.what} cannot be written: ${error.detail}`,
  path: error.path
})

/** A cause as the log keeps it. The first typed error wins over defects, a defect over interruption. */
export const failureOf = <E>(cause: Cause.Cause<E>, error: Codec<E>, what: string): Failure => {
  const typed = Cause.failureOption(cause)
  if (typed._tag === "Some") {
    const encoded = error.encode(typed.value, what)
    return Either.isRight(encoded) ? { _tag: "Error", error: encoded.right ?? null } : unencodable(encoded.left)
  }
  const died = Cause.dieOption(cause)
  return died._tag === "Some" ? defectOf(died.value) : { _tag: "Interrupted" }
}

/** Any thrown value as a failure: errors keep name, message and stack, others are shown. */
const defectOf = (thrown: unknown): Failure => {
  if (thrown instanceof PayloadInvalid) return unencodable(thrown)
  if (!(thrown instanceof Error)) return { _tag: "Defect", name: `thrown ${typeof thrown}`, message: shown(() => thrown) }
  const stack = shown(() => thrown.stack ?? "")
  return {
    _tag: "Defect",
    name: shown(() => thrown.name),
    message: shown(() => thrown.message),
    ...(stack === "" ? {} : { stack })
  }
}

/** Characters of a text about a defect that are kept: it is for people to read. */
const SHOWN_MAX = 10_000

/** Something of a thrown value as text, whatever it is: reading it may throw, too. */
const shown = (read: () => unknown): string => {
  try {
    const found = read()
    const text = typeof found === "object" ? JSON.stringify(found) ?? typeof found : String(found)
    return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
  } catch {
    return "something that cannot be shown"
  }
}

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
      (json) => decoded(as, json, name)
    ))
