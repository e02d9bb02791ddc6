/** A new run from any event of an old one: checked by a rehearsal, made by one append. */
import { Clock, Effect } from "effect"
import type { Any } from "../define/Workflow.js"
import * as Decide from "../engine/Decide.js"
import * as Fork from "../engine/Fork.js"
import * as Registry from "../engine/Registry.js"
import {
  type Fault,
  ForkInvalid,
  HistoryDamaged,
  type LogError,
  type NameInvalid,
  PayloadInvalid,
  type PayloadTooLarge,
  RunExists,
  type RunNotFound,
  WorkerMissing,
  type WorkflowUnknown
} from "../model/Errors.js"
import type { Event, Recorded } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import { codec } from "../model/Payload.js"
import * as Run from "../model/Run.js"
import type { Append, Outgoing, RunSummary } from "../ports/Log.js"
import { checkName, checkText, encode } from "./Checks.js"
import * as ForkMail from "./ForkMail.js"
import { result } from "./Results.js"
import { describeWith } from "./Runs.js"
import { Client, type ClientShape } from "./Shape.js"
import type { Handle } from "./Start.js"

export interface ForkOptions {
  /**
   * The seq of the event at which the fork leaves its source. A delivered event (an outcome, a message, a fired timer) is
   * told anew, and the fork goes on by itself from there; the last event of an activation is kept with all before it.
   */
  readonly at: number
  /** Other outputs, payloads or inputs, for events up to `at`; a failure at `at` becomes a completion with this value. */
  readonly replace?: ReadonlyArray<Fork.Replacement>
  /** The version whose code the fork runs. Default: that of its source at this point. */
  readonly version?: string
  /** The fork's id. Default: a fresh one. */
  readonly id?: string
  /** Business key. Default: none, because its source may still have it. */
  readonly key?: string
  /** Who asks for it; recorded. */
  readonly by?: string
}

export type ForkError =
  | RunNotFound
  | ForkInvalid
  | PayloadInvalid
  | PayloadTooLarge
  | NameInvalid
  | RunExists
  | WorkflowUnknown
  | WorkerMissing
  | HistoryDamaged
  | LogError

/**
 * Makes a new run that has the history of an old one up to an event, and goes on by itself from there. Works on open,
 * paused, blocked and closed runs; the source is not touched. A fork that would be blocked at once is refused.
 *
 * @example
 * import { Effect } from "effect"
 * import { Client } from "@reprise/core"
 *
 * const withoutTheRefusal = Effect.gen(function*() {
 *   const history = yield* Client.history("order-17")
 *   const refused = history.findIndex((event) => event._tag === "StepAttemptFailed") + 1
 *   return yield* Client.fork("order-17", { at: refused, replace: [{ seq: refused, value: "paid by hand" }], by: "ada" })
 * })
 */
export const fork = (
  runId: string,
  options: ForkOptions
): Effect.Effect<Handle<unknown, unknown>, ForkError, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const { local } = client
    if (local === undefined) return yield* new WorkerMissing({ operation: "fork" })
    yield* checkOptions(client, options)
    const source = yield* describeWith(client, runId)
    const history = yield* readAround(client, source, options.at)
    const now = yield* Clock.currentTimeMillis
    const plan = yield* planned(client, source, history, options, now)
    const workflow = Registry.forRun(client.registry, source.workflow, plan.state.version)
    if (workflow._tag === "WorkflowUnknown") return yield* workflow
    for (const { seq } of options.replace ?? []) yield* checkDeclared(workflow, plan.copy.find((one) => one.seq === seq)?.event)
    const { state } = plan
    const subject = { runId: state.runId, workflow: state.workflow, version: state.version, generationSeq: 1 }
    const fault = yield* local.rehearse(subject, plan.kept, plan.next)
    if (fault !== undefined) return yield* misfit(source, options, fault)
    const [answer] = yield* client.log.append([appendOf(client, source, plan, options, now)])
    if (answer?._tag === "Exists") {
      const { by, existing } = answer
      const value = by === "id" ? plan.state.runId : options.key ?? ""
      return yield* new RunExists({ by, value, runId: existing.runId, status: existing.status })
    }
    if (answer?._tag !== "Committed") return yield* Effect.dieMessage(`a fork was answered with ${answer?._tag}`)
    return { runId: plan.state.runId, existed: false, result: result(workflow, plan.state.runId) }
  })

