/** Plays a story in a world: a worker, its store, and time that moves from one instant to the next. */
import { Effect } from "effect"
import { Client } from "@reprise/core"
import type { Event, Message as Sent } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import * as Durable from "./Durable.js"
import { type Message, moments, nodesOf, START, type Story } from "./Program.js"

export interface Faults {
  readonly crashes: ReadonlyArray<World.CrashPoint>
  readonly alwaysReplay: boolean
  /** No worker runs for some milliseconds after this many moments of the script: much is due at once thereafter. */
  readonly outage?: { readonly after: number; readonly millis: number }
}
export const NO_FAULTS: Faults = { crashes: [], alwaysReplay: false }

export interface Observed {
  readonly status: string
  readonly blocked: unknown
  readonly notes: ReadonlyArray<string>
  readonly calls: ReadonlyArray<string>
  /** Bodies that ran though their completion was committed, and attempts that one process began twice. */
  readonly repeated: ReadonlyArray<World.StepCall>
  readonly history: ReadonlyArray<Event.Event>
  readonly appendCount: number
  /** The seed of chance and whatever else makes this run itself. */
  readonly played: Durable.Played
}

export const RUN_ID = "run"

/** No story has so many stops; one that goes round in circles has. */
const STOPS_MAX = 2_000

export const observe = (story: Story, faults: Faults): Effect.Effect<Observed> =>
  Effect.gen(function*() {
    const { alwaysReplay, crashes, outage } = faults
    const played = Durable.make(story.program)
    const options = { workflows: [played.workflow], alwaysReplay, store: MemoryLog.makeStore() }
    const all = moments(story)
    const before = outage === undefined ? [] : all.slice(0, outage.after)
    let now = START
    if (outage !== undefined) {
      now = outage.millis + (yield* Effect.scoped(Effect.gen(function*() {
        const world = yield* World.make({ ...options, startAt: START })
        yield* watch(world, played)
        yield* Effect.orDie(world.start(played.workflow, undefined, { id: RUN_ID }))
        yield* sendAll(world, story, before)
        return yield* world.now
      })))
    }
    return yield* Effect.scoped(Effect.gen(function*() {
      const world = yield* World.make({ ...options, startAt: now })
      yield* watch(world, played)
      for (const crash of crashes) yield* world.crashAt(crash)
      if (outage === undefined) yield* Effect.orDie(world.start(played.workflow, undefined, { id: RUN_ID }))
      else yield* world.idle
      yield* sendAll(world, story, all.slice(before.length))
      const observed = yield* toEnd(world, played)
      // After an outage the worker has begun before anyone could follow the store.
      if (outage !== undefined) played.premature.length = 0
      return observed
    }))
  })

/** Follows what the store has taken. */
const watch = (world: World.World, { scheduled }: Durable.Played) =>
  world.run(Effect.flatMap(Client.Client, ({ log }) =>
    log.watch((change) => {
      if (change._tag !== "Appended") return
      for (const event of change.events) if (event._tag === "StepScheduled") scheduled.add(event.id)
    })))

export const sendAll = (world: World.World, story: Story, all: ReturnType<typeof moments>): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (const { at, message, number } of all) {
      yield* world.advance(Math.max(0, at - (yield* world.now)))
      yield* send(world, story, message, number)
      yield* world.idle
    }
  })

/** Lets time pass for as long as something is due. */
export const playOut = (world: World.World): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let stop = 0; yield* world.skip; stop++) {
      if (stop > STOPS_MAX) return yield* Effect.dieMessage("the story does not come to an end")
    }
  })

/** Lets a run go on for as long as something of it is due. */
const toEnd = (world: World.World, played: Durable.Played): Effect.Effect<Observed> =>
  Effect.gen(function*() {
    yield* playOut(world)
    const { blocked } = yield* Effect.orDie(world.run(Client.describe(RUN_ID)))
    const history = yield* world.history(RUN_ID)
    const calls = yield* world.calls
    return {
      status: statusOf(history, blocked),
      blocked,
      notes: played.trace().notes,
      calls: calls.map(({ attempt, poll, step }) => `${step} ${attempt} ${poll}`),
      repeated: calls.filter((call, i) => call.isRepeated || calls.slice(0, i).some(isSame(call))),
      history,
      appendCount: yield* world.appendCount,
      played
    }
  })

const isSame = (a: World.StepCall) => (b: World.StepCall): boolean =>
  a.process === b.process && a.stepId === b.stepId && a.attempt === b.attempt && a.poll === b.poll

/** Puts a message into the run's inbox, as a client does that has checked it. A closed run takes none. */
export const send = (world: World.World, story: Story, message: Message, number: number, runId = RUN_ID): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (message.kind === "query") return yield* Effect.ignore(world.run(Client.query(runId, Durable.query, undefined)))
    const sent = messageOf(story, message, number, yield* world.history(runId))
    if (sent === undefined) return
    yield* world.run(Effect.flatMap(Client.Client, ({ log }) => Effect.ignore(log.send(runId, sent))))
  })

export const messageOf = (
  { program }: Story,
  { kind, target }: Message,
  number: number,
  history: ReadonlyArray<Event.Event>
): Sent.Message | undefined => {
  const messageId = `m${number}`
  switch (kind) {
    case "signal":
      return { _tag: "Signal", messageId, name: `s${target}`, payload: messageId }
    case "update":
      return { _tag: "Update", messageId, name: Durable.update.name, input: number }
    case "cancel":
      return { _tag: "Cancel", messageId }
    case "terminate":
      return { _tag: "Terminate", messageId }
    case "pause":
      return { _tag: "Pause", messageId }
    case "resume":
      return { _tag: "Resume", messageId }
    case "query":
      return undefined
    case "settle":
    case "reject": {
      const awakeables = nodesOf(program).filter((node) => node.kind === "awakeable")
      const name = Durable.awakeableName(awakeables[target]?.id ?? 0)
      const created = history.find((event) => event._tag === "AwakeableCreated" && event.name === name)
      if (created?._tag !== "AwakeableCreated") return undefined
      const settlement = kind === "settle"
        ? { _tag: "Resolved" as const, value: messageId }
        : { _tag: "Rejected" as const, error: messageId }
      return { _tag: "SettleAwakeable", messageId, id: created.id, settlement }
    }
  }
}

/** In the oracle's words. */
export const statusOf = (history: ReadonlyArray<Event.Event>, blocked: unknown): string => {
  if (blocked !== undefined) return "blocked"
  const last = history.at(-1)
  switch (last?._tag) {
    case "RunCompleted":
      return `completed ${String((last.output as { readonly value: string }).value)}`
    case "RunFailed":
      return last.failure._tag === "Error" ? `failed ${String(last.failure.error)}` : `failed ${last.failure._tag.toLowerCase()}`
    case "RunCancelled":
      return "cancelled"
    case "RunTerminated":
      return "terminated"
    default:
      return "running"
  }
}
