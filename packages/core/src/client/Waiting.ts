/** What a run waits for: fiber by fiber when it was replayed, otherwise by what its history left open. Pure. */
import { fiberOf, updatePath } from "../engine/FiberPath.js"
import type { Inspection } from "../engine/Inspection.js"
import type { FiberWait } from "../engine/Waits.js"
import type { OpenStep, Status } from "../model/Run.js"
import type { RunNotes } from "../ports/Log.js"
import type { Wait, WaitsFor } from "./WhyReport.js"

export interface Known {
  readonly runId: string
  readonly at: number
  readonly inspection: Inspection
  readonly notes: RunNotes
  /** The status of awaited runs, by run id. */
  readonly awaited: ReadonlyMap<string, Status>
}

/** What a fiber waits for, without the fiber. */
type Bare = Pick<Wait, "for" | "since" | "until" | "wakes">

export const of = (known: Known): ReadonlyArray<Wait> => {
  const { fibers } = known.inspection
  return fibers.length > 0 ? fibers.map((fiber) => ofFiber(known, fiber)) : ofHistory(known)
}

/** The runs whose end a fiber awaits; without a replay, all whose end might be awaited. */
export const awaitedRuns = ({ fibers, state }: Inspection): ReadonlyArray<string> => {
  const asked = new Set(fibers.flatMap((fiber) => fiber.asked?.id ?? []))
  const children = [...state.children.values()].filter(({ id }) => fibers.length === 0 || asked.has(id))
  return [...new Set(children.map((child) => child.runId))]
}

// ---- fiber by fiber ----

const ofFiber = (known: Known, fiber: FiberWait): Wait => {
  const update = updateOf(known, fiber.path)
  return {
    path: fiber.path,
    ...(update === undefined ? {} : { update }),
    spans: fiber.spans,
    ...(fiber.source === undefined ? {} : { source: fiber.source }),
    ...bareOf(known, fiber)
  }
}

const updateOf = ({ inspection: { state } }: Known, path: string): string | undefined => {
  const root = path.split(".")[0]
  for (const [messageId, name] of state.updates) if (updatePath(messageId) === root) return name
  return undefined
}

const bareOf = (known: Known, { asked, fibers }: FiberWait): Bare => {
  if (asked === undefined) {
    const wakes = fibers.length === 0
      ? "another fiber: by a Deferred, Queue, Semaphore or the like"
      : `fiber ${fibers.join(", ")}`
    return { for: { _tag: "Fibers", paths: fibers }, wakes }
  }
  const { since } = asked
  if (asked.endless) return { for: { _tag: "Forever" }, since, wakes: "nothing but an interruption" }
  if (asked.tag === "ReceiveSignal") return ofSignal(known, asked.name ?? "", since)
  if (asked.tag === "AwaitChange") {
    return { for: { _tag: "Condition" }, since, wakes: "any event after which its condition holds" }
  }
  const open = asked.id === undefined ? undefined : ofOpen(known, asked.id)
  // Whoever awaits an awakeable or a child may have begun long after that was made.
  if (open !== undefined) return asked.tag === "AwaitAwakeable" || asked.tag === "AwaitChild" ? { ...open, since } : open
  return { for: { _tag: "Fibers", paths: [] }, since, wakes: "the engine's answer" }
}

const ofSignal = ({ runId }: Known, name: string, since: number): Bare => ({
  for: { _tag: "Signal", name },
  since,
  wakes: `Client.signal(${JSON.stringify(runId)}, ${name}, …)`
})

// ---- by what is open ----

const ofHistory = (known: Known): ReadonlyArray<Wait> => {
  const { state } = known.inspection
  const ids = [state.steps, state.timers, state.awakeables, state.children, state.sent].flatMap((open) => [...open.keys()])
  const waits = ids.flatMap((id): ReadonlyArray<Wait> => {
    const open = ofOpen(known, id)
    return open === undefined ? [] : [{ path: fiberOf(id), spans: [], ...open }]
  })
  const updates = [...state.updates].map(([messageId, name]): Wait => ({
    path: updatePath(messageId),
    update: name,
    spans: [],
    for: { _tag: "Update", messageId, name },
    wakes: "its handler"
  }))
  return [...waits, ...updates]
}

