/**
 * The two halves of a step, shared by steps and sensors: the program's, which schedules it, drives its retries and decodes
 * its outcome, and the outside one, which runs the effect and encodes how it ended.
 */
import { Cause, type Duration, Effect, Either, type Schedule } from "effect"
import { PayloadInvalid, StepDefect, StepOutcomeUnknown, StepTimedOut } from "../model/Errors.js"
import type { Failure } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { Codec } from "../model/Payload.js"
import type { Line } from "../model/Source.js"
import {
  Activation,
  type ActivationShape,
  type Around,
  type Body,
  type Outcome,
  type Requests,
  type StepNews
} from "./Activation.js"
import * as Bound from "./Bound.js"
import * as Retry from "./Retry.js"

/** A step as the program's half needs it. Shared with sensors. */
export interface Definition {
  readonly request: Requests["RunStep"]["request"]
  readonly retry: Schedule.Schedule<unknown, never> | undefined
  readonly nonRetryable: ReadonlyArray<string>
}

export interface Settings {
  readonly retry?: Schedule.Schedule<unknown, never>
  readonly nonRetryable?: ReadonlyArray<string>
  readonly timeout?: Duration.DurationInput
  readonly deadline?: Duration.DurationInput
  readonly idempotencyKey?: string
  readonly onUnknown?: "retry" | "fail" | "ask"
  readonly summary?: string
}

export const define = <A>(
  name: string,
  body: Body,
  output: Codec<A>,
  options: Settings,
  sensor: boolean,
  source: Line | undefined
): Definition => ({
  request: {
    name,
    sensor,
    body,
    idempotencyKey: options.idempotencyKey,
    timeoutMillis: Bound.millisOf(options.timeout),
    deadlineMillis: Bound.millisOf(options.deadline),
    onUnknown: options.onUnknown ?? "retry",
    summary: options.summary,
    source,
    accepts: options.onUnknown === "ask" ? (json) => refusalOf(output, json, `output of step "${name}"`) : undefined
  },
  retry: options.retry,
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

export const decoded = <A>(output: Codec<A>, json: Json | undefined, name: string): Effect.Effect<A> => {
  const result = output.decode(json, `recorded output of step "${name}"`)
  return Either.isRight(result) ? Effect.succeed(result.right) : Effect.die(result.left)
}

/** The outside half of a step: runs the effect and encodes how it ended. */
export const bodyOf = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>, output: Codec<A>, error: Codec<E>): Body =>
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