const checkOptions = (client: ClientShape, { by, id, key, replace = [] }: ForkOptions) =>
  Effect.gen(function*() {
    if (id !== undefined) yield* checkName(client, "run id", id)
    if (key !== undefined) yield* checkName(client, "key", key)
    if (by !== undefined) yield* checkText(client, "sender", by)
    for (const { seq, value } of replace) yield* encode(client, codec<Json | undefined>(), value, `value for event ${seq}`)
  })

// ---- reading ----

/** The generation that holds `at`, from its beginning to where the activation after `at` begins. */
const readAround = (
  client: ClientShape,
  source: RunSummary,
  at: number
): Effect.Effect<ReadonlyArray<Recorded>, LogError | HistoryDamaged> =>
  Effect.gen(function*() {
    let generation: Array<Recorded> = []
    for (let after = at < source.generationSeq ? 0 : source.generationSeq - 1;;) {
      const page = yield* client.log.read(source.runId, after, client.limits.pageEventCount)
      for (const recorded of page) {
        const passed = recorded.seq > at && Fork.isToldAnew(recorded.event)
        if (recorded.event._tag === "RunStarted" && !passed) generation = []
        generation.push(recorded)
        if (passed) return generation
      }
      after += page.length
      if (page.length < client.limits.pageEventCount) return generation
    }
  })

// ---- planning ----

interface Plan {
  /** Events that are taken over, with the seqs that the source gives them, and the one that is told anew. */
  readonly copy: ReadonlyArray<Recorded>
  readonly kept: ReadonlyArray<Event>
  readonly next: Event | undefined
  /** The fork as its first events make it. */
  readonly state: Run.RunState
  readonly start: Message.Of<"Start">
  readonly outgoing: ReadonlyArray<Outgoing>
}

const planned = (
  client: ClientShape,
  source: RunSummary,
  history: ReadonlyArray<Recorded>,
  options: ForkOptions,
  now: number
): Effect.Effect<Plan, ForkInvalid | HistoryDamaged | WorkflowUnknown> =>
  Effect.gen(function*() {
    const { at, version } = options
    const index = history.findIndex(({ seq }) => seq === at)
    const detail = Fork.obstacle(history, index)
    if (detail !== undefined) {
      return yield* new ForkInvalid({ runId: source.runId, seq: at, detail, ...Fork.nearest(history, at) })
    }
    if (version !== undefined) {
      const chosen = Registry.exact(client.registry, source.workflow, version)
      if (chosen._tag === "WorkflowUnknown") return yield* chosen
    }
    const part = history.slice(0, index + 1)
    const wrong = wrongReplacement(part, options)
    if (wrong !== undefined) return yield* new ForkInvalid({ runId: source.runId, seq: at, detail: wrong })
    return yield* Effect.try({
      try: () => planOf(client, source, part, options, now),
      catch: (error) => new HistoryDamaged({ runId: source.runId, seq: at, detail: String(error) })
    })
  })

/** A failure that is not the last event has consequences in the history, which would not fit a completion. */
const wrongReplacement = (part: ReadonlyArray<Recorded>, { at, replace = [] }: ForkOptions): string | undefined => {
  for (const [i, { seq, value }] of replace.entries()) {
    const event = part.find((one) => one.seq === seq)?.event
    if (event === undefined) return `event ${seq} is not among those that the fork takes over, so it cannot be replaced`
    if (replace.some((other, j) => j < i && other.seq === seq)) return `event ${seq} is replaced twice`
    const replaced = Decide.replaced(event, value)
    if (replaced === undefined) return `event ${seq} (${event._tag}) holds no value that could be replaced`
    if (replaced._tag !== event._tag && seq !== at) {
      return `event ${seq} (${event._tag}) can be replaced only by a fork at it: the program has acted upon it`
    }
  }
  return undefined
}

