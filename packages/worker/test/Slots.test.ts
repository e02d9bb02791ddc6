/** At most so many bodies run at once; the others wait in order, and may be cancelled or cut off while they do. */
import { it } from "@effect/vitest"
import { Effect, Exit, Option, Schedule } from "effect"
import { describe, expect } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"

const numbers = [1, 2, 3, 4, 5]
const limits = { attemptsMax: 2 }

/** Counts the bodies that run at the same time. */
const counting = () => {
  let now = 0
  let most = 0
  const body = Effect.acquireUseRelease(
    Effect.sync(() => void (most = Math.max(most, ++now))),
    () => Effect.sleep("1 minute"),
    () => Effect.sync(() => void (now -= 1))
  )
  return { body, most: () => most }
}

describe("slots", () => {
  it.effect("bound the bodies that run, through crashes", () =>
    Effect.gen(function*() {
      const Fans = Workflow.make("fans", {}, () =>
        Effect.map(Effect.forEach(numbers, (n) => Step.run(`step ${n}`, Effect.as(Effect.sleep("1 minute"), n)), {
          concurrency: "unbounded"
        }), (all) => all.join("")))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Fans], limits }), (world) =>
        world.execute(Fans, undefined, { id: "run" }))
      expect(seen.exit).toEqual(Exit.succeed("12345"))
      const { body, most } = counting()
      const world = yield* World.make({ workflows: [Fans], limits })
      for (const n of numbers) yield* world.mock(`step ${n}`, Effect.as(body, n))
      yield* world.execute(Fans, undefined)
      expect(most()).toBe(2)
    }).pipe(Effect.scoped))

  it.effect("a step that still waits for one is cancelled at once, and may be asked for again", () =>
    Effect.gen(function*() {
      const Gives = Workflow.make("gives up", {}, () =>
        Effect.gen(function*() {
          yield* Effect.fork(Effect.all([1, 2].map((n) => Step.run(`holds ${n}`, Effect.sleep(`${n} hours`))), { concurrency: 2 }))
          yield* Effect.sleep("1 second")
          const waited = yield* Effect.timeoutOption(Step.run("waits", Effect.succeed("ran")), "1 minute")
          const again = yield* Step.run("waits", Effect.succeed("ran"))
          return `${Option.isNone(waited)} ${again}`
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Gives], limits }), (world) =>
        world.execute(Gives, undefined, { id: "run" }))
      expect(seen.exit).toEqual(Exit.succeed("true ran"))
    }))

  it.scoped("a wait between attempts holds none, and neither does a run that was terminated", () =>
    Effect.gen(function*() {
      const Fails = Workflow.make("fails", {}, () =>
        Effect.orDie(Step.run("fails", Effect.fail("no"), { retry: Schedule.spaced("1 day") })))
      const Holds = Workflow.make("holds", {}, () => Step.run("holds", Effect.sleep("1 hour")))
      const Quick = Workflow.make("quick", {}, () => Step.run("quick", Effect.succeed("ran")))
      const world = yield* World.make({ workflows: [Fails, Holds, Quick], limits })
      for (let i = 0; i < 5; i++) yield* world.start(Fails, undefined)
      expect(yield* world.execute(Quick, undefined)).toBe("ran")
      for (let i = 0; i < 4; i++) yield* world.start(Holds, undefined, { id: `holds-${i}` })
      const waiting = yield* world.start(Quick, undefined)
      for (let i = 0; i < 4; i++) yield* world.run(Client.terminate(`holds-${i}`))
      yield* world.idle
      expect((yield* world.run(Client.describe(waiting.runId))).status).toBe("completed")
    }))
})
