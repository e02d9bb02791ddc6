/** Forks finished runs wherever they can be forked: each fork must do what its source did from there on (P7). */
import { Effect, Exit } from "effect"
import { Client } from "@reprise/core"
import { Event } from "@reprise/core/engine"
import { World } from "@reprise/testing"
import * as Durable from "./Durable.js"
import { CYCLE, moments, START, type Story, until } from "./Program.js"
import { playOut, RUN_ID, send, sendAll, statusOf } from "./Scenario.js"

type Complaints = ReadonlyArray<string>

/** Forks of one story; of a long one, some are chosen by chance. */
const FORKS_MAX = 12

export const goOnAlike = (story: Story, pick: (max: number) => number): Effect.Effect<Complaints> =>
  Effect.scoped(Effect.gen(function*() {
    const { workflow } = Durable.make(story.program)
    const world = yield* World.make({ workflows: [workflow], startAt: START })
    yield* Effect.orDie(world.start(workflow, undefined, { id: RUN_ID }))
    yield* sendAll(world, story, moments(story))
    yield* playOut(world)
    const history = yield* world.history(RUN_ID)
    const { blocked } = yield* Effect.orDie(world.run(Client.describe(RUN_ID)))
    const all = Array.from({ length: history.length + 2 }, (_, at) => at)
    const some = all.length <= FORKS_MAX ? all : Array.from({ length: FORKS_MAX }, () => pick(all.length - 1))
    const complaints: Array<string> = []
    for (const [nth, at] of some.entries()) {
      if (hasOpenSensor(history.slice(0, at))) continue
      const source: Source = { history, status: statusOf(history, blocked) }
      for (const what of yield* forkAt(world, story, source, at, `fork-${nth}`)) complaints.push(`at ${at}: ${what}`)
    }
    return complaints
  }))

interface Source {
  readonly history: ReadonlyArray<Event.Event>
  readonly status: string
}

/** Polls are counted anew in a fork, so a sensor may be satisfied later there. */
const hasOpenSensor = (history: ReadonlyArray<Event.Event>): boolean =>
  history.some((event) =>
    event._tag === "StepScheduled" && event.kind === "sensor" &&
    !history.some(({ _tag, ...other }) => _tag === "StepCompleted" && "id" in other && other.id === event.id))

/** Said again, without the engine's words: before what is delivered, or where the next thing that happens is. */
const isPoint = (history: ReadonlyArray<Event.Event>, at: number): boolean => {
  const event = history[at - 1]
  if (event === undefined || Event.isClosing(event)) return false
  if (Event.sortOf(event) === "delivered") return true
  for (const later of history.slice(at)) if (Event.sortOf(later) !== "bookkeeping") return Event.sortOf(later) === "delivered"
  return true
}

const forkAt = (world: World.World, story: Story, source: Source, at: number, runId: string): Effect.Effect<Complaints> =>
  Effect.gen(function*() {
    const event = source.history[at - 1]
    // The same instant of a cycle, so that bodies that begin again end when they would have ended.
    const base = event?.at ?? 0
    yield* world.advance(until(yield* world.now, base % CYCLE))
    const shift = (yield* world.now) - base
    const made = yield* Effect.exit(world.run(Client.fork(RUN_ID, { at, id: runId })))
    if (Exit.isFailure(made)) return refusedRightly(source, at, String(made.cause))
    if (!isPoint(source.history, at)) return ["it was forked where it cannot be"]
    yield* world.idle
    const known = new Set(source.history.slice(0, at).flatMap((one) => ("messageId" in one ? [one.messageId] : [])))
    for (const { at: moment, message, number } of moments(story)) {
      if (known.has(`m${number}`) || (moment <= base && message.kind !== "update")) continue
      yield* world.advance(Math.max(0, moment + shift - (yield* world.now)))
      yield* send(world, story, message, number, runId)
      yield* world.idle
    }
    yield* playOut(world)
    const { blocked } = yield* Effect.orDie(world.run(Client.describe(runId)))
    const history = yield* world.history(runId)
    const status = statusOf(history, blocked)
    if (status !== source.status) return [`the fork is ${status}, its source ${source.status}`]
    const told = Event.sortOf(event!) === "delivered" ? source.history.slice(at - 1) : source.history.slice(at)
    const own = at === 1 ? history : history.slice(history.findIndex(({ _tag }) => _tag === "RunForked") + 1)
    const [expected, actual] = [timeless(told), timeless(own)]
    const differs = [...expected, ...actual].find((one) => count(expected, one) !== count(actual, one))
    return differs === undefined ? [] : [`${differs}: ${count(actual, differs)} instead of ${count(expected, differs)}`]
  })

const count = (all: ReadonlyArray<string>, one: string): number => all.filter((other) => other === one).length

/** In one instant, what is cancelled may end in any order, or not before the run. */
const timeless = (events: ReadonlyArray<Event.Event>): ReadonlyArray<string> =>
  events
    .filter((event) => Event.sortOf(event) !== "bookkeeping")
    .filter(({ _tag, at }) => _tag !== "StepCancelled" || at !== events.at(-1)?.at)
    .map(shown)

const refusedRightly = ({ history, status }: Source, at: number, why: string): Complaints =>
  !isPoint(history, at) || (status === "blocked" && why.includes("would be blocked")) ? [] : [`it was refused: ${why}`]

/** What happens at another time is the same; what is drawn outside is not. */
const shown = (event: Event.Event): string =>
  JSON.stringify(event, (key, value: unknown) =>
    ["at", "dueAt", "deadlineAt", "token", "value", "chance", "notes", "stack", "messageId"].includes(key) ? undefined : value)
