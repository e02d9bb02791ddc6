/** Plays a family's story in a world, and tells what became of each of its runs. */
import { Effect } from "effect"
import { Client } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import * as FamilyDurable from "./FamilyDurable.js"
import { nthRun, programsOf, runIdOf } from "./FamilyProgram.js"
import { moments, START, type Story } from "./Program.js"
import { type Faults, messageOf, playOut } from "./Scenario.js"

export interface Seen {
  readonly status: string
  readonly notes: ReadonlyArray<string>
  readonly history: ReadonlyArray<Event.Event>
}

export interface Observed {
  readonly runs: ReadonlyMap<string, Seen>
  readonly calls: ReadonlyArray<string>
  /** Bodies that ran though their completion was committed, and attempts that one process began twice. */
  readonly repeated: ReadonlyArray<World.StepCall>
  readonly blocked: ReadonlyArray<unknown>
  readonly appendCount: number
  readonly played: FamilyDurable.Played
}

export interface Options {
  /** What is asked of the world now and then, beside the story. */
  readonly aside?: Aside
  /** So many messages come at one go, at the moment of the first. */
  readonly burst?: number
}
export type Aside = (world: World.World) => Effect.Effect<void>

export const observe = (
  story: Story,
  { alwaysReplay, crashes }: Faults,
  { aside = () => Effect.void, burst = 1 }: Options = {}
): Effect.Effect<Observed> =>
  Effect.scoped(Effect.gen(function*() {
    const played = FamilyDurable.make(story.program)
    const options = { workflows: [played.workflow], alwaysReplay, store: MemoryLog.makeStore(), startAt: START }
    const world = yield* World.make(options)
    yield* watch(world, played)
    for (const crash of crashes) yield* world.crashAt(crash)
    yield* Effect.orDie(world.start(played.workflow, FamilyDurable.FIRST, { id: runIdOf(0) }))
    yield* aside(world)
    for (const [i, { at, message, number }] of moments(story).entries()) {
      if (i % burst === 0) yield* world.advance(Math.max(0, at - (yield* world.now)))
      const sent = messageOf(story, message, number, [])
      const runId = nthRun(story.program, message.run ?? 0)
      if (sent !== undefined) yield* world.run(Effect.flatMap(Client.Client, ({ log }) => Effect.ignore(log.send(runId, sent))))
      if (i % burst < burst - 1) continue
      yield* world.idle
      yield* aside(world)
    }
    yield* playOut(world)
    yield* aside(world)
    return yield* toldOf(world, story, played)
  }))

const watch = (world: World.World, { scheduled }: FamilyDurable.Played) =>
  world.run(Effect.flatMap(Client.Client, ({ log }) =>
    log.watch((change) => {
      if (change._tag !== "Appended") return
      for (const event of change.events) if (event._tag === "StepScheduled") scheduled.add(`${change.runId} ${event.id}`)
    })))

const toldOf = (world: World.World, story: Story, played: FamilyDurable.Played): Effect.Effect<Observed> =>
  Effect.gen(function*() {
    const runs = new Map<string, Seen>()
    const blocked: Array<unknown> = []
    for (const runId of programsOf(story.program).keys()) {
      const summary = yield* Effect.option(world.run(Client.describe(runId)))
      if (summary._tag === "None") continue
      const history = yield* world.history(runId)
      if (summary.value.blocked !== undefined) blocked.push(summary.value.blocked)
      const status = summary.value.blocked !== undefined ? "blocked" : summary.value.paused ? "paused" : statusOf(history)
      runs.set(runId, { status, notes: played.notes(runId), history })
    }
    const calls = yield* world.calls
    return {
      runs,
      calls: calls.map(({ attempt, runId, step }) => `${runId} ${step} ${attempt}`),
      repeated: calls.filter((call, i) => call.isRepeated || calls.slice(0, i).some(isSame(call))),
      blocked,
      appendCount: yield* world.appendCount,
      played
    }
  })

const isSame = (a: World.StepCall) => (b: World.StepCall): boolean =>
  a.process === b.process && a.runId === b.runId && a.stepId === b.stepId && a.attempt === b.attempt && a.poll === b.poll

/** In the oracle's words. */
export const statusOf = (history: ReadonlyArray<Event.Event>): string => {
  const last = history.at(-1)
  switch (last?._tag) {
    case undefined:
      return "pending"
    case "RunCompleted":
      return `completed ${String(last.output)}`
    case "RunFailed": {
      const { failure, uncompensated } = last
      const how = failure._tag === "Error" ? String(failure.error) : failure._tag.toLowerCase()
      return `failed ${how}${uncompensated === undefined ? "" : ` uncompensated ${uncompensated.map(({ name }) => name).join(" ")}`}`
    }
    case "RunCancelled":
      return "cancelled"
    case "RunTerminated":
      return "terminated"
    default:
      return "running"
  }
}
