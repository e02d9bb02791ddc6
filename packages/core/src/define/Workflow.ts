/** A workflow: a name, a version, schemas, and an ordinary Effect program. A plain value; the engine looks it up. */
import { Cause, Context, Effect, Either, Exit, FiberId, FiberRef, Option, Schema, Scope } from "effect"
import { EngineError } from "../model/Errors.js"
import type { Failure } from "../model/Event.js"
import type { IsJson, Json } from "../model/Json.js"
import { type Codec, codec } from "../model/Payload.js"
import { Activation, type InStep, type RunInfo } from "./Activation.js"
import * as Generation from "./Generation.js"
import type { Query } from "./Query.js"
import type { Signal } from "./Signal.js"
import * as Undo from "./Undo.js"
import type { Update } from "./Update.js"

export type { EngineError }

/** Any message that a workflow can declare. */
export type AnyMessage = Signal<any> | Query<any, any> | Update<any, any, any> | Update<any, any, never>

declare const Phantom: unique symbol

/**
 * `Input` and `A` are values, not schemas; `E` are the declared errors; `R` is the union of the services that its steps
 * need, met where the worker is built.
 */
export interface Workflow<in Input, out A, out E, out R> {
  readonly _tag: "Workflow"
  readonly name: string
  readonly version: string
  readonly input: Codec<any>
  readonly output: Codec<any>
  readonly error: Codec<any>
  readonly messages: ReadonlyArray<AnyMessage>
  /** The body between decoded input and encoded outcome; what the engine runs. */
  readonly program: (input: Json | undefined) => Effect.Effect<Json | undefined, Failed | Continued, Activation>
  readonly [Phantom]?: { readonly input: (input: Input) => void; readonly output: A; readonly error: E; readonly services: R }
}

/** A typed failure of a body, already encoded. */
export class Failed {
  readonly _tag = "Failed"
  constructor(readonly failure: Failure) {}
}

/** The end of a generation: the run goes on with this input, already encoded. */
export class Continued {
  readonly _tag = "Continued"
  constructor(readonly input: Json | undefined) {}
}

export type Any = Workflow<any, any, any, any>
export type Services<W> = W extends Workflow<any, any, any, infer R> ? R : never

export interface Options<Input, Output, Err> {
  /** How the input is written to the log. Without it the workflow takes none. */
  readonly input?: Schema.Schema<Input, any>
  /** How the output is written to the log; needed unless its type is JSON. */
  readonly output?: Schema.Schema<Output, any>
  /** The typed errors with which the workflow may fail. */
  readonly error?: Schema.Schema<Err, any>
  /** Stamped into each run. Default: "1". */
  readonly version?: string
  /** The signals, queries and updates that runs take. When given, a client refuses all others. */
  readonly messages?: ReadonlyArray<AnyMessage>
}

/** Stands for a schema that was not given. */
export class Undeclared {
  private readonly undeclared = true
  static readonly is = (value: Undeclared): boolean => value.undeclared
}
type Or<T, Default> = [T] extends [Undeclared] ? Default : T
type ServicesOf<R> = R extends InStep<infer S> ? S : never
type Foreign<R> = Exclude<R, Activation | Scope.Scope | InStep<any>>

/**
 * `unknown` when the body fits the options; otherwise a type whose only field says what is wrong. A body may be one of
 * several effects: they are judged together, because one that fits would hide the others.
 */
type Fits<B, Input, Output, Err> = [B] extends [Effect.Effect<infer A, infer E, infer R>]
  ? [Foreign<R>] extends [never] ? OutputFits<A, Output, ErrorFits<E, Err, Input>>
  : { readonly "this service may only be used inside a step: wrap its use in Step.run": Foreign<R> }
  : never
type OutputFits<A, Output, Next> = [Output] extends [Undeclared]
  ? IsJson<A> extends true ? Next : { readonly "the output is not JSON: give the workflow an `output` schema": A }
  : [A] extends [Output] ? Next
  : { readonly "the output does not fit the workflow's `output` schema": A }
type ErrorFits<E, Err, Input> = [Unlisted<E, Err>] extends [never] ? StateFits<E, Input>
  : { readonly "this error is not listed: add it to the workflow's `error` schema, or handle it": Unlisted<E, Err> }
type Unlisted<E, Err> = Exclude<E, Or<Err, never> | EngineError | Generation.ContinueAsNew<unknown>>
type StateFits<E, Input> = [Extract<E, Generation.ContinueAsNew<unknown>>] extends [Generation.ContinueAsNew<Input>] ? unknown
  : { readonly "the workflow cannot continue as new with this: it is not its input": Extract<E, Generation.ContinueAsNew<unknown>> }

