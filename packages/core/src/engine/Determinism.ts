/**
 * Does this command match the recorded one? Compared are the kind, the id (fiber path and position), the name, and what
 * of the options the past depends on: a timer's length, and whether a step is a sensor. A step's timeout, deadline,
 * retry policy and summary may change under a live run (docs/decisions/0003-what-is-compared.md).
 */
import type { Command } from "../model/Command.js"
import type { Event } from "../model/Event.js"
import { equalJson } from "../model/Payload.js"

export const matches = (command: Command, event: Event): boolean => {
  switch (command._tag) {
    case "RunStep":
      return event._tag === "StepScheduled" && event.id === command.id && event.name === command.name &&
        (event.kind === "sensor") === command.sensor
    case "RetryStep":
      return event._tag === "StepRetryScheduled" && event.id === command.id && event.attempt === command.attempt
    case "FailStep":
      return event._tag === "StepFailed" && event.id === command.id
    case "AskStep":
      return event._tag === "StepAsked" && event.id === command.id
    case "CancelStep":
      return event._tag === "StepCancelRequested" && event.id === command.id
    case "StartTimer":
      return event._tag === "TimerStarted" && event.id === command.id && event.millis === command.millis
    case "CancelTimer":
      return event._tag === "TimerCancelled" && event.id === command.id
    case "CreateAwakeable":
      return event._tag === "AwakeableCreated" && event.id === command.id && event.name === command.name
    case "RecordValue":
      return event._tag === "ValueRecorded" && event.id === command.id && event.name === command.name
    case "CompleteUpdate":
      return event._tag === "UpdateCompleted" && event.messageId === command.messageId &&
        equalJson(event.output, command.output)
    case "FailUpdate":
      return event._tag === "UpdateFailed" && event.messageId === command.messageId
    case "CompleteRun":
      return event._tag === "RunCompleted" && equalJson(event.output, command.output)
    case "FailRun":
      return event._tag === "RunFailed" && event.failure._tag === command.failure._tag
    case "CancelRun":
      return event._tag === "RunCancelled"
    case "ContinueAsNew":
      return event._tag === "RunContinuedAsNew" && equalJson(event.input, command.input)
    case "StartChild":
      return event._tag === "ChildScheduled" && event.id === command.id && event.workflow === command.workflow
    case "CancelChild":
      return event._tag === "ChildCancelRequested" && event.id === command.id
    case "SendSignal":
      return event._tag === "SignalSent" && event.id === command.id && event.name === command.name
    case "MarkVersion":
      return event._tag === "VersionMarked" && event.patch === command.patch
  }
}

/** A command in words, for the "actual" side of a divergence. */
export const describeCommand = (command: Command): string => {
  switch (command._tag) {
    case "RunStep":
      return `${command.sensor ? "sensor" : "step"} "${command.name}" [${command.id}]`
    case "RetryStep":
      return `attempt ${command.attempt} of step [${command.id}]`
    case "FailStep":
      return `giving up step [${command.id}]`
    case "AskStep":
      return `asking an operator about step [${command.id}]`
    case "CancelStep":
      return `cancelling step [${command.id}]`
    case "StartTimer":
      return `a timer of ${command.millis} ms [${command.id}]`
    case "CancelTimer":
      return `cancelling timer [${command.id}]`
    case "CreateAwakeable":
      return `awakeable "${command.name}" [${command.id}]`
    case "RecordValue":
      return `recorded value "${command.name}" [${command.id}]`
    case "CompleteUpdate":
    case "FailUpdate":
      return `the answer to update ${command.messageId}`
    case "CompleteRun":
      return "completing the run"
    case "FailRun":
      return "failing the run"
    case "CancelRun":
      return "ending the run as cancelled"
    case "ContinueAsNew":
      return "continuing as new"
    case "StartChild":
      return `child "${command.workflow}" [${command.id}]`
    case "CancelChild":
      return `ending child [${command.id}]`
    case "SendSignal":
      return `signal "${command.name}" to another run [${command.id}]`
    case "MarkVersion":
      return `patch "${command.patch}"`
  }
}

/** A recorded event in the same words, for the "expected" side. */
export const describeEvent = (event: Event): string => {
  switch (event._tag) {
    case "StepScheduled":
      return `${event.kind ?? "step"} "${event.name}" [${event.id}]`
    case "StepRetryScheduled":
      return `attempt ${event.attempt} of step [${event.id}]`
    case "StepFailed":
      return `giving up step [${event.id}]`
    case "StepAsked":
      return `asking an operator about step [${event.id}]`
    case "StepCancelRequested":
      return `cancelling step [${event.id}]`
    case "TimerStarted":
      return `a timer of ${event.millis} ms [${event.id}]`
    case "TimerCancelled":
      return `cancelling timer [${event.id}]`
    case "AwakeableCreated":
      return `awakeable "${event.name}" [${event.id}]`
    case "ValueRecorded":
      return `recorded value "${event.name}" [${event.id}]`
    case "UpdateCompleted":
    case "UpdateFailed":
      return `the answer to update ${event.messageId}`
    case "RunCompleted":
      return "completing the run"
    case "RunFailed":
      return "failing the run"
    case "RunCancelled":
      return "ending the run as cancelled"
    case "RunContinuedAsNew":
      return "continuing as new"
    case "ChildScheduled":
      return `child "${event.workflow}" [${event.id}]`
    case "ChildCancelRequested":
      return `ending child [${event.id}]`
    case "SignalSent":
      return `signal "${event.name}" to another run [${event.id}]`
    case "VersionMarked":
      return `patch "${event.patch}"`
    default:
      return event._tag
  }
}
