/**
 * The single port between a program and the engine: `perform(request)`. The author files in this folder turn each call
 * into one request; the engine (engine/Requests.ts) answers it. A program never sees the log.
 */
import { type Cause, Context, type Effect, type Option, type Scope } from "effect"
import type { PayloadInvalid } from "../model/Errors.js"
import type { Failure, OnUnknown, ParentClose, Resolution, Settlement, Uncompensated } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { End } from "../model/Message.js"
import type { Line } from "../model/Source.js"

/** Who and what is running. */
export interface RunInfo {
  readonly runId: string
  readonly workflow: string
  /** The version with which this generation began; also when the run has moved to another one since. */
  readonly version: string
  readonly key: string | undefined
  /** Epoch milliseconds of the run's first event. */
  readonly startedAt: number
  /** How often the run has continued as new. */
  readonly generation: number
  /** The run that started this one as its child. */
  readonly parentRunId: string | undefined
}

/** What a step body is given by whoever runs it: the attempt's facts. */
export interface Attempt {
  readonly runId: string
  readonly stepId: string
  readonly stepName: string
  readonly attempt: number
  readonly idempotencyKey: string
  /** Aborted when the attempt is interrupted: timeout, cancel, shutdown. */
  readonly signal: AbortSignal
  /** The details that an earlier attempt gave with its last heartbeat. */
  readonly progress: Option.Option<Json>
  readonly heartbeat: (details: Json) => Effect.Effect<void>
  /** For a sensor: the number of this poll, from 1. */
  readonly poll: number
}

/** How an attempt ended, already encoded; `Pending` is a sensor's "not yet". */
export type Outcome =
  | { readonly _tag: "Completed"; readonly output: Json | undefined }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "Pending"; readonly nextMillis: number }

/** What a test kit runs around, or in place of, the effect of a body. */
export type Around = (effect: Effect.Effect<unknown, unknown, unknown>) => Effect.Effect<unknown, unknown, unknown>

/** One attempt, to be run outside the program with the worker's services and the attempt's facts; never fails. */
export type Body = (around?: Around) => Effect.Effect<Outcome, never, unknown>

/** What a step's program half learns: the outcome of an attempt, or an operator's decision. */
export type StepNews =
  | { readonly _tag: "Completed"; readonly output: Json | undefined }
  | { readonly _tag: "AttemptFailed"; readonly attempt: number; readonly failure: Failure }
  | { readonly _tag: "Resolved"; readonly resolution: Resolution }

export interface UpdateHandler {
  /** A reason to refuse, or `undefined`; must neither wait nor change anything. */
  readonly validate: (input: Json | undefined) => Effect.Effect<string | undefined, never, never>
  readonly run: (
    input: Json | undefined
  ) => Effect.Effect<{ readonly output: Json | undefined } | { readonly failure: Failure }, never, Activation>
}
export type QueryHandler = (input: Json | undefined) => Effect.Effect<Json | undefined, string>

/** What is wrong with something that an outsider sends, before it is recorded; `undefined` when nothing is. */
export type Accepts<A> = (sent: A) => PayloadInvalid | undefined

/**
 * A child's end, or who waits for it. Whoever may still ask holds it, so that a child that has ended and that nobody asks
 * about any more leaves nothing behind.
 */
export interface Awaited {
  end: End | undefined
  readonly takers: Set<(end: End) => void>
}