/**
 * Defines a workflow. The body is plain Effect: `Effect.sleep`, `retry`, `timeout`, `race`, `all`, `fork`, `Ref`, `Queue`,
 * `Random`, `DateTime.now` and the rest are durable as they are; work on the outside world goes into `Step.run`.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Step, Workflow } from "@reprise/core"
 *
 * const Greet = Workflow.make("greet", { input: Schema.String }, (name) =>
 *   Effect.gen(function*() {
 *     const greeting = yield* Step.run("compose", Effect.succeed(`Hello, ${name}`))
 *     yield* Effect.sleep("1 day")
 *     return greeting
 *   }))
 */
export const make = <B extends Effect.Effect<unknown, unknown, unknown>, Input = void, Output = Undeclared, Err = Undeclared>(
  name: string,
  options: Options<Input, Output, Err>,
  body: (input: Input) => B & Fits<B, Input, Output, Err>
): Workflow<Input, Or<Output, Effect.Effect.Success<B>>, Or<Err, never>, ServicesOf<Effect.Effect.Context<B>>> => {
  // `Fits` has checked that nothing but the engine's services is left.
  return define(name, options, body as (input: Input) => Effect.Effect<unknown, unknown, Activation | Scope.Scope>)
}

const define = <Input>(
  name: string,
  options: Options<Input, any, any>,
  body: (input: Input) => Effect.Effect<unknown, unknown, Activation | Scope.Scope>
): Workflow<Input, never, never, never> => {
  const input = codec<Input>(options.input)
  const output = codec<unknown>(options.output)
  const error = codec<unknown>(errorSchema(options.error))
  const version = options.version ?? "1"
  return {
    _tag: "Workflow",
    name,
    version,
    input,
    output,
    error,
    messages: options.messages ?? [],
    program: programOf(name, version, body, input, output, error)
  }
}

export { ContinueAsNew, continueAsNew, type Done, done, historyLength, type Next, next } from "./Generation.js"

/** What `loop` takes beside what `make` takes. */
export interface LoopOptions<State, Output, Err> extends Options<State, Output, Err> {
  /** Events of a generation after which the next turn begins a new one. Default: 2,000. */
  readonly continueAfter?: number
}

/** How a turn may end. */
type End<State> = Generation.Next<State> | Generation.Done<unknown>

/** As `Fits`, for one turn. */
type TurnFits<B, State, Output, Err> = [B] extends [Effect.Effect<infer Ends, infer E, infer R>]
  ? [Exclude<Ends, End<unknown>>] extends [never]
    ? [Ends] extends [End<State>] ? Fits<Effect.Effect<OutputOf<Ends>, E, R>, State, Output, Err>
    : { readonly "the next state does not fit the workflow's `input` schema": Exclude<Ends, Generation.Done<unknown>> }
  : { readonly "a turn must end with Workflow.next(state) or Workflow.done(output)": Exclude<Ends, End<unknown>> }
  : never
type OutputOf<Ends> = Ends extends Generation.Done<infer A> ? A : never

/**
 * A workflow that lives as long as it likes: turn after turn, each with the state that the last one ended with. Its input
 * is the first state. When the history has grown to `continueAfter` events, the next turn begins in a new generation, as
 * by `continueAsNew`; the body need not know. Whatever is to outlive a turn belongs into the state: a fiber that is
 * forked in it, or a handler that it installs, may be gone in the next one. A turn that has ended is not undone any more.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Step, Workflow } from "@reprise/core"
 *
 * const Rent = Workflow.loop("rent", { input: Schema.Struct({ flat: Schema.String, months: Schema.Number }) }, (lease) =>
 *   Effect.gen(function*() {
 *     if (lease.months === 0) return Workflow.done("moved out")
 *     yield* Step.run("collect rent", Effect.log(lease.flat))
 *     yield* Effect.sleep("30 days")
 *     return Workflow.next({ ...lease, months: lease.months - 1 })
 *   }))
 */
export const loop = <B extends Effect.Effect<unknown, unknown, unknown>, State = void, Output = Undeclared, Err = Undeclared>(
  name: string,
  options: LoopOptions<State, Output, Err>,
  turn: (state: State) => B & TurnFits<B, State, Output, Err>
): Workflow<State, Or<Output, OutputOf<Effect.Effect.Success<B>>>, Or<Err, never>, ServicesOf<Effect.Effect.Context<B>>> => {
  // `TurnFits` has checked how a turn ends, and that nothing but the engine's services is left.
  const scoped = (state: State) =>
    Effect.uninterruptible(inScope(turn(state) as Effect.Effect<End<State>, unknown, Activation | Scope.Scope>))
  const state = codec<State>(options.input)
  return define(name, options, Generation.turns(state, `state of workflow "${name}"`, scoped, options.continueAfter))
}

