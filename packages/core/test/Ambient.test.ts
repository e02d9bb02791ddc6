/** What a program draws, reads and prints: the same again on every replay, and told to the world once. */
import { it } from "@effect/vitest"
import { Config, ConfigProvider, Console, Effect, Exit, HashMap, Logger, Option, Random, Redacted } from "effect"
import { describe, expect, vi } from "vitest"
import { Step, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"
import { survives } from "./survives.js"

const execute = (workflow: Workflow.Workflow<void, unknown, unknown, never>) => (world: World.World) =>
  world.execute(workflow, undefined, { id: "run" })

describe("chance", () => {
  const Draws = Workflow.make("draws", {}, () =>
    Effect.gen(function*() {
      const first = yield* Random.next
      yield* Step.run("between", Effect.void)
      const second = yield* Random.nextIntBetween(0, 1_000_000)
      const branches = yield* Effect.all([Random.next, Effect.zipRight(Effect.sleep("1 hour"), Random.next)], {
        concurrency: "unbounded"
      })
      return [first, second, ...branches, ...(yield* Random.shuffle([1, 2, 3, 4, 5]))]
    }))

  it.effect("is drawn again alike after a crash", () =>
    Effect.gen(function*() {
      const { exit } = yield* Crashes.everywhere(() => ({ workflows: [Draws] }), execute(Draws))
      const drawn = Exit.isSuccess(exit) ? exit.value as ReadonlyArray<number> : []
      expect(new Set(drawn.slice(0, 4)).size).toBe(4)
    }))

  it.scoped("differs from run to run", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Draws] })
      const [one, two] = [yield* world.execute(Draws, undefined), yield* world.execute(Draws, undefined)]
      expect(one).not.toEqual(two)
    }))

  it.scoped("gives each branch a stream of its own, so that one more draw shifts no other", () =>
    Effect.gen(function*() {
      const branching = (extra: boolean) =>
        Workflow.make("branching", {}, () =>
          Effect.map(
            Effect.all([extra ? Effect.zipRight(Random.next, Random.next) : Random.next, Random.next], { concurrency: 2 }),
            ([, other]) => other
          ))
      const other = (extra: boolean) =>
        Effect.scoped(Effect.flatMap(World.make({ workflows: [branching(extra)] }), (world) =>
          world.execute(branching(extra), undefined)))
      expect(yield* other(true)).toBe(yield* other(false))
    }))

  survives(
    Workflow.make("hash maps iterate alike", {}, () =>
      Effect.gen(function*() {
        const keys = ["a", "b", "c"].map((name) => ({ name }))
        let map = HashMap.empty<object, string>()
        for (const key of keys) map = HashMap.set(map, key, key.name)
        const steps = yield* Effect.forEach(HashMap.values(map), (name) => Step.run(name, Effect.succeed(name)))
        return steps.toSorted().join("")
      })),
    "abc"
  )

  it.effect("Step.value records what must not be drawn twice", () =>
    Effect.gen(function*() {
      let made = 0
      const Ids = Workflow.make("ids", {}, () =>
        Effect.gen(function*() {
          const id = yield* Step.value("id", Effect.sync(() => `made-${++made}`))
          yield* Effect.sleep("1 hour")
          return (yield* Step.value("id", Effect.sync(() => `made-${++made}`))) !== id
        }))
      const world = yield* World.make({ workflows: [Ids], alwaysReplay: true })
      expect(yield* world.execute(Ids, undefined)).toBe(true)
      expect(made).toBe(2)
    }).pipe(Effect.scoped))

  it.effect("a value that is named like a config is recorded at each call", () =>
    Effect.gen(function*() {
      const Named = Workflow.make("named", {}, () =>
        Effect.all([Step.value("config X", Effect.succeed(1)), Step.value("config X", Effect.succeed(2))]))
      const world = yield* World.make({ workflows: [Named], alwaysReplay: true })
      expect(yield* world.execute(Named, undefined)).toEqual([1, 2])
    }).pipe(Effect.scoped))
})

