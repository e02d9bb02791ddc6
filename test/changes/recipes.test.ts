/** The recipes of docs/guide/changing-a-workflow.md, beside those that are rows of its tables. */
import { it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import type { Part } from "./Edit.js"

const Go = Signal.make("go")
const quick = (name: string) => Step.run(name, Effect.succeed(name))
const go = (world: World.World) => Effect.zipRight(Effect.orDie(world.run(Client.signal("run", Go, undefined))), world.idle)
const steps = (world: World.World) => Effect.map(world.calls, (calls) => calls.map(({ step }) => step))
const order = (part: Part, version = "1") =>
  Workflow.make("order", { version, output: Schema.String }, () => part as never) as Workflow.Workflow<void, string, never, never>

describe("a change under open runs", () => {
  it.scoped("reaches a run at its next generation, on the newest version", () =>
    Effect.gen(function*() {
      const Turns = (version: string, name: string) =>
        Workflow.loop("order", { version, input: Schema.Number, continueAfter: 1 }, (turn) =>
          Effect.as(Effect.zipRight(quick(name), Go.receive), turn === 3 ? Workflow.done("end") : Workflow.next(turn + 1)))
      const [One, Two] = [Turns("1", "old"), Turns("2", "new")]
      const world = yield* World.make({ workflows: [One] })
      const run = yield* world.start(One, 1, { id: "run" })
      yield* world.restart([One, Two])
      for (const _ of [1, 2, 3]) yield* go(world)
      expect(yield* world.runToEnd(run)).toBe("end")
      expect(yield* steps(world)).toEqual(["old", "new", "new"])
      expect((yield* world.run(Client.describe("run"))).version).toBe("2")
    }))

  it.scoped("reaches a run that is past the place by a fork", () =>
    Effect.gen(function*() {
      const part = (second: string): Part => Effect.gen(function*() {
        yield* quick("reserve")
        yield* quick(second)
        yield* Go.receive
        return yield* quick("end")
      })
      const world = yield* World.make({ workflows: [order(part("charge"))] })
      yield* world.start(order(part("charge")), undefined, { id: "run" })
      yield* world.restart([order(part("charge later"))])
      yield* go(world)
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({ _tag: "Divergence" })
      const history = yield* world.history("run")
      const reserved = history.findIndex((event) => event._tag === "StepCompleted") + 1
      yield* world.run(Client.fork("run", { at: reserved, id: "again", by: "ada" }))
      yield* world.run(Client.terminate("run", { by: "ada" }))
      yield* world.run(Client.signal("again", Go, undefined))
      yield* world.idle
      expect(yield* steps(world)).toEqual(["reserve", "charge", "charge later", "end"])
      expect((yield* world.run(Client.describe("again"))).status).toBe("completed")
    }))

  it.scoped("is undone by a compensation that was added later, also for steps that were past", () =>
    Effect.gen(function*() {
      const booked = (compensate: boolean): Part => Effect.gen(function*() {
        const book = Effect.succeed("room")
        yield* compensate ? Step.run("book", book, { compensate: () => Effect.void }) : Step.run("book", book)
        yield* Go.receive
        return yield* Effect.die("unreachable")
      })
      const world = yield* World.make({ workflows: [order(booked(false))] })
      const run = yield* world.start(order(booked(false)), undefined, { id: "run" })
      yield* world.restart([order(booked(true))])
      yield* world.run(Client.cancel("run"))
      expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: "RunCancelled" })
      expect(yield* steps(world)).toEqual(["book", "undo book"])
    }))

  it.scoped("can be rolled back and brought again: no run is lost on the way", () =>
    Effect.gen(function*() {
      const patched: Part = Effect.gen(function*() {
        if (yield* Workflow.patched("p")) yield* quick("new")
        yield* Go.receive
        return yield* quick("end")
      })
      const plain: Part = Effect.zipRight(Go.receive, quick("end"))
      const world = yield* World.make({ workflows: [order(patched)] })
      const run = yield* world.start(order(patched), undefined, { id: "run" })
      yield* world.restart([order(plain)])
      yield* go(world)
      expect((yield* world.run(Client.describe("run"))).blocked).toBeDefined()
      yield* world.restart([order(patched)])
      expect(yield* world.runToEnd(run)).toBe("end")
      expect(yield* steps(world)).toEqual(["new", "end"])
    }))

  it.scoped("that is not noticed at the start is noticed by a check", () =>
    Effect.gen(function*() {
      const waiting = (name: string) => order(Effect.zipLeft(quick(name), Go.receive))
      const world = yield* World.make({ workflows: [waiting("a")] })
      yield* world.start(waiting("a"), undefined, { id: "run" })
      yield* world.restart([waiting("b")])
      expect((yield* world.run(Client.describe("run"))).blocked).toBeUndefined()
      expect((yield* world.run(Client.check())).misfits).toMatchObject([{ runId: "run", fault: { _tag: "Divergence" } }])
    }))
})
