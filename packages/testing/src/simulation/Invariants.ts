/** What holds of every history, whatever the workflow. Answers what is wrong, in words. */
import { Event } from "@reprise/core/engine"

type History = ReadonlyArray<Event.Event>
type Complaints = ReadonlyArray<string>

/** How many rules `violations` tries on a history. */
export const RULES = 4

export const violations = (history: History): Complaints => [
  ...frame(history),
  ...generations(history).flatMap((generation) => [...steps(generation), ...timers(generation)]),
  ...messages(history)
]

/** Nothing that a generation has opened outlives it. */
const generations = (history: History): ReadonlyArray<History> => {
  const begins = history.flatMap((event, i) => (event._tag === "RunStarted" ? [i] : []))
  return begins.map((begin, i) => history.slice(begin, begins[i + 1]))
}

/** Which events stand for what: where each event of one sort and id may stand at most once. */
const once = (what: string, keys: ReadonlyArray<string>): Complaints => {
  const seen = new Set<string>()
  return keys.flatMap((key) => (seen.size === seen.add(key).size ? [`${what} ${key} twice`] : []))
}

const frame = (history: History): Complaints => {
  const wrong: Array<string> = []
  const first = history[0]
  if (first !== undefined && first._tag !== "RunStarted" && !Event.isClosing(first)) wrong.push(`${first._tag} comes first`)
  for (let i = 1; i < history.length; i++) {
    const [before, event] = [history[i - 1]!, history[i]!]
    if (Event.isClosing(before)) wrong.push(`${event._tag} after ${before._tag}`)
    if (event._tag === "RunStarted" && !history.slice(0, i).some(({ _tag }) => _tag === "RunContinuedAsNew")) {
      wrong.push("a second RunStarted, though no generation has ended")
    }
    if (event.at < before.at) wrong.push(`${event._tag} is earlier than what stands before it`)
  }
  return wrong
}

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

const steps = (history: History): Complaints => {
  const wrong: Array<string> = []
  const open = new Map<string, number>()
  const scheduled: Array<string> = []
  for (const event of history) {
    if (event._tag === "StepScheduled") {
      scheduled.push(event.id)
      open.set(event.id, 1)
    } else if (OF_A_STEP.has(event._tag) && "id" in event) {
      wrong.push(...attempt(event, open))
      if (SETTLED.has(event._tag) || isResolution(event)) open.delete(event.id)
    }
  }
  return [...wrong, ...once("step", scheduled)]
}

const isResolution = (event: Event.Event): boolean => event._tag === "StepResolved" && event.resolution._tag === "Complete"

/** Only the current attempt of an open step is heard of. */
const attempt = (event: Event.Event & { readonly id: string }, open: Map<string, number>): Complaints => {
  const current = open.get(event.id)
  if (current === undefined) return [`${event._tag} of ${event.id}, which is not open`]
  if (event._tag === "StepRetryScheduled") {
    open.set(event.id, event.attempt)
    return event.attempt === current + 1 ? [] : [`attempt ${event.attempt} of ${event.id} follows attempt ${current}`]
  }
  if (!("attempt" in event) || event.attempt === current) return []
  return [`${event._tag} of ${event.id} for attempt ${event.attempt}; the current one is ${current}`]
}

const timers = (history: History): Complaints => {
  const wrong: Array<string> = []
  const due = new Map<string, number>()
  const started: Array<string> = []
  for (const event of history) {
    if (event._tag === "RunForked") for (const [id, dueAt] of due) due.set(id, dueAt + event.shiftMillis)
    if (event._tag === "TimerStarted") {
      started.push(event.id)
      due.set(event.id, event.dueAt)
    } else if (event._tag === "TimerFired" || event._tag === "TimerCancelled") {
      const dueAt = due.get(event.id)
      if (dueAt === undefined) wrong.push(`${event._tag} of ${event.id}, which is not open`)
      else if (event._tag === "TimerFired" && event.at < dueAt) wrong.push(`timer ${event.id} fired before it was due`)
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
  "RunCancelRequested"
])
const ANSWERS: ReadonlySet<string> = new Set(["UpdateCompleted", "UpdateFailed"])

const messages = (history: History): Complaints => {
  const idsOf = (tags: ReadonlySet<string>) =>
    history.flatMap((event) => (tags.has(event._tag) && "messageId" in event && event.messageId !== undefined ? [event.messageId] : []))
  const accepted = new Set(idsOf(new Set(["UpdateAccepted"])))
  const answers = idsOf(ANSWERS)
  return [
    ...once("message", idsOf(MESSAGES)),
    ...once("answer to", answers),
    ...answers.filter((id) => !accepted.has(id)).map((id) => `an answer to ${id}, which was not accepted`)
  ]
}