describe("configuration", () => {
  const Reads = Workflow.make("reads", {}, () =>
    Effect.gen(function*() {
      const before = yield* Effect.orDie(Config.string("REGION"))
      yield* Effect.sleep("1 hour")
      const after = yield* Effect.orDie(Config.string("REGION"))
      const secret = yield* Effect.orDie(Config.redacted("TOKEN"))
      const missing = yield* Effect.option(Config.number("NOWHERE"))
      return [before, after, String(Redacted.value(secret).length), String(Option.isNone(missing))]
    }))

  it.scoped("keeps the value of the first read, and records a secret as a reference", () =>
    Effect.gen(function*() {
      const values = new Map([["REGION", "north"], ["TOKEN", "hush-hush"]])
      const config = ConfigProvider.fromMap(values)
      const world = yield* World.make({ workflows: [Reads], config })
      const run = yield* world.start(Reads, undefined, { id: "run" })
      values.set("REGION", "south")
      yield* world.crash
      expect(yield* world.runToEnd(run)).toEqual(["north", "north", "9", "true"])
      const history = yield* world.history("run")
      expect(JSON.stringify(history)).not.toContain("hush-hush")
      expect(history.filter((event) => event._tag === "ValueRecorded").map((event) => event.name)).toEqual([
        "config REGION",
        "config TOKEN",
        "config NOWHERE"
      ])
    }))

  it.effect("is read alike after a crash", () =>
    Crashes.everywhere(
      () => ({ workflows: [Reads], config: ConfigProvider.fromMap(new Map([["REGION", "north"], ["TOKEN", "x"]])) }),
      execute(Reads)
    ))
})

describe("logs and console", () => {
  const Talks = Workflow.make("talks", {}, () =>
    Effect.gen(function*() {
      yield* Effect.log("begins")
      yield* Step.run("work", Effect.void)
      yield* Effect.logWarning("half-way").pipe(Effect.annotateLogs("part", 1))
      yield* Effect.sleep("1 hour")
      yield* Console.log("printed")
      yield* Effect.logDebug("not shown at this level")
      yield* Effect.log("ends")
    }))

  const logged = (alwaysReplay: boolean, crash?: World.CrashPoint) => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ annotations, message }) => {
      const run = Option.getOrElse(HashMap.get(annotations, "runId"), () => "-")
      lines.push(`${String(run)} ${String(message)}`)
    })
    return Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Talks], alwaysReplay })
      if (crash !== undefined) yield* world.crashAt(crash)
      yield* world.execute(Talks, undefined, { id: "run" })
      return lines
    }).pipe(Effect.scoped, Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Effect.provide(Logger.add(logger)))
  }

  it.effect("each line is told once, with the run's id, and never on replay", () =>
    Effect.gen(function*() {
      const print = vi.spyOn(console, "log").mockImplementation(() => undefined)
      const unique = (lines: ReadonlyArray<string>) => lines.filter((line, i) => lines.indexOf(line) === i)
      for (const alwaysReplay of [false, true]) {
        const lines = yield* logged(alwaysReplay)
        expect(unique(lines)).toEqual(["run begins", "run half-way", "run ends"])
        expect(lines).toEqual(unique(lines))
      }
      expect(print.mock.calls).toEqual([["printed"], ["printed"]])
      print.mockRestore()
    }))

  it.effect("a line whose activation was lost is told when it is repeated", () =>
    Effect.gen(function*() {
      const print = vi.spyOn(console, "log").mockImplementation(() => undefined)
      const lines = yield* logged(false, { append: 2, moment: "before" })
      print.mockRestore()
      expect(lines.filter((line) => line === "run begins")).toHaveLength(1)
      expect(lines.filter((line) => line === "run half-way")).toHaveLength(1)
    }))
})
