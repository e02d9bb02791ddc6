/**
 * What a program may ask for, as data: each command becomes exactly one event (engine/Decide.ts) and is compared with
 * that event on replay (engine/Determinism.ts). Step bodies are not part of a command; the program keeps them.
 *
 * `id` is the command's identity, `fiberPath#k`; follow-up commands of a step or timer carry the id of the first.
 */
import type { Carried, Failure, OnUnknown, ParentClose, Uncompensated } from "./Event.js"
import type { Json } from "./Json.js"

export type Command =
  | {
    readonly _tag: "RunStep"
    readonly id: string
    readonly name: string
    readonly sensor: boolean
    readonly idempotencyKey: string | undefined
    readonly timeoutMillis: number | undefined
    readonly deadlineMillis: number | undefined
    readonly onUnknown: OnUnknown
    readonly summary: string | undefined
  }
  /** Try again: `attempt` is the number of the next one, due after `delayMillis`. */
  | { readonly _tag: "RetryStep"; readonly id: string; readonly attempt: number; readonly delayMillis: number }
  | { readonly _tag: "FailStep"; readonly id: string; readonly attempt: number }
  | { readonly _tag: "AskStep"; readonly id: string; readonly attempt: number }
  | { readonly _tag: "CancelStep"; readonly id: string }
  | { readonly _tag: "StartTimer"; readonly id: string; readonly millis: number }
  | { readonly _tag: "CancelTimer"; readonly id: string }
  | { readonly _tag: "CreateAwakeable"; readonly id: string; readonly name: string; readonly token: string }
  | { readonly _tag: "RecordValue"; readonly id: string; readonly name: string; readonly value: Json | undefined }
  | { readonly _tag: "CompleteUpdate"; readonly messageId: string; readonly output: Json | undefined }
  | { readonly _tag: "FailUpdate"; readonly messageId: string; readonly failure: Failure }
  | { readonly _tag: "CompleteRun"; readonly output: Json | undefined }
  | {
    readonly _tag: "FailRun"
    readonly failure: Failure
    readonly uncompensated: ReadonlyArray<Uncompensated>
  }
  | { readonly _tag: "CancelRun"; readonly reason: string | undefined; readonly by: string | undefined }
  | { readonly _tag: "ContinueAsNew"; readonly input: Json | undefined; readonly carried: ReadonlyArray<Carried> }
  | {
    readonly _tag: "StartChild"
    readonly id: string
    readonly runId: string
    readonly workflow: string
    readonly version: string
    readonly input: Json | undefined
    readonly key: string | undefined
    readonly parentClose: ParentClose
    readonly onConflict: "fail" | "use_existing"
    readonly delayMillis: number | undefined
    readonly timeoutMillis: number | undefined
  }
  /** Ends a child as its parent-close policy says: by a cancel, or by a terminate. */
  | { readonly _tag: "CancelChild"; readonly id: string }
  | {
    readonly _tag: "SendSignal"
    readonly id: string
    readonly runId: string
    readonly name: string
    readonly payload: Json | undefined
  }
  /** The code has a branch for runs that were begun before it; this run takes the new one. */
  | { readonly _tag: "MarkVersion"; readonly patch: string }