/**
 * Lets open runs keep the code that they began with. True in a run that comes here for the first time: it takes the new
 * branch, and its history says so. False in a run that was past this place when the change was deployed: it takes the
 * old branch. The answer holds for the whole run, until it continues as new; ask with the same id wherever the change
 * shows. docs/guide/changing-a-workflow.md says when to use it, and when the old branch may go.
 *
 * @example
 * import { Effect } from "effect"
 * import { Step, Workflow } from "@reprise/core"
 *
 * const Order = Workflow.make("order", {}, () =>
 *   Effect.gen(function*() {
 *     if (yield* Workflow.patched("check-fraud")) yield* Step.run("check fraud", Effect.void)
 *     yield* Step.run("charge", Effect.void)
 *   }))
 */
export const patched = (patch: string): Effect.Effect<boolean, never, Activation> =>
  Effect.flatMap(Activation, (activation) => activation.perform<"Patched">({ _tag: "Patched", patch }))

/** Who and what is running: run id, workflow, version, key. */
export const info: Effect.Effect<RunInfo, never, Activation> = Effect.flatMap(Activation, (activation) => activation.info)

/**
 * Waits until the predicate holds. It is evaluated again whenever the program has reacted to something, so it may read
 * any state that handlers and other fibers write; it must not wait itself.
 */
export const condition = (
  predicate: (() => boolean) | Effect.Effect<boolean, never, Activation>
): Effect.Effect<void, never, Activation> => {
  const check = Effect.isEffect(predicate) ? predicate : Effect.sync(predicate)
  return Effect.gen(function*() {
    const activation = yield* Activation
    const self = {}
    while (!(yield* check)) yield* activation.perform<"AwaitChange">({ _tag: "AwaitChange", condition: self })
  })
}

const errorSchema = (declared: Schema.Schema<unknown, any> | undefined): Schema.Schema<unknown, any> =>
  declared === undefined
    ? EngineError as Schema.Schema<unknown, any>
    : Schema.Union(declared, EngineError)

/**
 * As `Effect.scoped`, for a fiber that is all the body's own: the scope is put into its context once and for all, which
 * costs a fraction of providing it for the extent of an effect. Only the body can be interrupted: once it has ended, it
 * is decided how the run ends, and a cancel that comes later is too late.
 */
const inScope = <A, E>(body: Effect.Effect<A, E, Activation | Scope.Scope>): Effect.Effect<A, E, Activation> =>
  Effect.gen(function*() {
    const of = yield* (yield* Activation).compensations
    const scope = yield* Scope.make()
    of.scope = scope
    yield* FiberRef.update(FiberRef.currentContext, (context) => Context.add(context, Scope.Scope, scope))
    // The line above has met the requirement.
    const exit = yield* Effect.exit(Effect.interruptible(body as Effect.Effect<A, E, Activation>))
    const ended = of.isCancelled() ? interrupted(exit) : exit
    // A defect of the program blocks the run: nothing is released, because the mended code will go on with what it has.
    if (isFault(ended)) return yield* ended
    return yield* Effect.onExit(ended, () => Undo.end(of, ended))
  })

/** As in any fiber, interruption wins over a typed error. */
const interrupted = <A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E> =>
  Exit.isSuccess(exit) ? exit : Exit.failCause(Cause.sequential(Cause.stripFailures(exit.cause), Cause.interrupt(FiberId.none)))

const isFault = (exit: Exit.Exit<unknown, unknown>): boolean => Exit.isFailure(exit) && Undo.hasFault(exit.cause)

const programOf = <Input>(
  name: string,
  version: string,
  body: (input: Input) => Effect.Effect<unknown, unknown, Activation | Scope.Scope>,
  input: Codec<Input>,
  output: Codec<unknown>,
  error: Codec<unknown>
) =>
(json: Json | undefined): Effect.Effect<Json | undefined, Failed | Continued, Activation> =>
  Effect.suspend(() => {
    const decoded = input.decode(json, `recorded input, for version "${version}"`)
    if (Either.isLeft(decoded)) return Effect.die(decoded.left)
    return Effect.matchCauseEffect(inScope(body(decoded.right)), {
      onSuccess: (result) => Effect.orDie(output.encode(result, `output of workflow "${name}"`)),
      onFailure: (cause): Effect.Effect<never, Failed | Continued> => {
        // `matchEffect` would make a defect of the error when a step's defect stands beside it.
        const typed = Undo.hasFault(cause) ? Option.none() : Cause.failureOption(cause)
        if (Option.isNone(typed)) return Effect.failCause(Cause.stripFailures(cause))
        if (typed.value instanceof Generation.ContinueAsNew) {
          const state = input.encode(typed.value.input as Input, `input with which workflow "${name}" continues`)
          return Either.isLeft(state) ? Effect.die(state.left) : Effect.fail(new Continued(state.right))
        }
        const encoded = error.encode(typed.value, `error of workflow "${name}"`)
        return Either.isLeft(encoded)
          ? Effect.die(encoded.left)
          : Effect.fail(new Failed({ _tag: "Error", error: encoded.right ?? null }))
      }
    })
  })
