/**
 * What a fork asks of other runs, and is told itself, as it begins: the event that is told anew, its open children, and
 * signals that have no answer. All of it is part of the append that makes the fork (ports/Log.ts, L7).
 */
import * as Decide from "../engine/Decide.js"
import { payload } from "../engine/Decide.js"
import type { Event, Of, Recorded } from "../model/Event.js"
import type * as Message from "../model/Message.js"
import * as MessageId from "../model/MessageId.js"
import * as Token from "../model/Token.js"
import type { Outgoing } from "../ports/Log.js"

/** The fork that is being made. */
export interface Forked {
  readonly runId: string
  readonly at: number
  readonly shiftMillis: number
  readonly newId: () => string
}

export const newToken = ({ newId, runId }: Forked): string => Token.make(runId, newId())

/** A child that has not ended at the fork point. */
export interface OpenChild {
  /** It is started anew; otherwise a run that is there is awaited. */
  readonly anew: boolean
  /** The store has said which run it is: that of `runId`. */
  readonly known: boolean
  /** As the source knew it. */
  readonly runId: string
}

/** The children that the fork is to have. What `next` says about one of them is known already. */
export const openChildren = (history: ReadonlyArray<Recorded>, next: Event | undefined): ReadonlyMap<string, OpenChild> => {
  const open = new Map<string, OpenChild>()
  for (const event of [...history.map((recorded) => recorded.event), ...(next === undefined ? [] : [next])]) {
    switch (event._tag) {
      case "ChildScheduled":
        open.set(event.id, { anew: event.onConflict === undefined, known: false, runId: event.runId })
        break
      case "ChildStarted":
        open.set(event.id, { anew: event.existed !== true, known: true, runId: event.runId })
        break
      case "ChildRefused":
      case "ChildCompleted":
      case "ChildFailed":
      case "ChildCancelled":
      case "ChildTerminated":
        open.delete(event.id)
    }
  }
  return open
}

export const mailOf = (
  fork: Forked,
  kept: ReadonlyArray<Event>,
  next: Event | undefined,
  open: ReadonlyMap<string, OpenChild>
): ReadonlyArray<Outgoing> => {
  const told = next === undefined ? undefined : messageOf(next)
  const outgoing: Array<Outgoing> = told === undefined ? [] : [
    { _tag: "Send", id: "fork", runId: fork.runId, message: told, answered: false }
  ]
  const answered = new Set([...kept, ...(next === undefined ? [] : [next])].flatMap((event) =>
    event._tag === "SignalDelivered" || event._tag === "SignalRefused" ? [event.id] : []))
  const restarted = new Map<string, Of<"ChildScheduled">>()
  for (const event of kept) {
    const child = "id" in event ? open.get(event.id) : undefined
    if (event._tag === "ChildScheduled" && child !== undefined) {
      outgoing.push(childOf(fork, event, child))
      if (child.anew) restarted.set(event.runId, event)
    } else if (event._tag === "ChildCancelRequested" && child?.anew === true) {
      outgoing.push(endOf(fork, event.id, restarted))
    } else if (event._tag === "SignalSent" && (restarted.has(event.runId) || !answered.has(event.id))) {
      outgoing.push(signalOf(fork, event, !answered.has(event.id)))
    }
  }
  return outgoing
}

const childOf = (fork: Forked, event: Of<"ChildScheduled">, child: OpenChild): Outgoing => {
  const { id, input, startAt, timeoutMillis } = event
  const parent = { runId: fork.runId, id }
  return {
    _tag: "StartChild",
    id,
    parentClose: event.parentClose,
    onConflict: child.anew ? "fail" : "use_existing",
    start: {
      runId: child.anew ? event.runId : child.runId,
      workflow: event.workflow,
      version: event.version,
      key: child.known ? undefined : event.key,
      createdAt: fork.at,
      startAt: startAt === undefined ? undefined : startAt + fork.shiftMillis,
      parent,
      forkedFrom: undefined,
      message: {
        _tag: "Start",
        messageId: MessageId.START,
        seed: fork.newId(),
        ...payload("input", input),
        ...(timeoutMillis === undefined ? {} : { timeoutMillis }),
        parent
      }
    }
  }
}

