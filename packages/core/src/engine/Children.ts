/** Children and signals to other runs inside a program: what it asked for, and what it is told of that. */
import { Effect } from "effect"
import type { Awaited, Request, Requests } from "../define/Activation.js"
import type { Of } from "../model/Event.js"
import type { End } from "../model/Message.js"
import * as ChildId from "./ChildId.js"
import { diverge } from "./Faults.js"
import { type FiberPlace, nextId } from "./FiberPath.js"
import { issue } from "./Issue.js"
import * as Markers from "./Markers.js"
import type { ProgramState } from "./ProgramState.js"
import { parked, waitAmong } from "./Wait.js"

type Started = Of<"ChildStarted" | "ChildRefused">
type Sent = Of<"SignalDelivered" | "SignalRefused">
type Ended = Of<"ChildCompleted" | "ChildFailed" | "ChildCancelled" | "ChildTerminated">

// ---- asking ----

export const start = (
  program: ProgramState,
  here: FiberPlace,
  { _tag, source: _source, ...request }: Request<"StartChild">
): Effect.Effect<Requests["StartChild"]["answer"]> => {
  const id = nextId(here)
  const recorded = Markers.upcoming(program)
  const runId = request.runId ?? ChildId.make(program.info.runId, id, program.host.limits.nameCharsMax)
  // What was asked for then, stands: whatever the code says now.
  const asked = recorded?._tag === "ChildScheduled" ? recorded : { ...request, runId }
  if (!issue(program, here.path, { ...request, _tag, id, runId })) return parked
  const awaited: Awaited = { end: undefined, takers: new Set() }
  program.children.set(id, awaited)
  return Effect.map(answered(program.starting, id), (answer) => {
    if (answer._tag === "ChildStarted") {
      const { existed = false, runId } = answer
      return { _tag: "Started", id, runId, existed, parentClose: asked.parentClose, awaited }
    }
    const { by, runId, status } = answer
    return { _tag: "Refused", by, value: by === "id" ? asked.runId : asked.key ?? "", runId, status }
  })
}

export const awaitEnd = ({ awaited }: Request<"AwaitChild">): Effect.Effect<End> =>
  awaited.end === undefined ? waitAmong(awaited.takers) : Effect.succeed(awaited.end)

export const cancel = (
  program: ProgramState,
  here: FiberPlace,
  { awaited, id }: Request<"CancelChild">
): Effect.Effect<void> => {
  if (awaited.end !== undefined) return Effect.void
  return issue(program, here.path, { _tag: "CancelChild", id }) ? Effect.asVoid(waitAmong(awaited.takers)) : parked
}

export const send = (
  program: ProgramState,
  here: FiberPlace,
  { _tag, name, payload, runId }: Request<"SendSignal">
): Effect.Effect<Requests["SendSignal"]["answer"]> => {
  const id = nextId(here)
  const recorded = Markers.upcoming(program)
  const receiver = recorded?._tag === "SignalSent" ? recorded.runId : runId
  if (!issue(program, here.path, { _tag, id, runId, name, payload })) return parked
  return Effect.map(answered(program.sending, id), (answer) =>
    answer._tag === "SignalRefused"
      ? { _tag: "Refused", runId: receiver, status: answer.status }
      : { _tag: "Delivered" })
}

/** The store's answer, which comes with the commit: nobody can be interrupted while it is on its way. */
const answered = <A>(waiting: Map<string, (answer: A) => void>, id: string): Effect.Effect<A> =>
  Effect.uninterruptible(Effect.async<A>((resume) =>
    void waiting.set(id, (answer) => resume(Effect.succeed(answer)))))

// ---- being told ----

export const deliverStart = (program: ProgramState, event: Started): void => {
  if (event._tag === "ChildRefused") program.children.delete(event.id)
  deliverAnswer(program, program.starting, event)
}

export const deliverSent = (program: ProgramState, event: Sent): void => deliverAnswer(program, program.sending, event)

const deliverAnswer = <A extends { readonly id: string }>(
  program: ProgramState,
  waiting: Map<string, (answer: A) => void>,
  event: A
): void => {
  const resume = waiting.get(event.id)
  if (resume === undefined) return unexpected(program, event.id)
  waiting.delete(event.id)
  resume(event)
}

export const deliverEnd = (program: ProgramState, event: Ended): void => {
  const awaited = program.children.get(event.id)
  if (awaited === undefined) return unexpected(program, event.id)
  program.children.delete(event.id)
  const end = endOf(event)
  awaited.end = end
  for (const taker of awaited.takers) taker(end)
  awaited.takers.clear()
}

const unexpected = (program: ProgramState, id: string): void =>
  diverge(program, `a fiber that has asked for [${id}]`, "no fiber has asked for it", id.split("#")[0] ?? "")

const endOf = (event: Ended): End => {
  switch (event._tag) {
    case "ChildCompleted":
      return { _tag: "Completed", output: event.output }
    case "ChildFailed":
      return { _tag: "Failed", failure: event.failure, uncompensated: event.uncompensated }
    case "ChildCancelled":
      return { _tag: "Cancelled", reason: event.reason, by: event.by }
    case "ChildTerminated":
      return { _tag: "Terminated", reason: event.reason, by: event.by }
  }
}

/** Whether a fiber waits for a child, or for the store's answer about one. */
export const isAwaited = (program: ProgramState): boolean => {
  if (program.starting.size > 0 || program.sending.size > 0) return true
  for (const awaited of program.children.values()) if (awaited.takers.size > 0) return true
  return false
}
