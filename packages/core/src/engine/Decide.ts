/** The only maker of events: what a command, a message or an outcome becomes in the log. Pure; time is an argument. */
import type { Command } from "../model/Command.js"
import type { Carried, Closing, Event, Failure, Of, Uncompensated } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import * as MessageId from "../model/MessageId.js"

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
  ...(message.parent === undefined ? {} : { parent: message.parent }),
  ...carried(message.carried ?? []),
  effect: stamp.effect,
  reprise: stamp.reprise
})

/** Opens the next generation: what holds for the whole run is kept from the last one. */
export const restarted = (
  last: Of<"RunStarted">,
  continuing: Of<"RunContinuedAsNew">,
  version: string,
  stamp: Stamp,
  at: number
): Of<"RunStarted"> => {
  const { carried: _carried, input: _input, ...kept } = last
  return {
    ...kept,
    at,
    version,
    ...payload("input", continuing.input),
    ...(continuing.carried === undefined ? {} : { carried: continuing.carried }),
    generation: (last.generation ?? 0) + 1,
    beganAt: last.beganAt ?? last.at,
    effect: stamp.effect,
    reprise: stamp.reprise
  }
}

/** The run goes on with the code of another version than its history says so far. */
export const versionChanged = (version: string, at: number): Event => ({ _tag: "RunVersionChanged", at, version })

/** Ends what a run has taken over from another one. `shiftMillis` after the source stood here, it goes on. */
export const forked = (
  source: { readonly runId: string; readonly seq: number },
  replaced: ReadonlyArray<number>,
  by: string | undefined,
  shiftMillis: number,
  at: number
): Of<"RunForked"> => ({
  _tag: "RunForked",
  at,
  ...source,
  shiftMillis,
  ...(replaced.length === 0 ? {} : { replaced }),
  ...(by === undefined ? {} : { by })
})

/** The event with another value; a failure becomes a completion. `undefined` when there is no value in such an event. */
export const replaced = (event: Event, value: Json | undefined): Event | undefined => {
  switch (event._tag) {
    case "RunStarted": {
      const { input: _input, ...kept } = event
      return { ...kept, ...payload("input", value) }
    }
    case "StepCompleted":
    case "StepAttemptFailed":
      return stepCompleted(event.id, event.attempt, value, event.at)
    case "SignalReceived": {
      const { payload: _payload, ...kept } = event
      return { ...kept, ...payload("payload", value) }
    }
    case "UpdateAccepted": {
      const { input: _input, ...kept } = event
      return { ...kept, ...payload("input", value) }
    }
    case "AwakeableSettled":
      return { ...event, settlement: { _tag: "Resolved", ...payload("value", value) } }
    case "ValueRecorded": {
      const { value: _value, ...kept } = event
      return { ...kept, ...payload("value", value) }
    }
    case "ChildCompleted":
    case "ChildFailed":
    case "ChildCancelled":
    case "ChildTerminated": {
      const { at, id, messageId } = event
      return { _tag: "ChildCompleted", at, id, messageId, ...payload("output", value) }
    }
    default:
      return undefined
  }
}

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
    case "Pause":
      return { _tag: "RunPaused", at, messageId, ...reason(message.reason), ...by }
    case "Resume":
      return { _tag: "RunResumed", at, messageId, ...reason(message.reason), ...by }
    case "ChildAnswered":
      return childAnswered(message, at)
    case "ChildEnded":
      return childEnded(message, at)
    case "SignalAnswered":
      return message.answer._tag === "Delivered"
        ? { _tag: "SignalDelivered", at, id: message.id, messageId }
        : {
          _tag: "SignalRefused",
          at,
          id: message.id,
          messageId,
          ...(message.answer.status === undefined ? {} : { status: message.answer.status })
        }
    case "SettleAwakeable":
      return { _tag: "AwakeableSettled", at, id: message.id, messageId, settlement: message.settlement, ...by }
    case "ResolveStep":
      return { _tag: "StepResolved", at, id: message.id, messageId, resolution: message.resolution, ...by }
    case "Outcome":
      return outcome(message.id, message.attempt, message.result, at)
  }
}

const childAnswered = ({ answer, id, messageId }: Message.Of<"ChildAnswered">, at: number): Event =>
  answer._tag === "Started"
    ? {
      _tag: "ChildStarted",
      at,
      id,
      messageId,
      runId: answer.runId,
      ...(answer.existed === true ? { existed: true } : {})
    }
    : { _tag: "ChildRefused", at, id, messageId, by: answer.by, runId: answer.runId, status: answer.status }

