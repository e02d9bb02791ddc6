import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import type { Event, Log, RunLogs } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { MemoryLog } from "@reprise/testing"
import { Effect, Exit, Fiber, type Layer, Scope } from "effect"
import fc from "fast-check"
import * as Events from "./events.js"
import * as HandClock from "./HandClock.js"
import * as Process from "./process.js"

/** What happens while two readers follow: one a run, the other all runs of a workflow. */
type Act =
  | { readonly do: "append"; readonly run: number; readonly chars: ReadonlyArray<number> }
  /** The connection of a reader breaks after so many more bytes. */
  | { readonly do: "cut"; readonly reader: number; readonly bytes: number }
  /** The server stops, with or without a word, and another goes on with the store. */
  | { readonly do: "stop" | "kill" }
  | { readonly do: "pass"; readonly millis: number }

// Some events are larger than a chunk.
const chars = fc.array(fc.oneof({ weight: 19, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(100_000) }), {
  minLength: 1,
  maxLength: 30
})
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("append" as const), run: fc.nat(2), chars }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("cut" as const), reader: fc.nat(1), bytes: fc.oneof(fc.nat(300), fc.nat(50_000)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("stop" as const, "kill" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), millis: fc.constantFrom(1, 19, 21, 16_000) }) }
)
const acts = fc.array(act, { maxLength: 25 })

const RUNS = ["a", "b", "c"] as const
const workflowOf = (runId: string) => (runId === "c" ? "other" : "checkout")

type Store = Layer.Layer<Log.Log | RunLogs.RunLogs, unknown>

/** The server, of which one runs at a time. */
interface World {
  process: Process.Process
  scope: Scope.CloseableScope
  readonly time: HandClock.HandClock
  readonly counts: Map<string, number>
}

interface Reading {
  readonly ask: (process: Process.Process, lastId: string | undefined) => ReturnType<Process.Process["ask"]>
  readonly messages: Array<Events.Message>
  lastId: string | undefined
  /** Bytes until the connection breaks. */
  budget: number
  connections: number
}

const readingOf = (ask: Reading["ask"]): Reading => ({ ask, messages: [], lastId: undefined, budget: Infinity, connections: 0 })

/** Follows until there is nothing left to be told; asks again whenever the stream breaks. */
const follow = (world: World, reading: Reading) =>
  Effect.gen(function*() {
    for (;;) {
      const { process } = world
      const reply = yield* Effect.either(reading.ask(process, reading.lastId))
      if (reply._tag === "Right" && reply.right.status === 204) return
      if (reply._tag === "Right") yield* connected(reading, Process.bodyOf(reply.right))
      // Nobody but a server that is being stopped refuses.
      else if (!["ServerStopping", "LogError"].includes(reply.left._tag)) return yield* Effect.die(reply.left)
      else yield* Effect.repeat(HandClock.turn, { until: () => world.process !== process })
    }
  })

const connected = (reading: Reading, body: ReadableStream<Uint8Array>) =>
  Effect.promise(async () => {
    reading.connections += 1
    const events = Events.reader(reading.lastId, reading.messages)
    const reader = body.getReader()
    for (;;) {
      const next = await reader.read().catch(() => undefined)
      const bytes = next?.value?.subarray(0, reading.budget)
      if (bytes !== undefined) events.take(bytes)
      reading.lastId = events.lastId
      reading.budget -= bytes?.length ?? 0
      if (reading.budget <= 0) await reader.cancel()
      if (reading.budget <= 0 || next === undefined || next.done) break
    }
    if (reading.budget <= 0) reading.budget = Infinity
  })

const begin = (store: Store) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    return { scope, process: yield* Effect.orDie(Scope.extend(Process.open(store), scope)) }
  })

const end = (world: World, isTold: boolean) =>
  Effect.gen(function*() {
    const { all, open, runs } = world.process.streams
    // A process that is killed says nothing: its readers see the connection break.
    if (!isTold) for (const follower of [...open]) follower.drop("the process was killed")
    yield* Scope.close(world.scope, Exit.void)
    expect([open.size, all.size, runs.size]).toEqual([0, 0, 0])
  })