const endOf = (fork: Forked, id: string, restarted: ReadonlyMap<string, Of<"ChildScheduled">>): Outgoing => {
  const scheduled = [...restarted.values()].find((event) => event.id === id)
  const how = scheduled?.parentClose === "terminate" ? "terminate" : "cancel"
  const message = Decide.parentEnded(how, fork.runId, id, "its parent asked for it")
  return { _tag: "Send", id, runId: scheduled?.runId ?? "", message, answered: false }
}

const signalOf = (fork: Forked, { id, name, payload: sent, runId }: Of<"SignalSent">, answered: boolean): Outgoing => {
  const messageId = MessageId.signal(fork.runId, id)
  const message: Message.Message = { _tag: "Signal", messageId, by: `run ${fork.runId}`, name, ...payload("payload", sent) }
  return { _tag: "Send", id, runId, message, answered }
}

// ---- telling an event anew ----

/** The message that becomes this event again. `undefined` for what comes by itself: a start, a timer, a timeout. */
const messageOf = (event: Event): Message.Message | undefined => {
  switch (event._tag) {
    case "StepCompleted":
      return outcome(event, { _tag: "Completed", ...payload("output", event.output) })
    case "StepAttemptFailed":
      return outcome(event, { _tag: "Failed", failure: event.failure })
    case "SignalReceived":
      return { _tag: "Signal", ...common(event), name: event.name, ...payload("payload", event.payload) }
    case "UpdateAccepted":
      return { _tag: "Update", ...common(event), name: event.name, ...payload("input", event.input) }
    case "AwakeableSettled":
      return { _tag: "SettleAwakeable", ...common(event), id: event.id, settlement: event.settlement }
    case "StepResolved":
      return { _tag: "ResolveStep", ...common(event), id: event.id, resolution: event.resolution }
    case "RunCancelRequested":
      if (event.cause === "timeout") return undefined
      return { _tag: "Cancel", ...common(event), ...(event.reason === undefined ? {} : { reason: event.reason }) }
    case "ChildRefused": {
      const { by, id, runId, status } = event
      return Decide.answerOfStart(id, { _tag: "Refused", by, runId, status })
    }
    case "SignalDelivered":
      return Decide.answerOfSend(event.id, { _tag: "Delivered" })
    case "SignalRefused":
      return Decide.answerOfSend(event.id, { _tag: "Refused", ...(event.status === undefined ? {} : { status: event.status }) })
    default:
      return ended(event)
  }
}

const ended = (event: Event): Message.Message | undefined => {
  const told = (id: string, end: Message.End): Message.Message => ({ _tag: "ChildEnded", messageId: MessageId.ended(id), id, end })
  switch (event._tag) {
    case "ChildCompleted":
      return told(event.id, { _tag: "Completed", ...payload("output", event.output) })
    case "ChildFailed": {
      const { failure, uncompensated } = event
      return told(event.id, { _tag: "Failed", failure, ...(uncompensated === undefined ? {} : { uncompensated }) })
    }
    case "ChildCancelled":
      return told(event.id, { _tag: "Cancelled", ...asked(event) })
    case "ChildTerminated":
      return told(event.id, { _tag: "Terminated", ...asked(event) })
    default:
      return undefined
  }
}

const outcome = (
  { attempt, id }: { readonly id: string; readonly attempt: number },
  result: Message.Of<"Outcome">["result"]
): Message.Message => ({ _tag: "Outcome", messageId: MessageId.outcome(id, attempt), id, attempt, result })

const common = ({ by, messageId }: { readonly messageId: string; readonly by?: string | undefined }) => ({
  messageId,
  ...(by === undefined ? {} : { by })
})

const asked = ({ by, reason }: { readonly reason?: string | undefined; readonly by?: string | undefined }) => ({
  ...(reason === undefined ? {} : { reason }),
  ...(by === undefined ? {} : { by })
})
