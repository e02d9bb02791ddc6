/** Why a run does not go on: which fibers wait for what, since when, and what would wake them. Changes nothing. */
import { Clock, Effect } from "effect"
import { collect, type Inspection, type Opened } from "../engine/Inspection.js"
import { HistoryDamaged, type LogError, type RunNotFound } from "../model/Errors.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import * as Run from "../model/Run.js"
import type { RunNotes, RunSummary } from "../ports/Log.js"
import { describeWith } from "./Runs.js"
import { Client, type ClientShape } from "./Shape.js"
import * as Waiting from "./Waiting.js"
import type { Mail, WhyReport } from "./WhyReport.js"

/**
 * Says what a run waits for: each fiber with its spans, its source line, since when, until when, and what would wake it. The
 * run is replayed on a program that is thrown away; the live one is not touched. `Client.whyText` makes a text of the answer.
 *
 * @example
 * import { Console, Effect } from "effect"
 * import { Client } from "@reprise/core"
 *
 * const explain = Effect.flatMap(Client.why("order-17"), (report) => Console.log(Client.whyText(report)))
 */
export const why = (runId: string): Effect.Effect<WhyReport, RunNotFound | LogError, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const summary = yield* describeWith(client, runId)
    const at = yield* Clock.currentTimeMillis
    const common = commonOf(client, summary, at)
    if (Run.isClosed(summary.status)) return common
    const inspected = yield* Effect.either(inspect(client, summary))
    const { messages, notes } = yield* Effect.catchTag(client.log.inbox(runId), "HistoryDamaged", () => Effect.succeed(NO_MAIL))
    if (inspected._tag === "Left") {
      if (inspected.left._tag === "LogError") return yield* inspected.left
      return { ...common, blocked: blockedOf(inspected.left), inbox: mailOf(messages, common, []) }
    }
    const inspection = inspected.right
    const { fault, fibers, inMemory, state, updates } = inspection
    const awaited = yield* statusesOf(client, state)
    const waits = Waiting.of({ inspection, notes, awaited, at, runId })
    const report: WhyReport = {
      ...common,
      ...(fault === undefined ? {} : { blocked: blockedOf(fault) }),
      ...(state.paused === undefined ? {} : { paused: askedOf(state.paused) }),
      ...(state.cancel === undefined ? {} : { cancelling: askedOf(state.cancel) }),
      ...(state.timeoutAt === undefined ? {} : { timeoutAt: state.timeoutAt }),
      place: inMemory ? "memory" : "parked",
      waits: waits.slice(0, WAITS_MAX),
      ...(waits.length > WAITS_MAX ? { waitsOmitted: waits.length - WAITS_MAX } : {}),
      cycles: yield* cyclesOf(client, runId, Waiting.awaitedRuns(inspection))
    }
    return { ...report, inbox: mailOf(messages, report, fibers.length === 0 ? undefined : updates) }
  })

/** Fibers that are told one by one: nobody reads ten thousand. */
const WAITS_MAX = 1_000

const NO_MAIL: { readonly messages: ReadonlyArray<Message.Message>; readonly notes: RunNotes } = {
  messages: [],
  notes: { progress: new Map(), polls: new Map(), refused: new Map() }
}

const commonOf = (client: ClientShape, summary: RunSummary, at: number): WhyReport => {
  const { blocked, closedAt, key, runId, startAt, status, version, workflow } = summary
  return {
    runId,
    workflow,
    version,
    ...(key === undefined ? {} : { key }),
    status,
    at,
    ...(closedAt === undefined ? {} : { closedAt }),
    ...(status === "pending" && startAt !== undefined ? { startsAt: startAt } : {}),
    ...(blocked === undefined ? {} : { blocked: noted(blocked) }),
    waits: [],
    inbox: [],
    place: "parked",
    owner: client.local === undefined ? "unknown" : "this process",
    cycles: []
  }
}

const blockedOf = (fault: { readonly _tag: string; readonly message: string; readonly hint: string }) => ({
  fault: fault._tag,
  message: fault.message,
  hint: fault.hint
})

/** The reason as the worker noted it. */
const noted = (reason: Json) => {
  const fields = typeof reason === "object" && reason !== null ? Object.entries(reason) : []
  const text = (name: string): string => String(fields.find(([key]) => key === name)?.[1] ?? "")
  return { fault: text("_tag"), message: text("message"), hint: text("hint") }
}

const askedOf = ({ at, by, reason }: { readonly at: number; readonly by?: string | undefined; readonly reason?: string | undefined }) => ({
  since: at,
  ...(by === undefined ? {} : { by }),
  ...(reason === undefined ? {} : { reason })
})

// ---- reading ----

