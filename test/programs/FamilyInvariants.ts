/** What holds of the histories of runs that concern each other, whatever their programs. Answers what is wrong, in words. */
import { isDeepStrictEqual } from "node:util"
import { Event, MessageId } from "@reprise/core/engine"
import * as Invariants from "./Invariants.js"

type History = ReadonlyArray<Event.Event>
type Histories = ReadonlyMap<string, History>
type Complaints = ReadonlyArray<string>
/** Ids of runs that hear of nothing until their code is mended. */
type Blocked = ReadonlySet<string>

export const violations = (histories: Histories, blocked: Blocked): Complaints =>
  [...histories].flatMap(([runId, history]) =>
    [
      ...Invariants.violations(history),
      ...pauses(history),
      ...carries(history),
      ...keeps(history),
      ...markers(history),
      ...undos(history),
      ...children(histories, blocked, runId, history),
      ...signals(histories, blocked, runId, history),
      ...senders(histories, history),
      ...parents(histories, runId, history)
    ].map((what) => `${runId}: ${what}`)
  )

const of = <T extends Event.EventTag>(history: History, ...tags: ReadonlyArray<T>): ReadonlyArray<Event.Of<T>> =>
  history.filter((event): event is Event.Of<T> => (tags as ReadonlyArray<string>).includes(event._tag))

const indexOf = (history: History, isIt: (event: Event.Event) => boolean): number => history.findIndex(isIt)

/** Nothing is told to a paused run. */
const pauses = (history: History): Complaints => {
  const wrong: Array<string> = []
  let paused = false
  for (const event of history) {
    if (event._tag === "RunPaused" || event._tag === "RunResumed") {
      if (paused === (event._tag === "RunPaused")) wrong.push(`${event._tag} while it is${paused ? "" : " not"} paused`)
      paused = event._tag === "RunPaused"
    } else if (paused && event._tag !== "RunTerminated") wrong.push(`${event._tag} while it is paused`)
  }
  return wrong
}

/** A generation begins with what the last one has left; and leaves nothing that it has not got. */
const carries = (history: History): Complaints => {
  const wrong: Array<string> = []
  let arrived: Array<string> = []
  let left: ReadonlyArray<Event.Carried> = []
  for (const event of history) {
    if (event._tag === "SignalReceived") arrived.push(`${event.name} ${String(event.payload)}`)
    if (event._tag === "RunContinuedAsNew") left = event.carried ?? []
    if (event._tag === "RunContinuedAsNew" && left.some(({ name, payload }) => !arrived.includes(`${name} ${String(payload)}`))) {
      wrong.push(`it carries what it has not got: ${JSON.stringify(left)} of ${arrived.join(", ")}`)
    }
    if (event._tag !== "RunStarted") continue
    if (!isDeepStrictEqual(event.carried ?? [], left)) {
      wrong.push(`it begins with ${JSON.stringify(event.carried)}, not ${JSON.stringify(left)}`)
    }
    arrived = (event.carried ?? []).map(({ name, payload }) => `${name} ${String(payload)}`)
  }
  return wrong
}

/** What holds for the whole run, each generation begins with. */
const keeps = (history: History): Complaints => {
  const [first, ...later] = of(history, "RunStarted")
  return later.flatMap(({ parent, timeoutAt }) =>
    timeoutAt === first?.timeoutAt && isDeepStrictEqual(parent, first?.parent) ? [] : ["a generation has not kept its timeout or parent"])
}

/** A generation marks a patch once. */
const markers = (history: History): Complaints => {
  const marked = new Set<string>()
  return history.flatMap((event) => {
    if (event._tag === "RunContinuedAsNew") marked.clear()
    if (event._tag !== "VersionMarked") return []
    const isMarked = marked.has(event.patch)
    marked.add(event.patch)
    return isMarked ? [`patch ${event.patch} is marked twice`] : []
  })
}

const UNDO = "undo "

/** What has been done is undone at most once, later things first: no undo begins before that of something done later has begun. */
const undos = (history: History): Complaints => {
  const names = new Map(of(history, "StepScheduled").map(({ id, name }) => [id, name]))
  const done: Array<string> = []
  const wrong: Array<string> = []
  for (const event of history) {
    if (event._tag === "RunContinuedAsNew") done.length = 0
    if (event._tag === "StepCompleted") done.push(names.get(event.id)!)
    if (event._tag !== "StepScheduled" || !event.name.startsWith(UNDO)) continue
    const at = done.lastIndexOf(event.name.slice(UNDO.length))
    if (at < 0) wrong.push(`${event.name}, which is not to be undone`)
    else done.splice(at, 1)
  }
  return wrong
}

