/**
 * The mutation corpus on random programs: each history is cut at every prefix and replayed by the program that wrote it, which
 * must fit, and by edited ones, which must be misfits as soon as the prefix contains the edited place, and not before.
 */
import { Effect } from "effect"
import { expect, it } from "vitest"
import { Event, type Json, Log, type Message, Run } from "@reprise/core/engine"
import { Client } from "@reprise/core"
import { MemoryLog, World } from "@reprise/testing"
import * as Check from "../programs/Check.js"
import * as Durable from "../programs/Durable.js"
import * as Mutation from "../programs/Mutation.js"
import type { Story } from "../programs/Program.js"
import * as Replays from "../programs/Replays.js"
import { NO_FAULTS, observe, RUN_ID } from "../programs/Scenario.js"
import * as Prefixes from "./Prefixes.js"

/** For more programs than usual, too. */
const PATIENCE = 3_600_000
const MUTANTS_MAX = 6

const documentOf = (history: ReadonlyArray<Event.Event>) =>
  ({ format: Event.FORMAT as typeof Event.FORMAT, run: { runId: RUN_ID, workflow: "played", version: "1", createdAt: 0 }, events: history })

/** The mutants of a program, each with the lengths of the prefixes that contain the edited place. */
const mutantsOf = ({ program }: Story, history: ReadonlyArray<Event.Event>) => {
  const mutants = new Map<string, { readonly program: Story["program"]; readonly reached: Set<number> }>()
  for (const length of Prefixes.lengthsOf(history)) {
    const past = history.slice(0, length)
    const { notes } = Replays.replay(program, past).played.trace()
    for (const { isReached, program: edited, what } of Mutation.mutants(program, past, notes)) {
      const mutant = mutants.get(what) ?? { program: edited, reached: new Set<number>() }
      if (isReached) mutant.reached.add(length)
      mutants.set(what, mutant)
    }
  }
  return [...mutants]
}

const some = <A>(all: ReadonlyArray<A>, max: number, pick: Check.Pick): ReadonlyArray<A> =>
  all.length <= max ? all : Array.from({ length: max }, () => all[pick(all.length - 1)]!)

it("a check finds an edit at every prefix that contains the place, and has no false alarm", async () => {
  const figures = Prefixes.noFigures()
  const failure = await Check.firstFailure(Check.COUNT / 4, (story, pick) =>
    Effect.gen(function*() {
      const { history } = yield* observe(story, NO_FAULTS)
      const lengths = Prefixes.lengthsOf(history)
      const log = yield* Prefixes.logOf(documentOf(history))
      figures.programs += 1
      figures.prefixes += lengths.length
      const own = yield* Prefixes.misfits(log, [Durable.make(story.program, true).workflow])
      const complaints = [...own].map(([length, tag]) => `unchanged, cut after ${length}: a false alarm: ${tag}`)
      for (const [what, { program, reached }] of some(mutantsOf(story, history), MUTANTS_MAX, pick)) {
        const found = yield* Prefixes.misfits(log, [Durable.make(program, true).workflow])
        complaints.push(...Prefixes.judged(what, lengths, (length) => reached.has(length), found, figures))
      }
      return complaints
    }))
  expect(failure).toBe("")
  console.info(`replay check of random programs: ${JSON.stringify(figures)}`)
}, PATIENCE)

/** A store with one run whose history is this. */
const storeOf = (history: ReadonlyArray<Event.Event>): Effect.Effect<MemoryLog.MemoryStore> => {
  const store = MemoryLog.makeStore()
  const state = Run.pending(RUN_ID, "played", "1")
  for (const event of history) Run.evolve(state, event)
  const message: Message.Of<"Start"> = { _tag: "Start", messageId: "start", seed: "" }
  const start: Log.StartRequest = {
    runId: RUN_ID,
    workflow: "played",
    version: "1",
    key: undefined,
    createdAt: 0,
    startAt: undefined,
    parent: undefined,
    forkedFrom: undefined,
    message
  }
  const append = { runId: RUN_ID, expectedSeq: 0, events: history, delivered: [], row: Run.row(state, new Map()), start, outgoing: [] }
  return Effect.as(
    Effect.provide(Effect.flatMap(Log.Log, (log) => log.append([{ ...append, epoch: log.epoch }])), MemoryLog.layer(store)),
    store
  ).pipe(Effect.orDie)
}

/** What a worker with this program does to a run with this history, until nothing is due any more. */
const deployed = (program: Story["program"], history: ReadonlyArray<Event.Event>) =>
  Effect.scoped(Effect.gen(function*() {
    const store = yield* storeOf(history)
    const startAt = history.at(-1)?.at ?? 0
    const world = yield* World.make({ workflows: [Durable.make(program).workflow], store, startAt })
    // A query replays a run that nothing has woken.
    yield* Effect.ignore(world.run(Client.query(RUN_ID, Durable.query, undefined)))
    for (let stops = 0; stops < 100 && (yield* world.skip); stops++) yield* world.idle
    const calls = yield* world.calls
    const { blocked } = yield* Effect.orDie(world.run(Client.describe(RUN_ID)))
    return { calls: calls.length, events: yield* world.history(RUN_ID), blocked: blocked as Json.Json | undefined }
  }))

it("nothing of a run that does not fit is done: no body begins, and no event is written", async () => {
  let tried = 0
  const failure = await Check.firstFailure(Check.COUNT / 16, (story, pick) =>
    Effect.gen(function*() {
      const { history } = yield* observe(story, NO_FAULTS)
      const open = Prefixes.lengthsOf(history).filter((length) => length < history.length)
      const complaints: Array<string> = []
      for (const [what, { program, reached }] of some(mutantsOf(story, history), 2, pick)) {
        const lengths = open.filter((length) => reached.has(length))
        for (const length of some(lengths, 3, pick)) {
          const past = history.slice(0, length)
          const { blocked, calls, events } = yield* deployed(program, past)
          tried += 1
          if (calls > 0) complaints.push(`${what}, cut after ${length}: ${calls} bodies began`)
          if (events.length > length) complaints.push(`${what}, cut after ${length}: it wrote ${JSON.stringify(events.slice(length))}`)
          if (blocked === undefined && isDue(past)) complaints.push(`${what}, cut after ${length}: it is not blocked`)
        }
      }
      return complaints
    }))
  expect(failure).toBe("")
  expect(tried).toBeGreaterThan(0)
  console.info(`misfits deployed: ${tried}`)
}, PATIENCE)

/** Whether a worker has to look at the run at all: it may wait for a message that does not come. */
const isDue = (history: ReadonlyArray<Event.Event>): boolean => {
  const state = Run.pending(RUN_ID, "played", "1")
  for (const event of history) Run.evolve(state, event)
  return state.steps.size > 0 || state.timers.size > 0
}
