/** Asks again and again why a run does not go on: each thing that is open must have a fiber that waits for it (P8). */
import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import { Client } from "@reprise/core"
import { Run } from "@reprise/core/engine"
import { World } from "@reprise/testing"
import * as Durable from "./Durable.js"
import { moments, START, type Story } from "./Program.js"
import { playOut, RUN_ID, sendAll } from "./Scenario.js"

type Complaints = ReadonlyArray<string>

export const tellAll = (story: Story): Effect.Effect<Complaints> =>
  Effect.scoped(Effect.gen(function*() {
    const { workflow } = Durable.make(story.program)
    const world = yield* World.make({ workflows: [workflow], startAt: START })
    yield* Effect.orDie(world.start(workflow, undefined, { id: RUN_ID }))
    const complaints = [...yield* ask(world)]
    for (const moment of moments(story)) {
      yield* sendAll(world, story, [moment])
      complaints.push(...yield* ask(world))
    }
    yield* playOut(world)
    return [...complaints, ...yield* ask(world)]
  }))

const ask = (world: World.World): Effect.Effect<Complaints> =>
  Effect.gen(function*() {
    const before = yield* world.history(RUN_ID)
    const report = yield* Effect.orDie(world.run(Client.why(RUN_ID)))
    yield* world.idle
    if (!isDeepStrictEqual(yield* world.history(RUN_ID), before)) return ["the question has changed something"]
    const state = Run.pending(RUN_ID, "played", "1")
    for (const event of before) Run.evolve(state, event)
    if (report.status !== state.status) return [`it is told to be ${report.status}, and is ${state.status}`]
    const told = report.waits.flatMap(({ for: what }) =>
      what._tag === "Step" || what._tag === "Sensor" || what._tag === "Timer" ? [what.id] : []).toSorted()
    const open = [...state.steps.keys(), ...state.timers.keys()].toSorted()
    const wrong = isDeepStrictEqual(told, open) ? [] : [`waits for ${told.join(" ")}; open are ${open.join(" ")}`]
    const paths = report.waits.map(({ path }) => path)
    if (new Set(paths).size < paths.length) wrong.push(`a fiber is told twice: ${paths.join(" ")}`)
    const waits = report.blocked !== undefined || Run.isClosed(state.status) || paths.length > 0
    return waits ? wrong : [...wrong, "it waits for nothing"]
  })