/** Each child is answered for once, ends once, as its own history says; and does not outlive its parent, unless it may. */
const children = (histories: Histories, blocked: Blocked, runId: string, history: History): Complaints => {
  const lastStart = history.findLastIndex(({ _tag }) => _tag === "RunStarted" || _tag === "RunContinuedAsNew")
  const isClosed = history.some(Event.isClosing)
  return of(history, "ChildScheduled").flatMap((child) => {
    const mine = (event: Event.Event) => "id" in event && event.id === child.id
    const answers = of(history, "ChildStarted", "ChildRefused").filter(mine)
    const ends = of(history, "ChildCompleted", "ChildFailed", "ChildCancelled", "ChildTerminated").filter(mine)
    const wrong: Array<string> = []
    if (answers.length > 1) wrong.push(`${answers.length} answers about child ${child.id}`)
    if (ends.length > 1) wrong.push(`${ends.length} ends of child ${child.id}`)
    const answer = answers[0]
    if (ends.length > 0 && answer?._tag !== "ChildStarted") wrong.push(`child ${child.id} has ended, and not begun`)
    const own = histories.get(child.runId)
    if (own === undefined) return [...wrong, `child ${child.runId} does not exist`]
    const closing = own.find(Event.isClosing)
    if (ends[0] !== undefined && !isEndOf(ends[0], closing)) wrong.push(`${ends[0]._tag}, but the child's end was ${closing?._tag}`)
    const isOver = isClosed || indexOf(history, mine) < lastStart
    const endsToo = isOver && ends.length === 0 && child.parentClose !== "abandon" && isOwn(runId, child.id, own)
    const mayGoOn = isEnding(own, child.parentClose, isDeaf(blocked, child.runId, own))
    if (endsToo && !mayGoOn) wrong.push(`child ${child.runId} goes on after its parent's end`)
    const isDue = !isOver && answer?._tag === "ChildStarted" && closing !== undefined && ends.length === 0
    if (isDue && !isDeaf(blocked, runId, history)) wrong.push(`it was not told of the end of child ${child.runId}`)
    return wrong
  })
}

const isEndOf = (end: Event.Event, closing: Event.Closing | undefined): boolean => {
  if (closing === undefined || end._tag.slice("Child".length) !== closing._tag.slice("Run".length)) return false
  if (end._tag === "ChildCompleted") return closing._tag === "RunCompleted" && isDeepStrictEqual(end.output, closing.output)
  return end._tag !== "ChildFailed" || (closing._tag === "RunFailed" && isDeepStrictEqual(end.failure, closing.failure))
}

/** Whether this command has started the run. One that has not begun does not say. */
const isOwn = (parent: string, id: string, child: History): boolean => {
  const [first] = child
  return first?._tag === "RunStarted" && first.parent?.runId === parent && first.parent.id === id
}

const isEnding = (child: History, how: Event.ParentClose, isDeaf: boolean): boolean =>
  child.some(Event.isClosing) || (how === "cancel" && (child.some(({ _tag }) => _tag === "RunCancelRequested") || isDeaf))

/** A run that is blocked or paused, or has not begun, hears of nothing. */
const isDeaf = (blocked: Blocked, runId: string, history: History): boolean =>
  blocked.has(runId) || of(history, "RunPaused").length > of(history, "RunResumed").length || history.length === 0

/** What was delivered, has arrived once, if there was still somebody to hear of it. */
const signals = (histories: Histories, blocked: Blocked, runId: string, history: History): Complaints =>
  of(history, "SignalSent").flatMap((sent) => {
    const mine = (event: Event.Event) => "id" in event && event.id === sent.id
    const answers = of(history, "SignalDelivered", "SignalRefused").filter(mine)
    if (answers.length > 1) return [`${answers.length} answers about signal ${sent.id}`]
    const receiver = histories.get(sent.runId) ?? []
    const messageId = MessageId.signal(runId, sent.id)
    const received = of(receiver, "SignalReceived").filter((event) => event.messageId === messageId).length
    if (received > 1) return [`signal ${sent.id} was received ${received} times`]
    if (answers[0]?._tag === "SignalRefused") return received === 0 ? [] : [`signal ${sent.id} was refused, and received`]
    if (received === 1 || answers.length === 0 || isDeaf(blocked, sent.runId, receiver)) return []
    const closing = receiver.find(Event.isClosing)
    // One that is ended before it begins takes its messages with it.
    const wasAsleep = of(receiver, "RunPaused").length > 0 || receiver[0]?._tag !== "RunStarted"
    // What has come before a run's beginning is left when the run ends with it.
    const instants = [sent.at, receiver[0]?.at]
    const couldNot = closing !== undefined && (closing._tag === "RunTerminated" || instants.includes(closing.at) || wasAsleep)
    return couldNot ? [] : [`signal ${sent.id} was delivered, and did not arrive`]
  })

/** What comes from another run, that run has sent. */
const senders = (histories: Histories, history: History): Complaints =>
  of(history, "SignalReceived").flatMap(({ by, messageId }) => {
    const sender = by?.startsWith("run ") === true ? by.slice("run ".length) : undefined
    if (sender === undefined) return []
    const isSent = of(histories.get(sender) ?? [], "SignalSent").some(({ id }) => messageId === MessageId.signal(sender, id))
    return isSent ? [] : [`signal ${messageId} was received, and not sent`]
  })

const parents = (histories: Histories, runId: string, history: History): Complaints => {
  const [first] = history
  if (first?._tag !== "RunStarted" || first.parent === undefined) return []
  const { id, runId: parentId } = first.parent
  const asked = of(histories.get(parentId) ?? [], "ChildScheduled").some((event) => event.id === id && event.runId === runId)
  return asked ? [] : [`${parentId} has not asked for it`]
}