const planOf = (
  client: ClientShape,
  source: RunSummary,
  part: ReadonlyArray<Recorded>,
  options: ForkOptions,
  now: number
): Plan => {
  const last = part[part.length - 1]!
  const toldAnew = Fork.isToldAnew(last.event)
  const before = toldAnew ? part.slice(0, -1) : part
  const runId = options.id ?? client.newId()
  const at = Math.max(now, last.event.at)
  const shiftMillis = at - last.event.at
  const forked = { runId, at, shiftMillis, newId: client.newId }
  const open = ForkMail.openChildren(before, toldAnew ? last.event : undefined)
  const children = new Map([...open].flatMap(([id, child]) => (child.anew ? [[id, client.newId()]] : [])))
  const receivers = new Map([...open].flatMap(([id, child]) => children.has(id) ? [[child.runId, children.get(id)!]] : []))
  const copy = Fork.copyOf(part, {
    version: options.version,
    key: options.key,
    values: new Map((options.replace ?? []).map((replacement) => [replacement.seq, replacement])),
    children,
    receivers,
    newToken: () => ForkMail.newToken(forked)
  })
  const next = toldAnew ? copy[copy.length - 1]!.event : undefined
  const kept = copy.flatMap(({ event }) => (event === next ? [] : [event]))
  const replaced = (options.replace ?? []).map(({ seq }) => seq).toSorted((a, b) => a - b)
  const link = Decide.forked({ runId: source.runId, seq: options.at }, replaced, options.by, shiftMillis, at)
  const events = kept.length === 0 ? [] : [...kept, link]
  const state = Run.pending(runId, source.workflow, next?._tag === "RunStarted" ? next.version : source.version)
  for (const event of events) Run.evolve(state, event)
  return {
    copy,
    kept: events,
    next: next === undefined ? undefined : { ...next, at },
    state,
    start: startOf(copy[0]?.event),
    outgoing: ForkMail.mailOf(forked, kept, next, open)
  }
}

// ---- checking ----

/** A message that the workflow declares is judged even if its program does not read it at once. */
const checkDeclared = (workflow: Any, event: Event | undefined): Effect.Effect<void, PayloadInvalid> => {
  if (event?._tag !== "SignalReceived" && event?._tag !== "UpdateAccepted") return Effect.void
  for (const message of workflow.messages) {
    if (message.name !== event.name) continue
    if (message._tag === "Signal" && event._tag === "SignalReceived") {
      return Effect.asVoid(message.payload.decode(event.payload, `payload of signal "${event.name}"`))
    }
    if (message._tag === "Update" && event._tag === "UpdateAccepted") {
      return Effect.asVoid(message.input.decode(event.input, `input of update "${event.name}"`))
    }
  }
  return Effect.void
}

const misfit = (source: RunSummary, options: ForkOptions, fault: Fault): ForkError => {
  const { at, replace = [] } = options
  if (fault._tag === "WorkflowUnknown" || fault._tag === "HistoryDamaged") return fault
  if (fault._tag === "ProgramValueInvalid" && replace.length > 0) {
    return new PayloadInvalid({ what: fault.what, path: "", detail: fault.detail })
  }
  const detail = `it would be blocked at once:\n  ${fault.message.replaceAll("\n", "\n  ")}`
  return new ForkInvalid({ runId: source.runId, seq: at, detail, fault })
}

// ---- writing ----

const appendOf = (
  client: ClientShape,
  source: RunSummary,
  { kept, outgoing, start, state }: Plan,
  { at, key }: ForkOptions,
  now: number
): Append => ({
  runId: state.runId,
  epoch: client.log.epoch,
  expectedSeq: 0,
  events: kept,
  delivered: [],
  row: kept.length === 0 ? undefined : Run.row(state, new Map()),
  start: {
    runId: state.runId,
    workflow: source.workflow,
    version: state.version,
    key,
    createdAt: now,
    startAt: undefined,
    parent: undefined,
    forkedFrom: { runId: source.runId, seq: at },
    message: start
  },
  outgoing
})

/** What begins the fork anew, when it takes nothing over; otherwise what its first event was made of. */
const startOf = (first: Event | undefined): Message.Of<"Start"> => {
  if (first?._tag !== "RunStarted") throw new Error(`a generation begins with ${first?._tag}`)
  const { at, carried, input, messageId, seed, timeoutAt } = first
  return {
    _tag: "Start",
    messageId,
    seed,
    ...(input === undefined ? {} : { input }),
    ...(timeoutAt === undefined ? {} : { timeoutMillis: timeoutAt - at }),
    ...(carried === undefined ? {} : { carried })
  }
}
