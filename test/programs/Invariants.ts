/** What holds of every history, whatever the program (P6). Answers what is wrong, in words. */
import { Event } from "@reprise/core/engine"

export const violations = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => [
  ...frame(history),
  ...steps(history),
  ...timers(history),
  ...messages(history),
  ...commands(history)
]

/** Which events stand for what: where each event of one sort and id may stand at most once. */
const once = (what: string, keys: ReadonlyArray<string>): ReadonlyArray<string> =>
  keys.filter((key, i) => keys.indexOf(key) !== i).map((key) => `${what} ${key} twice`)

const frame = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  // One that has not begun can be ended.
  const isUnrun = history.length === 1 && (history[0]?._tag === "RunCancelled" || history[0]?._tag === "RunTerminated")
  if (history.length > 0 && !isUnrun && history[0]?._tag !== "RunStarted") wrong.push(`${history[0]?._tag} comes first`)
  wrong.push(...generations(history))
  const closing = history.findIndex(Event.isClosing)
  if (closing >= 0 && closing < history.length - 1) wrong.push(`${history[closing + 1]?._tag} after ${history[closing]?._tag}`)
  for (let i = 1; i < history.length; i++) {
    if (history[i]!.at < history[i - 1]!.at) wrong.push(`${history[i]?._tag} is earlier than what stands before it`)
  }
  return wrong
}

/** Each generation begins once, right after the end of the last one: what comes in between says only that it is paused. */
const generations = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  let count = 0
  let isBetween = true
  for (const event of history) {
    if (event._tag === "RunStarted") {
      if (!isBetween) wrong.push("RunStarted twice")
      if ((event.generation ?? 0) !== count) wrong.push(`generation ${event.generation} begins after ${count} others`)
      count += 1
      isBetween = false
    } else if (event._tag === "RunContinuedAsNew") isBetween = true
    else if (isBetween && count > 0 && Event.sortOf(event) !== "bookkeeping" && !Event.isClosing(event)) {
      wrong.push(`${event._tag} between two generations`)
    }
  }
  return wrong
}

/** An id stands for one command of the whole history. */
const commands = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> =>
  once("command", history.flatMap((event) => (ASKING.has(event._tag) && "id" in event ? [event.id] : [])))
const ASKING: ReadonlySet<string> = new Set([
  "StepScheduled",
  "TimerStarted",
  "AwakeableCreated",
  "ValueRecorded",
  "ChildScheduled",
  "SignalSent"
])

const SETTLED: ReadonlySet<string> = new Set(["StepCompleted", "StepFailed", "StepCancelled"])
const OF_A_STEP: ReadonlySet<string> = new Set([
  ...SETTLED,
  "StepAttemptStarted",
  "StepAttemptFailed",
  "StepRetryScheduled",
  "StepAsked",
  "StepCancelRequested",
  "StepResolved"
])

const steps = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const open = new Map<string, number>()
  const scheduled: Array<string> = []
  for (const event of history) {
    if (event._tag === "RunContinuedAsNew") open.clear()
    if (event._tag === "StepScheduled") {
      scheduled.push(event.id)
      open.set(event.id, 1)
    } else if (OF_A_STEP.has(event._tag) && "id" in event) {
      const attempt = open.get(event.id)
      if (attempt === undefined) wrong.push(`${event._tag} of ${event.id}, which is not open`)
      else if (event._tag === "StepRetryScheduled") {
        if (event.attempt !== attempt + 1) wrong.push(`attempt ${event.attempt} of ${event.id} follows attempt ${attempt}`)
        open.set(event.id, event.attempt)
      } else if ("attempt" in event && event.attempt !== attempt) {
        wrong.push(`${event._tag} of ${event.id} for attempt ${event.attempt}; the current one is ${attempt}`)
      }
      if (SETTLED.has(event._tag)) open.delete(event.id)
    }
  }
  return [...wrong, ...once("step", scheduled)]
}

const timers = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const due = new Map<string, number>()
  const started: Array<string> = []
  for (const event of history) {
    if (event._tag === "RunContinuedAsNew") due.clear()
    if (event._tag === "TimerStarted") {
      started.push(event.id)
      due.set(event.id, event.dueAt)
    } else if (event._tag === "TimerFired" || event._tag === "TimerCancelled") {
      const dueAt = due.get(event.id)
      if (dueAt === undefined) wrong.push(`${event._tag} of ${event.id}, which is not open`)
      else if (event._tag === "TimerFired" && event.at < dueAt) wrong.push(`timer ${event.id} fired before it was due`)
      else if (event._tag === "TimerFired" && Math.min(...due.values()) < dueAt) wrong.push(`timer ${event.id} fired before an earlier one`)
      due.delete(event.id)
    }
  }
  return [...wrong, ...once("timer", started)]
}

const MESSAGES: ReadonlySet<string> = new Set([
  "SignalReceived",
  "UpdateAccepted",
  "AwakeableSettled",
  "StepResolved",
  "RunCancelRequested",
  "RunPaused",
  "RunResumed",
  "ChildStarted",
  "ChildRefused",
  "ChildCompleted",
  "ChildFailed",
  "ChildCancelled",
  "ChildTerminated",
  "SignalDelivered",
  "SignalRefused"
])
const ANSWERS: ReadonlySet<string> = new Set(["UpdateCompleted", "UpdateFailed"])

const messages = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const idsOf = (tags: ReadonlySet<string>) =>
    history.flatMap((event) => (tags.has(event._tag) && "messageId" in event ? [event.messageId] : []))
  const accepted = new Set(idsOf(new Set(["UpdateAccepted"])))
  const answers = idsOf(ANSWERS)
  const settled = history.flatMap((event) => (event._tag === "AwakeableSettled" ? [event.id] : []))
  return [
    ...once("message", idsOf(MESSAGES)),
    ...once("answer to", answers),
    ...answers.filter((id) => !accepted.has(id)).map((id) => `an answer to ${id}, which was not accepted`),
    ...once("settlement of", settled)
  ]
}