const perform = (world: World, store: Store, readings: ReadonlyArray<Reading>, act: Act) =>
  Effect.gen(function*() {
    if (act.do === "append") {
      const runId = RUNS[act.run]!
      const count = world.counts.get(runId) ?? 0
      yield* Process.steps(world.process.log, runId, count, act.chars.map((length) => "ü".repeat(length)))
      world.counts.set(runId, count + act.chars.length)
    }
    if (act.do === "cut") readings[act.reader]!.budget = act.bytes + 1
    if (act.do === "pass") yield* world.time.pass(act.millis)
    if (act.do === "stop" || act.do === "kill") {
      yield* end(world, act.do === "stop")
      Object.assign(world, yield* begin(store))
    }
    yield* HandClock.turn
  })

/** All that the store has, as the two readers are to be told it. */
const expected = (log: Log.LogShape) =>
  Effect.gen(function*() {
    const { events } = yield* log.feed(0, 100_000, {})
    const one = events.filter(({ runId }) => runId === "a").map(({ event, runId, seq }) => ({ runId, seq, at: atOf(event), event }))
    const many = events.filter(({ runId }) => workflowOf(runId) === "checkout")
    return { one, many: many.map(({ event, position, runId, seq }) => ({ runId, seq, position, at: atOf(event), event })) }
  })

const atOf = ({ at }: Event.Event): string => new Date(at).toISOString()

const messagesOf = ({ messages }: Reading) => messages.filter(({ type }) => type === "message").map(({ data }) => JSON.parse(data))

const play = (time: HandClock.HandClock, store: Store, all: ReadonlyArray<Act>) =>
  Effect.gen(function*() {
    const world: World = { ...(yield* begin(store)), time, counts: new Map(RUNS.map((runId) => [runId, 1])) }
    for (const runId of RUNS) yield* Process.begin(world.process.log, runId, { workflow: workflowOf(runId) })
    const accept = "text/event-stream"
    const one = readingOf((process, lastId) => process.ask("runEvents", { params: { runId: "a" }, accept, lastId }))
    const many = readingOf((process, lastId) => process.ask("followRuns", { query: { workflow: "checkout" }, accept, lastId }))
    const first = yield* Effect.fork(follow(world, one))
    const second = yield* Effect.fork(follow(world, many))
    for (const act of all) yield* perform(world, store, [one, many], act)
    yield* Process.close(world.process.log, "a", world.counts.get("a") ?? 0)
    const there = yield* expected(world.process.log)
    // The stream of all runs has no end: it has told all when it has told the last.
    const last = JSON.stringify(there.many.at(-1))
    const isDone = () => many.messages.some(({ data }) => data === last)
    yield* Effect.repeat(time.pass(10), { until: () => isDone() && first.unsafePoll() !== null })
    yield* Effect.zipRight(Fiber.join(first), Fiber.interruptFork(second))
    yield* end(world, true)
    expect(messagesOf(one)).toEqual(there.one)
    expect(messagesOf(many)).toEqual(there.many)
    return one.connections + many.connections
  })

/** Whatever else is drawn, streams break in this one. */
const BROKEN: ReadonlyArray<Act> = [
  { do: "append", run: 0, chars: [10, 10] },
  { do: "cut", reader: 0, bytes: 100 },
  { do: "append", run: 0, chars: [100_000, 10] },
  { do: "kill" },
  { do: "append", run: 1, chars: [10] },
  { do: "stop" }
]

/** Answers how often readers had to connect. */
const holds = async (numRuns: number, store: () => { readonly layer: Store; readonly remove: () => void }): Promise<number> => {
  let connections = 0
  await fc.assert(
    fc.asyncProperty(acts, async (acts) => {
      const { layer, remove } = store()
      try {
        const time = HandClock.make(Process.NOW)
        connections += await Effect.runPromise(Effect.withClock(Effect.orDie(play(time, layer, acts)), time.clock))
      } finally {
        remove()
      }
    }),
    { numRuns, examples: [[BROKEN]] }
  )
  return connections
}

describe("whoever is cut off and asks again with the last id", () => {
  it("gets every event once and in order, wherever the connection broke; in memory", async () => {
    const connections = await holds(150, () => ({ layer: MemoryLog.layer(MemoryLog.makeStore()), remove: () => {} }))
    expect(connections).toBeGreaterThan(2 * 150)
  })

  it("gets every event once and in order, also from the next server; on SQLite", async () => {
    const connections = await holds(25, () => {
      const folder = mkdtempSync(join(tmpdir(), "reprise-streams-"))
      return { layer: Sqlite.layer({ filename: join(folder, "store.db") }), remove: () => rmSync(folder, { recursive: true }) }
    })
    expect(connections).toBeGreaterThan(2 * 25)
  })
})