const childEnded = ({ end, id, messageId }: Message.Of<"ChildEnded">, at: number): Event => {
  const { _tag, ...how } = end
  const common = { at, id, messageId }
  switch (end._tag) {
    case "Completed":
      return { _tag: "ChildCompleted", ...common, ...payload("output", end.output) }
    case "Failed":
      return { _tag: "ChildFailed", ...common, failure: end.failure, ...uncompensated(end.uncompensated ?? []) }
    case "Cancelled":
      return { _tag: "ChildCancelled", ...common, ...how }
    case "Terminated":
      return { _tag: "ChildTerminated", ...common, ...how }
  }
}

const uncompensated = (failed: ReadonlyArray<Uncompensated>) => (failed.length === 0 ? {} : { uncompensated: failed })

/** What those who await a run are told of its end. `id` is the command with which they asked. */
export const endOf = (id: string, closing: Closing): Message.Of<"ChildEnded"> => ({
  _tag: "ChildEnded",
  messageId: MessageId.ended(id),
  id,
  end: endIn(closing)
})

/** How a run ended, as the event says that closed it. */
export const endIn = (closing: Closing): Message.End => {
  switch (closing._tag) {
    case "RunCompleted":
      return { _tag: "Completed", ...payload("output", closing.output) }
    case "RunFailed":
      return { _tag: "Failed", failure: closing.failure, ...uncompensated(closing.uncompensated ?? []) }
    case "RunCancelled":
      return { _tag: "Cancelled", ...asked(closing) }
    case "RunTerminated":
      return { _tag: "Terminated", ...asked(closing) }
  }
}

const asked = (who: { readonly reason?: string | undefined; readonly by?: string | undefined }) => ({
  ...reason(who.reason),
  ...(who.by === undefined ? {} : { by: who.by })
})

/** The store's answer to `StartChild`. */
export const answerOfStart = (
  id: string,
  answer: Message.Of<"ChildAnswered">["answer"]
): Message.Of<"ChildAnswered"> => ({ _tag: "ChildAnswered", messageId: MessageId.started(id), id, answer })

/** The store's answer to a `Send` that asks for one. */
export const answerOfSend = (
  id: string,
  answer: Message.Of<"SignalAnswered">["answer"]
): Message.Of<"SignalAnswered"> => ({ _tag: "SignalAnswered", messageId: MessageId.sent(id), id, answer })

/** What a parent that ends, continues as new, or asks for it, tells a child that is to end. `id` is the child's command. */
export const parentEnded = (
  parentClose: "cancel" | "terminate",
  runId: string,
  id: string,
  reason = "its parent ended"
): Message.Of<"Cancel" | "Terminate"> => ({
  _tag: parentClose === "cancel" ? "Cancel" : "Terminate",
  messageId: MessageId.parent(runId, id),
  reason,
  by: `run ${runId}`
})

const reason = (text: string | undefined) => (text === undefined ? {} : { reason: text })
/** A field that is left out when there is no value. */
export const payload = <K extends string>(key: K, json: Json | undefined) =>
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
  messageId: MessageId.TIMEOUT,
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
      return { _tag: "RunFailed", at, failure: command.failure, ...uncompensated(command.uncompensated) }
    case "ContinueAsNew":
      return { _tag: "RunContinuedAsNew", at, ...payload("input", command.input), ...carried(command.carried) }
    case "StartChild":
      return {
        _tag: "ChildScheduled",
        at,
        id: command.id,
        runId: command.runId,
        workflow: command.workflow,
        version: command.version,
        ...payload("input", command.input),
        ...(command.key === undefined ? {} : { key: command.key }),
        parentClose: command.parentClose,
        ...(command.onConflict === "fail" ? {} : { onConflict: command.onConflict }),
        ...(command.delayMillis === undefined ? {} : { startAt: at + command.delayMillis }),
        ...(command.timeoutMillis === undefined ? {} : { timeoutMillis: command.timeoutMillis })
      }
    case "CancelChild":
      return { _tag: "ChildCancelRequested", at, id: command.id }
    case "SendSignal":
      return {
        _tag: "SignalSent",
        at,
        id: command.id,
        runId: command.runId,
        name: command.name,
        ...payload("payload", command.payload)
      }
    case "MarkVersion":
      return { _tag: "VersionMarked", at, patch: command.patch }
    case "CancelRun":
      return {
        _tag: "RunCancelled",
        at,
        ...reason(command.reason),
        ...(command.by === undefined ? {} : { by: command.by })
      }
  }
}

const carried = (signals: ReadonlyArray<Carried>) => (signals.length === 0 ? {} : { carried: signals })