const ofOpen = (known: Known, id: string): Bare | undefined => {
  const { opened, state } = known.inspection
  const since = opened.get(id)?.at
  const begun = since === undefined ? {} : { since }
  const step = state.steps.get(id)
  if (step !== undefined) return step.sensor && !step.cancelling ? ofSensor(known, step) : ofStep(known, step)
  const dueAt = state.timers.get(id)
  if (dueAt !== undefined) return { for: { _tag: "Timer", id }, ...begun, until: dueAt, wakes: "the timer" }
  const token = state.awakeables.get(id)
  const event = opened.get(id)
  if (token !== undefined) {
    const name = event?._tag === "AwakeableCreated" ? event.name : ""
    return { for: { _tag: "Awakeable", id, name, token }, ...begun, wakes: `Client.resolveAwakeable("${token}", …)` }
  }
  const child = state.children.get(id)
  if (child !== undefined) {
    const { runId, workflow } = child
    const status = known.awaited.get(runId)
    const target: WaitsFor = { _tag: "Run", id, runId, workflow, ...(status === undefined ? {} : { status }) }
    return { for: target, ...begun, wakes: child.phase === "scheduled" ? "the start of that run" : "the end of that run" }
  }
  const sent = state.sent.get(id)
  if (sent === undefined) return undefined
  return { for: { _tag: "Delivery", id, runId: sent.runId, name: sent.name }, ...begun, wakes: "the store's answer" }
}

const ofSensor = ({ at, notes }: Known, { deadlineAt, id, name, scheduledAt }: OpenStep): Bare => {
  const poll = notes.polls.get(id)
  const until = Math.max(at, Math.min(poll?.nextAt ?? at, deadlineAt ?? Infinity))
  const deadline = deadlineAt === undefined ? {} : { deadlineAt }
  const wakes = "a poll that finds it true"
  return { for: { _tag: "Sensor", id, name, pollCount: poll?.count ?? 0, ...deadline }, since: scheduledAt, until, wakes }
}

const ofStep = (known: Known, step: OpenStep): Bare => {
  const { attempt, deadlineAt, id, name } = step
  const phase = phaseOf(known, step)
  const deadline = deadlineAt === undefined ? {} : { deadlineAt }
  const since = step.attempt > 1 && phase !== "waiting" ? step.dueAt : step.scheduledAt
  const until = phase === "waiting" ? Math.min(step.dueAt, deadlineAt ?? Infinity) : deadlineAt
  return {
    for: { _tag: "Step", id, name, attempt, phase, ...deadline },
    since,
    ...(until === undefined ? {} : { until }),
    wakes: wakesStep(known, id, phase)
  }
}

type Phase = Extract<WaitsFor, { readonly _tag: "Step" }>["phase"]

const phaseOf = ({ inspection: { attempts } }: Known, { cancelling, id, phase }: OpenStep): Phase => {
  if (cancelling) return "cancelling"
  return phase === "waiting" || phase === "deciding" || phase === "asking" ? phase : attempts.get(id) ?? "idle"
}

const wakesStep = ({ runId }: Known, id: string, phase: Phase): string => {
  switch (phase) {
    case "running":
      return "the end of the attempt"
    case "queued":
      return "a free slot (Limits.attemptsMax)"
    case "idle":
      return "a worker that runs the attempt"
    case "waiting":
      return "the next attempt, when it is due"
    case "deciding":
      return "the program, which says what follows"
    case "asking":
      return `Client.resolveStep(${JSON.stringify(runId)}, "${id}", …)`
    case "cancelling":
      return "the end of the body's cleanup"
  }
}
