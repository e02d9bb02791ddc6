/** A patch lets open runs keep the code that they began with, and can be retired by deleting it. */
import { it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"

const Go = Signal.make("go")
const Ask = Query.make("ask")
const Change = Update.make("change")

type Body = Effect.Effect<string, never, any>

/** The same workflow name with another body: what a deployment does. */
const coded = (body: Body): Workflow.Workflow<void, string, never, never> => Workflow.make("order", {}, () => body as never)
const step = (name: string) => Step.run(name, Effect.succeed(name))

const old = coded(Effect.zipRight(step("a"), Effect.zipRight(Go.receive, step("z"))))

const branch = (patch: string, fresh: string): Effect.Effect<void, never, any> =>
  Effect.flatMap(Workflow.patched(patch), (taken) => taken ? Effect.asVoid(step(fresh)) : Effect.void)

const patchedAt = (place: "before" | "after") =>
  coded(Effect.gen(function*() {
    if (place === "before") yield* branch("p", "new")
    yield* step("a")
    yield* Go.receive
    if (place === "after") yield* branch("p", "new")
    return yield* step("z")
  }))

const go = (world: World.World, id = "run") =>
  Effect.zipRight(Effect.orDie(world.run(Client.signal(id, Go, undefined, { messageId: "go" }))), world.idle)

const steps = (world: World.World) => Effect.map(world.calls, (calls) => calls.map((call) => call.step))
const blockedOf = (world: World.World, id = "run") =>
  Effect.map(Effect.orDie(world.run(Client.describe(id))), ({ blocked }) => blocked as Record<string, unknown> | undefined)
const markers = (world: World.World, id = "run") =>
  Effect.map(world.history(id), (events) => events.flatMap((event) => event._tag === "VersionMarked" ? [event.patch] : []))

/** Starts a run on one build, deploys another, and sends it on. */
const across = (from: Body | Workflow.Any, to: Body | Workflow.Any) =>
  Effect.gen(function*() {
    const of = (it: Body | Workflow.Any) => (Effect.isEffect(it) ? coded(it) : it) as Workflow.Workflow<void, string, never, never>
    const world = yield* World.make({ workflows: [of(from)] })
    const run = yield* world.start(of(from), undefined, { id: "run" })
    yield* world.restart([of(to)])
    yield* go(world)
    return { world, run, blocked: yield* blockedOf(world), steps: yield* steps(world), markers: yield* markers(world) }
  })

describe("a patch", () => {
  it.scoped("that is asked for after the end of its run is not answered, however the run is looked at", () =>
    Effect.gen(function*() {
      const Seen = Query.make("seen", { output: Schema.Array(Schema.String) })
      const body = Effect.gen(function*() {
        const seen: Array<string> = []
        yield* Query.handle(Seen, () => Effect.sync(() => [...seen]))
        const asks = (patch: string) => Effect.map(Workflow.patched(patch), (taken) => void seen.push(`${patch} ${taken}`))
        yield* Effect.forkDaemon(asks("late"))
        yield* asks("early")
        return "done"
      })
      const world = yield* World.make({ workflows: [coded(body)] })
      yield* world.start(coded(body), undefined, { id: "run" })
      expect(yield* markers(world)).toEqual(["early"])
      // The old branch of "late" is not taken either: the run was never there.
      expect(yield* world.run(Client.query("run", Seen, undefined))).toEqual(["early true"])
    }))
  it.scoped("is taken by a new run, and its history says so", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [patchedAt("before")], alwaysReplay: true })
      yield* world.start(patchedAt("before"), undefined, { id: "run" })
      yield* go(world)
      expect(yield* steps(world)).toEqual(["new", "a", "z"])
      expect((yield* world.history("run")).slice(0, 3)).toMatchObject([
        { _tag: "RunStarted" },
        { _tag: "VersionMarked", patch: "p" },
        { _tag: "StepScheduled", id: "0#0", name: "new" }
      ])
    }))

  it.scoped("is not taken by a run that has passed the place", () =>
    Effect.gen(function*() {
      const seen = yield* across(old, patchedAt("before"))
      expect(seen).toMatchObject({ blocked: undefined, steps: ["a", "z"], markers: [] })
    }))

  it.scoped("is taken by a run that comes to the place later", () =>
    Effect.gen(function*() {
      const seen = yield* across(old, patchedAt("after"))
      expect(seen).toMatchObject({ blocked: undefined, steps: ["a", "new", "z"], markers: ["p"] })
    }))

  it.scoped("asked at two places, gives one answer for the whole run", () =>
    Effect.gen(function*() {
      const twice = Effect.gen(function*() {
        yield* branch("p", "new 1")
        yield* step("a")
        yield* Go.receive
        yield* branch("p", "new 2")
        return yield* step("z")
      })
      expect(yield* across(old, twice)).toMatchObject({ blocked: undefined, steps: ["a", "z"], markers: [] })
      expect(yield* across(twice, twice)).toMatchObject({ steps: ["new 1", "a", "new 2", "z"], markers: ["p"] })
    }))

  it.scoped("is retired by deleting the question and the old branch", () =>
    Effect.gen(function*() {
      const retired = Effect.gen(function*() {
        yield* step("new")
        yield* step("a")
        yield* Go.receive
        return yield* step("z")
      })
      expect(yield* across(patchedAt("before"), retired)).toMatchObject({ blocked: undefined, steps: ["new", "a", "z"] })
    }))

  it.scoped("that stands last in an activation is passed over, too", () =>
    Effect.gen(function*() {
      const last = Effect.gen(function*() {
        yield* step("a")
        yield* Workflow.patched("p")
        yield* Go.receive
        return yield* step("z")
      })
      expect(yield* across(last, old)).toMatchObject({ blocked: undefined, steps: ["a", "z"] })
    }))

  it.scoped("that is gone leaves recorded values, tokens and retry decisions to their commands", () =>
    Effect.gen(function*() {
      const body = (patch: Effect.Effect<unknown, never, any>) =>
        Effect.gen(function*() {
          yield* patch
          const value = yield* Step.value("v", Effect.sync(() => Math.random()))
          yield* Go.receive
          return yield* step(String(value))
        })
      const { steps: [first], world } = yield* across(body(Workflow.patched("p")), body(Effect.void))
      const recorded = (yield* world.history("run")).find((event) => event._tag === "ValueRecorded")
      expect(first).toBe(String(recorded?._tag === "ValueRecorded" ? recorded.value : "none"))
    }))

  it.scoped("and others may be asked in any order within one activation", () =>
    Effect.gen(function*() {
      const asking = (...ids: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          const answers: Array<string> = []
          for (const id of ids) answers.push(`${id} ${yield* Workflow.patched(id)}`)
          yield* step("a")
          yield* Go.receive
          return yield* step(answers.toSorted().join(", "))
        })
      const { steps: ran } = yield* across(asking("p", "q", "r"), asking("r", "q", "p"))
      expect(ran).toEqual(["a", "p true, q true, r true"])
    }))

  it.scoped("moved behind a step of the same activation is found all the same", () =>
    Effect.gen(function*() {
      const asking = (late: boolean) =>
        Effect.gen(function*() {
          if (!late) yield* Workflow.patched("p")
          const fiber = yield* Effect.fork(step("a"))
          yield* Effect.yieldNow()
          const taken = yield* Workflow.patched("p")
          yield* fiber.await
          yield* Go.receive
          return yield* step(String(taken))
        })
      expect(yield* across(asking(false), asking(true))).toMatchObject({ blocked: undefined, steps: ["a", "true"] })
    }))

  it.scoped("adds nothing to the positions of commands, whether it is asked for or not", () =>
    Effect.gen(function*() {
      const { world } = yield* across(patchedAt("after"), patchedAt("after"))
      const ids = (yield* world.history("run")).flatMap((event) => event._tag === "StepScheduled" ? [event.id] : [])
      expect(ids).toEqual(["0#0", "0#1", "0#2"])
    }))

  it.scoped("asked by a query or validator answers what is known, and leaves nothing", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* Query.handle(Ask, () => Effect.asVoid(Workflow.patched("p")) as never)
        yield* Update.handle(Change, {
          validate: () => Effect.flatMap(Workflow.patched("p"), (taken) => taken ? Effect.fail("taken") : Effect.void) as never,
          run: () => Effect.void
        })
        yield* step("a")
        yield* Go.receive
        yield* branch("p", "new")
        yield* Go.receive
        return yield* step("z")
      })
      const world = yield* World.make({ workflows: [coded(body)] })
      yield* world.start(coded(body), undefined, { id: "run" })
      yield* world.run(Client.query("run", Ask, undefined))
      yield* world.run(Client.update("run", Change, undefined))
      expect(yield* markers(world)).toEqual([])
      yield* go(world)
      expect(yield* markers(world)).toEqual(["p"])
      yield* world.run(Client.query("run", Ask, undefined))
      expect(yield* Effect.flip(world.run(Client.update("run", Change, undefined)))).toMatchObject({ reason: "taken" })
      yield* world.evictAll
      expect(yield* Effect.flip(world.run(Client.update("run", Change, undefined)))).toMatchObject({ reason: "taken" })
    }))

  it.scoped("is asked anew after the run has continued as new", () =>
    Effect.gen(function*() {
      const loop = (body: Effect.Effect<void, never, any>) =>
        Workflow.make("order", { input: Schema.Number }, (n) =>
          (n > 2 ? Effect.succeed("end") : body.pipe(
            Effect.zipRight(Effect.asVoid(Go.receive)),
            Effect.zipRight(Workflow.continueAsNew(n + 1))
          )) as Effect.Effect<string, Workflow.ContinueAsNew<number>, never>)
      const world = yield* World.make({ workflows: [loop(Effect.asVoid(step("a")))] })
      yield* world.start(loop(Effect.void), 1, { id: "run" })
      yield* world.restart([loop(Effect.zipRight(branch("p", "new"), Effect.asVoid(step("a"))))])
      yield* go(world)
      expect(yield* steps(world)).toEqual(["a", "new", "a"])
      expect(yield* markers(world)).toEqual(["p"])
    }))

  for (const place of ["before", "after"] as const) {
    it.effect(`${place} the wait survives a crash at every append, with a deployment in between`, () =>
      Effect.gen(function*() {
        const seen = yield* Crashes.everywhere(() => ({ workflows: [old] }), (world) =>
          Effect.gen(function*() {
            const run = yield* world.start(old, undefined, { id: "run" })
            yield* world.restart([patchedAt(place)])
            yield* go(world)
            return yield* world.runToEnd(run)
          }))
        expect(seen.calls.map((call) => call.step)).toEqual(place === "before" ? ["a", "z"] : ["a", "new", "z"])
      }))
  }
})