/** Everything that a program can ask. The comment says what `perform` answers. */
export interface Requests {
  /** Schedules a step and waits for its first news. */
  readonly RunStep: {
    readonly request: {
      readonly name: string
      readonly sensor: boolean
      readonly body: Body
      readonly idempotencyKey: string | undefined
      readonly timeoutMillis: number | undefined
      readonly deadlineMillis: number | undefined
      readonly onUnknown: OnUnknown
      readonly summary: string | undefined
      readonly source: Line | undefined
      /** Whether an operator may complete the step with this output; given where one may be asked. */
      readonly accepts: Accepts<Json | undefined> | undefined
    }
    readonly answer: { readonly id: string; readonly news: StepNews }
  }
  /**
   * Says what follows a failed attempt and waits: for the next news after a retry or a question, for nothing after
   * giving up. On replay the recorded decision is answered, whatever the program asks for now, so that a changed
   * retry policy applies from the next failure on.
   */
  readonly DecideStep: {
    readonly request: {
      readonly id: string
      readonly attempt: number
      readonly decision:
        | { readonly _tag: "Retry"; readonly delayMillis: number }
        | { readonly _tag: "Fail" }
        | { readonly _tag: "Ask" }
    }
    readonly answer: { readonly _tag: "News"; readonly news: StepNews } | { readonly _tag: "GaveUp" }
  }
  /** Waits for a durable timer. */
  readonly Sleep: { readonly request: { readonly millis: number }; readonly answer: void }
  /** Evaluates once, records, and answers the recorded value ever after. */
  readonly RecordValue: {
    readonly request: {
      readonly name: string
      /** Configuration keeps the value of its first read for the whole run; other values are recorded at each call. */
      readonly config: boolean
      readonly evaluate: () => Json | undefined
      readonly source: Line | undefined
    }
    readonly answer: Json | undefined
  }
  /** The payload of the next signal of that name, in log order; waits when there is none. */
  readonly ReceiveSignal: { readonly request: { readonly name: string }; readonly answer: Json | undefined }
  /** The payload of the next signal of that name if one has arrived. */
  readonly PollSignal: {
    readonly request: { readonly name: string }
    readonly answer: Option.Option<Json | undefined>
  }
  /** Whether this run takes the new branch of a change. */
  readonly Patched: { readonly request: { readonly patch: string }; readonly answer: boolean }
  readonly CreateAwakeable: {
    readonly request: {
      readonly name: string
      readonly source: Line | undefined
      readonly accepts: Accepts<Settlement>
    }
    readonly answer: { readonly id: string; readonly token: string }
  }
  readonly AwaitAwakeable: { readonly request: { readonly id: string }; readonly answer: Settlement }
  readonly HandleQuery: { readonly request: { readonly name: string; readonly handler: QueryHandler }; readonly answer: void }
  readonly HandleUpdate: {
    readonly request: { readonly name: string; readonly handler: UpdateHandler }
    readonly answer: void
  }
  /** Where the program stands in its generation. */
  readonly Generation: {
    readonly request: {}
    readonly answer: {
      /** Events up to and with the one that is being delivered. */
      readonly eventCount: number
      /** Updates whose handlers are under way. */
      readonly updateCount: number
      /** Whether it may end with this activation: on replay only where it did, whatever the program would decide now. */
      readonly mayEnd: boolean
    }
  }
  /** Waits until something may have changed: the program has reacted to one more event, or another fiber moved. */
  readonly AwaitChange: { readonly request: { readonly condition: object }; readonly answer: void }
  /**
   * Starts a child and waits for the store's answer; cannot be interrupted. On replay the recorded id and parent-close
   * policy are answered, whatever the program asks for now.
   */
  readonly StartChild: {
    readonly request: {
      /** By default one that is made of the command's id. */
      readonly runId: string | undefined
      readonly workflow: string
      readonly version: string
      readonly input: Json | undefined
      readonly key: string | undefined
      readonly parentClose: ParentClose
      readonly onConflict: "fail" | "use_existing"
      readonly delayMillis: number | undefined
      readonly timeoutMillis: number | undefined
      readonly source: Line | undefined
    }
    readonly answer:
      | {
        readonly _tag: "Started"
        readonly id: string
        readonly runId: string
        readonly existed: boolean
        readonly parentClose: ParentClose
        readonly awaited: Awaited
      }
      | {
        readonly _tag: "Refused"
        readonly by: "id" | "key"
        readonly value: string
        readonly runId: string
        readonly status: string
      }
  }
  readonly AwaitChild: { readonly request: { readonly id: string; readonly awaited: Awaited }; readonly answer: End }
  /** Ends a child as its parent-close policy says, and waits until it has ended. */
  readonly CancelChild: { readonly request: { readonly id: string; readonly awaited: Awaited }; readonly answer: void }
  /** Signals another run and waits for the store's answer; cannot be interrupted. */
  readonly SendSignal: {
    readonly request: {
      readonly runId: string
      readonly name: string
      readonly payload: Json | undefined
      readonly source: Line | undefined
    }
    readonly answer:
      | { readonly _tag: "Delivered" }
      | { readonly _tag: "Refused"; readonly runId: string; readonly status: string | undefined }
  }
}
export type RequestTag = keyof Requests
export type Request<T extends RequestTag = RequestTag> = {
  readonly [K in RequestTag]: { readonly _tag: K } & Requests[K]["request"]
}[T]

/** What undoes one thing. Never fails: how it failed is kept in `Compensations.failed`. */
export interface Undo {
  readonly run: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
  /** Its own within the body's scope; none when that was no longer open. */
  scope: Scope.CloseableScope | undefined
  isBegun: boolean
}

/** What a run keeps of its compensations (define/Undo.ts). */
export interface Compensations {
  /** The body's scope while it is open. */
  scope: Scope.CloseableScope | undefined
  /** Registered and not begun, in order. */
  readonly undos: Set<Undo>
  /** The body continues as new: what its scope releases is not undone. */
  isKept: boolean
  /** Undos that have failed for good. */
  readonly failed: Array<Uncompensated>
  /** Whether the run is to be cancelled, on request or because its time is up. */
  readonly isCancelled: () => boolean
  /** Stops the program at a defect of its own in this effect. */
  readonly halting: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export interface ActivationShape {
  readonly info: Effect.Effect<RunInfo>
  readonly compensations: Effect.Effect<Compensations>
  readonly perform: <T extends RequestTag>(request: Request<T>) => Effect.Effect<Requests[T]["answer"]>
}

/** The requirement that marks an effect as workflow code. Only the engine provides it. */
export class Activation extends Context.Tag("@reprise/core/Activation")<Activation, ActivationShape>() {}

declare const Services: unique symbol

/**
 * A phantom requirement: the program runs steps that need the services `R`, which the worker's layer must provide.
 * Workflow code cannot use them outside a step.
 */
export interface InStep<out R> {
  readonly [Services]: () => R
}
