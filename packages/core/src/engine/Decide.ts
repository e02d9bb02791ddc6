/** The only maker of events: what a command, a message or an outcome becomes in the log. Pure; time is an argument. */
import type { Command } from "../model/Command.js"
import type { Event, Failure, Of } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"

/** The versions stamped into every run, so that histories can be matched to the code that wrote them. */
export interface Stamp {
  readonly effect: string
  readonly reprise: string
}

export const started = (
  message: Message.Of<"Start">,
  run: { readonly workflow: string; readonly version: string; readonly key: string | undefined },
  stamp: Stamp,
  at: number
): Of<"RunStarted"> => ({
  _tag: "RunStarted",
  at,
  messageId: message.messageId,
  workflow: run.workflow,
  version: run.version,
  ...(message.input === undefined ? {} : { input: message.input }),
  seed: message.seed,
  ...(run.key === undefined ? {} : { key: run.key }),
  ...(message.timeoutMillis === undefined ? {} : { timeoutAt: at + message.timeoutMillis }),
  ...(message.trace === undefined ? {} : { trace: message.trace }),
  effect: stamp.effect,
  reprise: stamp.reprise
})

/** What a message becomes when it is delivered. Updates must have passed their validator. */
export const received = (message: Exclude<Message.Message, Message.Of<"Start">>, at: number): Event => {
  const { messageId } = message
  const by = message.by === undefined ? {} : { by: message.by }
  switch (message._tag) {
    case "Signal":
      return { _tag: "SignalReceived", at, messageId, name: message.name, ...payload("payload", message.payload), ...by }
    case "Update":
      return { _tag: "UpdateAccepted", at, messageId, name: message.name, ...payload("input", message.input), ...by }
    case "Cancel":
      return { _tag: "RunCancelRequested", at, messageId, ...reason(message.reason), ...by, cause: "request" }
    case "Terminate":
      return { _tag: "RunTerminated", at, messageId, ...reason(message.reason), ...by }
    case "SettleAwakeable":
      return { _tag: "AwakeableSettled", at, id: message.id, messageId, settlement: message.settlement, ...by }
    case "ResolveStep":
      return { _tag: "StepResolved", at, id: message.id, messageId, resolution: message.resolution, ...by }
    case "Outcome":
      return outcome(message.id, message.attempt, message.result, at)
  }
}

const reason = (text: string | undefined) => (text === undefined ? {} : { reason: text })
const payload = <K extends string>(key: K, json: Json | undefined) =>
  (json === undefined ? {} : { [key]: json }) as { readonly [P in K]?: Json }

/** How a run ends that never began, or that cannot be replayed: without its program. */
export const closedUnrun = (message: Message.Of<"Cancel" | "Terminate">, at: number): Of<"RunCancelled" | "RunTerminated"> => {
  const asked = { ...reason(message.reason), ...(message.by === undefined ? {} : { by: message.by }) }
  return message._tag === "Cancel"
    ? { _tag: "RunCancelled", at, ...asked }
    : { _tag: "RunTerminated", at, messageId: message.messageId, ...asked }
}

export const runTimedOut = (at: number): Event => ({
  _tag: "RunCancelRequested",
  at,
  messageId: "timeout",
  reason: "the run's timeout passed",
  by: "reprise",
  cause: "timeout"
})

export const timerFired = (id: string, at: number): Event => ({ _tag: "TimerFired", at, id })

export const attemptStarted = (id: string, attempt: number, at: number): Event => ({
  _tag: "StepAttemptStarted",
  at,
  id,
  attempt
})

export const stepCompleted = (id: string, attempt: number, output: Json | undefined, at: number): Event =>
  output === undefined
    ? { _tag: "StepCompleted", at, id, attempt }
    : { _tag: "StepCompleted", at, id, attempt, output }

export const attemptFailed = (id: string, attempt: number, failure: Failure, at: number): Event => ({
  _tag: "StepAttemptFailed",
  at,
  id,
  attempt,
  failure
})

/** What an attempt's outcome becomes. */
export const outcome = (id: string, attempt: number, result: Message.Of<"Outcome">["result"], at: number): Event =>
  result._tag === "Completed"
    ? stepCompleted(id, attempt, result.output, at)
    : attemptFailed(id, attempt, result.failure, at)

export const stepCancelled = (id: string, attempt: number, at: number): Event => ({
  _tag: "StepCancelled",
  at,
  id,
  attempt
})

/** What a program's command becomes. Relative times become absolute here. */
export const commanded = (command: Command, at: number): Event => {
  switch (command._tag) {
    case "RunStep":
      return {
        _tag: "StepScheduled",
        at,
        id: command.id,
        name: command.name,
        ...(command.sensor ? { kind: "sensor" as const } : {}),
        ...(command.idempotencyKey === undefined ? {} : { idempotencyKey: command.idempotencyKey }),
        ...(command.timeoutMillis === undefined ? {} : { timeoutMillis: command.timeoutMillis }),
        ...(command.deadlineMillis === undefined ? {} : { deadlineAt: at + command.deadlineMillis }),
        ...(command.onUnknown === "retry" ? {} : { onUnknown: command.onUnknown }),
        ...(command.summary === undefined ? {} : { summary: command.summary })
      }
    case "RetryStep":
      return { _tag: "StepRetryScheduled", at, id: command.id, attempt: command.attempt, dueAt: at + command.delayMillis }
    case "FailStep":
      return { _tag: "StepFailed", at, id: command.id, attempt: command.attempt }
    case "AskStep":
      return { _tag: "StepAsked", at, id: command.id, attempt: command.attempt }
    case "CancelStep":
      return { _tag: "StepCancelRequested", at, id: command.id }
    case "StartTimer":
      return { _tag: "TimerStarted", at, id: command.id, millis: command.millis, dueAt: at + command.millis }
    case "CancelTimer":
      return { _tag: "TimerCancelled", at, id: command.id }
    case "CreateAwakeable":
      return { _tag: "AwakeableCreated", at, id: command.id, name: command.name, token: command.token }
    case "RecordValue":
      return { _tag: "ValueRecorded", at, id: command.id, name: command.name, ...payload("value", command.value) }
    case "CompleteUpdate":
      return { _tag: "UpdateCompleted", at, messageId: command.messageId, ...payload("output", command.output) }
    case "FailUpdate":
      return { _tag: "UpdateFailed", at, messageId: command.messageId, failure: command.failure }
    case "CompleteRun":
      return { _tag: "RunCompleted", at, ...payload("output", command.output) }
    case "FailRun":
      return { _tag: "RunFailed", at, failure: command.failure }
    case "CancelRun":
      return {
        _tag: "RunCancelled",
        at,
        ...reason(command.reason),
        ...(command.by === undefined ? {} : { by: command.by })
      }
  }
}