describe("a patch id that is used for two changes", () => {
  it.scoped("is found when the second is asked live", () =>
    Effect.gen(function*() {
      const reused = Effect.gen(function*() {
        yield* step("new")
        yield* step("a")
        yield* Go.receive
        yield* branch("p", "newer")
        return yield* step("z")
      })
      const { blocked, steps: ran, world } = yield* across(patchedAt("before"), reused)
      expect(blocked).toMatchObject({ _tag: "PatchUsed", patch: "p", seq: 2, askedSeq: 7 })
      expect(blocked?.["hint"]).toContain("another id")
      expect(ran).toEqual(["new", "a"])
      // Nothing is lost: with an id of its own the run goes on.
      yield* world.restart([coded(Effect.gen(function*() {
        yield* step("new")
        yield* step("a")
        yield* Go.receive
        yield* branch("q", "newer")
        return yield* step("z")
      }))])
      expect(yield* steps(world)).toEqual(["new", "a", "newer", "z"])
    }))

  it.scoped("is found on replay when it is asked before its marker", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [patchedAt("after")] })
      const body = Effect.gen(function*() {
        yield* branch("p", "early")
        yield* step("a")
        yield* Go.receive
        yield* branch("p", "new")
        yield* Go.receive
        return yield* step("z")
      })
      const late = Effect.gen(function*() {
        yield* step("a")
        yield* Go.receive
        yield* branch("p", "new")
        yield* Go.receive
        return yield* step("z")
      })
      yield* world.restart([coded(late)])
      yield* world.start(coded(late), undefined, { id: "run" })
      yield* go(world)
      yield* world.restart([coded(body)])
      yield* world.run(Client.signal("run", Go, undefined, { messageId: "again" }))
      yield* world.idle
      expect(yield* blockedOf(world)).toMatchObject({ _tag: "PatchUsed", patch: "p", seq: 5, askedSeq: 1 })
    }))

  it.scoped("a name out of bounds blocks the run like any other", () =>
    Effect.gen(function*() {
      for (const name of ["", "x".repeat(300)]) {
        const world = yield* World.make({ workflows: [coded(Effect.zipRight(Workflow.patched(name), step("z")))] })
        yield* world.start(coded(Effect.succeed("")), undefined, { id: "run" })
        expect(yield* blockedOf(world)).toMatchObject({ _tag: "ProgramValueInvalid" })
        expect((yield* blockedOf(world))?.["what"]).toContain("patch")
      }
    }))
})