/** By the worker of this process, or else from the history alone. */
const inspect = (client: ClientShape, summary: RunSummary): Effect.Effect<Inspection, LogError | HistoryDamaged> =>
  client.local === undefined ? folded(client, summary) : client.local.inspect(summary)

const folded = (client: ClientShape, summary: RunSummary): Effect.Effect<Inspection, LogError | HistoryDamaged> =>
  Effect.gen(function*() {
    const { generationSeq, runId, version, workflow } = summary
    const state = Run.pending(runId, workflow, version, generationSeq)
    const opened: Opened = new Map()
    for (let after = generationSeq - 1;;) {
      const page = yield* client.log.read(runId, after, client.limits.pageEventCount)
      yield* Effect.try({
        try: () => page.forEach(({ event }) => Run.evolve(state, event)),
        catch: (error) => new HistoryDamaged({ runId, seq: state.seq, detail: String(error) })
      })
      collect(opened, page)
      after += page.length
      if (page.length < client.limits.pageEventCount) break
    }
    return { state, opened, fibers: [], updates: [], fault: undefined, inMemory: false, attempts: new Map() }
  })

const statusesOf = (client: ClientShape, state: Run.RunState): Effect.Effect<ReadonlyMap<string, Run.Status>, LogError> => {
  const runIds = [...new Set([...state.children.values()].map((child) => child.runId))].slice(0, AWAITED_MAX)
  if (runIds.length === 0) return Effect.succeed(new Map())
  return Effect.map(client.log.find({ runIds, limit: runIds.length }), (found) =>
    new Map(found.map(({ runId, status }) => [runId, status])))
}

/** Awaited runs whose status is told, and runs that are followed in search of a cycle. */
const AWAITED_MAX = 100

// ---- runs that wait for each other ----

/** Follows the runs that are awaited, and theirs, back to the first. */
const cyclesOf = (
  client: ClientShape,
  runId: string,
  awaited: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<ReadonlyArray<string>>, LogError> =>
  Effect.gen(function*() {
    const cycles: Array<ReadonlyArray<string>> = []
    const seen = new Set<string>()
    const paths = awaited.map((next) => [runId, next])
    for (let path = paths.shift(); path !== undefined && seen.size < AWAITED_MAX; path = paths.shift()) {
      const last = path[path.length - 1]!
      if (last === runId) {
        cycles.push(path.slice(0, -1))
        continue
      }
      if (seen.has(last)) continue
      seen.add(last)
      for (const next of yield* awaitedBy(client, last)) paths.push([...path, next])
    }
    return cycles
  })

const awaitedBy = (client: ClientShape, runId: string): Effect.Effect<ReadonlyArray<string>, LogError> =>
  Effect.gen(function*() {
    const [summary] = yield* client.log.find({ runIds: [runId], limit: 1 })
    if (summary === undefined || Run.isClosed(summary.status)) return []
    // Most runs await none, which their histories say at less cost than a replay.
    const awaiting = Effect.flatMap(folded(client, summary), (found) =>
      found.state.children.size === 0 ? Effect.succeed(found) : inspect(client, summary))
    const inspected = yield* Effect.either(awaiting)
    if (inspected._tag === "Right") return Waiting.awaitedRuns(inspected.right)
    return inspected.left._tag === "LogError" ? yield* inspected.left : []
  })

// ---- the inbox ----

/** `updates` are those that are handled now, as far as that is known. */
const mailOf = (
  messages: ReadonlyArray<Message.Message>,
  report: WhyReport,
  updates: ReadonlyArray<string> | undefined
): ReadonlyArray<Mail> => {
  const kinds = new Map<string, Mail>()
  for (const message of messages) {
    const name = message._tag === "Signal" || message._tag === "Update" ? message.name : undefined
    const key = `${message._tag} ${name ?? ""}`
    const note = noteOf(message, report, updates)
    kinds.set(key, {
      kind: message._tag,
      ...(name === undefined ? {} : { name }),
      count: (kinds.get(key)?.count ?? 0) + 1,
      ...(note === undefined ? {} : { note })
    })
  }
  return [...kinds.values()]
}

const noteOf = (
  message: Message.Message,
  report: WhyReport,
  updates: ReadonlyArray<string> | undefined
): string | undefined => {
  if (report.blocked !== undefined) {
    return message._tag === "Cancel" ? "needs the mended code for its cleanup; Client.terminate does not" : "waits for the mended code"
  }
  if (report.startsAt !== undefined && report.startsAt > report.at) return "waits for the run to begin"
  if (report.paused !== undefined) return "waits for Client.resume"
  if (message._tag !== "Update" || updates === undefined || updates.includes(message.name)) return undefined
  return "the run has no handler for it now"
}
