/**
 * A child: a run that another run starts. It has a history of its own, and its parent sees its end as a typed value.
 */
import { Duration, Effect, Either } from "effect"
import type { EngineError } from "../model/Errors.js"
import { RunExists, type RunClosed, type RunNotFound } from "../model/Errors.js"
import type { ParentClose } from "../model/Event.js"
import { type Line, lineOf } from "../model/Source.js"
import { Activation, type ActivationShape, type Requests } from "./Activation.js"
import * as Bound from "./Bound.js"
import { outcomeOf } from "./Outcome.js"
import type { Signal } from "./Signal.js"
import type { Any, Workflow } from "./Workflow.js"

export interface Options {
  /** The child's run id; taken for ever. By default one that is made of the parent's: `order-7/0:2`. */
  readonly id?: string
  /** Business key; at most one open run of a workflow has it. */
  readonly key?: string
  /**
   * What becomes of the child when its parent ends, however it ends: `cancel` (the default) interrupts it and lets its
   * cleanup run, `terminate` ends it at once, `abandon` lets it go on.
   */
  readonly parentClose?: ParentClose
  /** What to do when the id, or the key of an open run, is taken: fail (the default), or await the run that is there. */
  readonly onConflict?: "fail" | "use_existing"
  /** How long the child stays pending before it begins. */
  readonly delay?: Duration.DurationInput
  /** Longest time from its beginning; then it is cancelled with cleanup and fails with `RunTimedOut`. */
  readonly timeout?: Duration.DurationInput
}

export interface Child<A, E> {
  readonly runId: string
  /** Whether the run was there before (`use_existing`). Its parent, if any, is another: this one's end does not concern it. */
  readonly existed: boolean
  /** Waits for the end: the output, the workflow's typed error, or how else it ended. Interrupting it only stops waiting. */
  readonly result: Effect.Effect<A, E | EngineError, Activation>
  readonly signal: <B>(signal: Signal<B>, payload: B) => Effect.Effect<void, RunNotFound | RunClosed, Activation>
  /** Ends the child, as `parentClose` says (`abandon`: by a cancel), and waits until it has ended. */
  readonly cancel: Effect.Effect<void, never, Activation>
}

/**
 * Starts a child and waits for its end. When the wait is interrupted, by a timeout, a race or the parent's own cancel, the
 * child is ended as `parentClose` says, and waited for; `abandon` leaves it alone.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Child, Workflow } from "@reprise/core"
 *
 * const Encode = Workflow.make("encode", { input: Schema.String }, (file) => Effect.as(Effect.sleep("1 minute"), `${file}.webm`))
 *
 * const EncodeAll = Workflow.make("encode all", { input: Schema.Array(Schema.String) }, (files) =>
 *   Effect.forEach(files, (file) => Child.run(Encode, file), { concurrency: 5 }))
 */
export const run = <Input, A, E, R>(
  workflow: Workflow<Input, A, E, R>,
  input: Input,
  options: Options = {}
): Effect.Effect<A, E | EngineError, Activation> => {
  const source = lineOf(run)
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(begin(workflow, input, options, source), ({ child, endsWithParent }) => {
      const result = restore(child.result)
      return endsWithParent ? Effect.onInterrupt(result, () => child.cancel) : result
    }))
}

/**
 * Starts a child and goes on as soon as it exists. What nobody awaits still ends with its parent, unless `parentClose` is
 * `abandon`: that is how to fire and forget.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Child, Workflow } from "@reprise/core"
 *
 * const Remind = Workflow.make("remind", { input: Schema.String }, () => Effect.sleep("30 days"))
 *
 * const Order = Workflow.make("order", { input: Schema.String }, (order) =>
 *   Effect.asVoid(Child.start(Remind, order, { parentClose: "abandon" })))
 */
export const start = <Input, A, E, R>(
  workflow: Workflow<Input, A, E, R>,
  input: Input,
  options: Options = {}
): Effect.Effect<Child<A, E>, RunExists, Activation> =>
  Effect.map(begin(workflow, input, options, lineOf(start)), ({ child }) => child)

type Started = Requests["StartChild"]["answer"] & { readonly _tag: "Started" }

const begin = <Input, A, E, R>(
  workflow: Workflow<Input, A, E, R>,
  input: Input,
  options: Options,
  source: Line | undefined
) =>
  Effect.gen(function*() {
    const activation = yield* Activation
    const encoded = workflow.input.encode(input, `input of child "${workflow.name}"`)
    if (Either.isLeft(encoded)) return yield* Effect.die(encoded.left)
    const answer = yield* activation.perform<"StartChild">({
      _tag: "StartChild",
      runId: options.id,
      workflow: workflow.name,
      version: workflow.version,
      input: encoded.right,
      key: options.key,
      parentClose: options.parentClose ?? "cancel",
      onConflict: options.onConflict ?? "fail",
      delayMillis: delayOf(options.delay),
      timeoutMillis: Bound.millisOf(options.timeout),
      source
    })
    if (answer._tag === "Refused") return yield* new RunExists(answer)
    const endsWithParent = answer.parentClose !== "abandon" && !answer.existed
    return { child: childOf<A, E>(activation, workflow, answer), endsWithParent }
  })

const delayOf = (delay: Duration.DurationInput = 0): number | undefined => {
  const millis = Math.ceil(Duration.toMillis(delay))
  return millis > 0 ? millis : undefined
}

const childOf = <A, E>(activation: ActivationShape, workflow: Any, { awaited, existed, id, runId }: Started): Child<A, E> => ({
  runId,
  existed,
  result: Effect.flatMap(activation.perform<"AwaitChild">({ _tag: "AwaitChild", id, awaited }), (end) => {
    const outcome = outcomeOf<A, E>(workflow, runId, end)
    return Either.isRight(outcome) ? outcome.right : Effect.die(outcome.left)
  }),
  signal: (signal, payload) => signal.send(runId, payload),
  cancel: activation.perform<"CancelChild">({ _tag: "CancelChild", id, awaited })
})
