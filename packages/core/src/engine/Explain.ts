/**
 * What was changed in the code, as far as it shows where a program diverged from its history. Only for messages: it looks
 * through the whole history, after the program has stopped.
 */
import type { Command } from "../model/Command.js"
import { type Change, Divergence } from "../model/Errors.js"
import type { Event, Recorded } from "../model/Event.js"
import * as Determinism from "./Determinism.js"
import { fiberOf } from "./FiberPath.js"
import type { ProgramState } from "./ProgramState.js"

/** The same divergence, with the kind of change and the recorded command that is nearest to what the code asks for. */
export const explained = (fault: Divergence, program: ProgramState, history: ReadonlyArray<Recorded>): Divergence => {
  const { misfit } = program
  const expected = program.recorded?.[program.recordedCount]?.event
  const nearest = misfit === undefined ? undefined : laterAlike(misfit, fault.seq, history)
  if (misfit !== undefined && expected !== undefined && Determinism.describeCommand(misfit) === fault.expected) {
    return new Divergence({
      ...fault,
      change: "value",
      expected: `${fault.expected}: ${brief(valueOf(expected))}`,
      actual: `${fault.actual}: ${brief(valueOf(misfit))}`
    })
  }
  return new Divergence({
    ...fault,
    change: changeOf(misfit, expected, nearest),
    ...(nearest === undefined ? {} : { nearest: { seq: nearest.seq, what: Determinism.describeEvent(nearest.event) } })
  })
}

/** What is compared of an end or an answer, beside its kind. */
const valueOf = (what: Command | Event): unknown => {
  switch (what._tag) {
    case "CompleteUpdate":
    case "UpdateCompleted":
    case "CompleteRun":
    case "RunCompleted":
      return what.output
    case "FailUpdate":
    case "UpdateFailed":
    case "FailRun":
    case "RunFailed":
      return what.failure
    case "ContinueAsNew":
    case "RunContinuedAsNew":
      return what.input
    default:
      return undefined
  }
}

const BRIEF = 200

const brief = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > BRIEF ? `${text.slice(0, BRIEF)}…` : text
}

/** What stood before the place was asked for; so only what comes after it can be what the code asks for now. */
const laterAlike = (command: Command, seq: number, history: ReadonlyArray<Recorded>): Recorded | undefined =>
  history.find((recorded) => recorded.seq >= seq && isAlike(command, recorded.event))

const isAlike = (command: Command, event: Event): boolean =>
  isFirst(command) && "id" in event && Determinism.matches({ ...command, id: event.id }, event)

type First = Extract<
  Command,
  { readonly _tag: "RunStep" | "StartTimer" | "CreateAwakeable" | "RecordValue" | "StartChild" | "SendSignal" }
>

/** Commands that begin something of their own; the others follow up on one of these, or end the run. */
const isFirst = (command: Command): command is First =>
  command._tag === "RunStep" || command._tag === "StartTimer" || command._tag === "CreateAwakeable" ||
  command._tag === "RecordValue" || command._tag === "StartChild" || command._tag === "SendSignal"

const BEGINS: { readonly [T in First["_tag"]]: Event["_tag"] } = {
  RunStep: "StepScheduled",
  StartTimer: "TimerStarted",
  CreateAwakeable: "AwakeableCreated",
  RecordValue: "ValueRecorded",
  StartChild: "ChildScheduled",
  SendSignal: "SignalSent"
}

const changeOf = (misfit: Command | undefined, expected: Event | undefined, nearest: Recorded | undefined): Change => {
  if (misfit === undefined) return "missing"
  if (!isFirst(misfit)) return expected === undefined ? "extra" : "missing"
  if (expected !== undefined && "id" in expected && expected._tag === BEGINS[misfit._tag]) {
    if (fiberOf(expected.id) !== fiberOf(misfit.id) && nearest?.event === expected) return "fiber"
    if (misfit._tag === "StartTimer" && expected.id === misfit.id) return "length"
    if (nearest === undefined && expected.id === misfit.id) return "replaced"
  }
  return nearest === undefined ? "extra" : "order"
}
