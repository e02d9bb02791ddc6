/** Code that does not fit a run's history is found before it does anything, explained, and harmless. */
import { it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Update, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const Go = Signal.make("go")

/** The same workflow name with another body: what a deployment does. */
const coded = (body: Effect.Effect<string, never, any>): Workflow.Workflow<void, string, never, never> =>
  Workflow.make("order", {}, () => body as never)

const step = (name: string) => Step.run(name, Effect.succeed(name))

const original = coded(Effect.gen(function*() {
  yield* step("reserve")
  yield* Effect.sleep("1 hour")
  yield* step("charge")
  yield* Go.receive
  return yield* step("ship")
}))

/** Runs the original until it waits for the signal, then deploys other code and wakes the run. */
const deployed = (workflow: Workflow.Workflow<void, string, never, never>, by: "signal" | "time" = "signal") =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [original] })
    const run = yield* world.start(original, undefined, { id: "run" })
    if (by === "signal") yield* world.advance("2 hours")
    const before = yield* world.history("run")
    yield* world.restart([workflow])
    if (by === "signal") yield* world.run(Client.signal("run", Go, undefined))
    yield* world.advance("2 hours")
    const { blocked, status } = yield* world.run(Client.describe("run"))
    return { world, run, before, blocked: blocked as Record<string, string> | undefined, status }
  })

/** By edit: the new body, what is expected, what comes instead, the kind of change, and the nearest event. */
const changed: Readonly<Record<string, readonly [Effect.Effect<string, never, any>, string, string, string, number?]>> = {
  "a renamed step": [
    Effect.zipRight(step("book"), Effect.as(Effect.sleep("1 hour"), "")),
    "step \"reserve\" [0#0]",
    "step \"book\" [0#0]",
    "replaced"
  ],
  "a missing step": [
    Effect.zipRight(Effect.sleep("1 hour"), Effect.zipRight(step("charge"), Effect.as(Go.receive, ""))),
    "step \"reserve\" [0#0]",
    "a timer of 3600000 ms [0#0]",
    "order",
    4
  ],
  "an extra step": [
    Effect.gen(function*() {
      yield* step("reserve")
      yield* step("insure")
      yield* Effect.sleep("1 hour")
      return ""
    }),
    "a timer of 3600000 ms [0#1]",
    "step \"insure\" [0#1]",
    "extra"
  ],
  "steps in another order": [
    Effect.gen(function*() {
      yield* step("charge")
      yield* Effect.sleep("1 hour")
      yield* step("reserve")
      return ""
    }),
    "step \"reserve\" [0#0]",
    "step \"charge\" [0#0]",
    "order",
    6
  ],
  "a changed sleep": [
    Effect.gen(function*() {
      yield* step("reserve")
      yield* Effect.sleep("2 hours")
      return ""
    }),
    "a timer of 3600000 ms [0#1]",
    "a timer of 7200000 ms [0#1]",
    "length"
  ],
  "a step that became concurrent": [
    Effect.as(Effect.all([step("reserve"), step("charge")], { concurrency: "unbounded" }), ""),
    "step \"reserve\" [0#0]",
    "step \"reserve\" [0.1#0]",
    "fiber",
    2
  ],
  "an early end": [
    Effect.zipRight(step("reserve"), Effect.succeed("")),
    "a timer of 3600000 ms [0#1]",
    "completing the run",
    "missing"
  ],
  "a wait where something was asked for": [
    Effect.zipRight(step("reserve"), Effect.as(Go.receive, "")),
    "a timer of 3600000 ms [0#1]",
    "the program came to rest without it",
    "missing"
  ]
}

describe("a run whose code has changed", () => {
  for (const [what, [body, expected, actual, change, nearest]] of Object.entries(changed)) {
    it.scoped(`${what} is found at once, with both sides`, () =>
      Effect.gen(function*() {
        const { before, blocked, status, world } = yield* deployed(coded(body))
        expect(status).toBe("running")
        expect(blocked).toMatchObject({ _tag: "Divergence", workflow: "order", change })
        expect(blocked?.["nearest"]).toEqual(nearest === undefined ? undefined : { seq: nearest, what: expect.any(String) })
        expect(blocked?.["message"]).toContain(nearest === undefined ? expected : `nearest:  event ${nearest} is `)
        expect(blocked?.["expected"]).toContain(expected)
        expect(blocked?.["actual"]).toContain(actual)
        // Nothing was written and nothing ran.
        expect(yield* world.history("run")).toEqual(before)
        expect((yield* world.calls).filter((call) => call.process === 2)).toEqual([])
      }))
  }

  it.scoped("another answer to an update is shown beside the one that its sender has", () =>
    Effect.gen(function*() {
      const Ask = Update.make("ask", { output: Schema.String })
      const answering = (answer: string) =>
        coded(Effect.zipRight(Update.handle(Ask, { run: () => Effect.succeed(answer) }), Effect.as(Go.receive, "")))
      const world = yield* World.make({ workflows: [answering("yes")] })
      yield* world.start(answering("yes"), undefined, { id: "run" })
      expect(yield* world.run(Client.update("run", Ask, undefined, { messageId: "m" }))).toBe("yes")
      yield* world.restart([answering("no")])
      yield* world.run(Client.signal("run", Go, undefined))
      yield* world.idle
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({
        change: "value",
        expected: "the answer to update m: \"yes\"",
        actual: "the answer to update m: \"no\""
      })
    }))

  it.scoped("the message names the source line of the step", () =>
    Effect.gen(function*() {
      const { blocked } = yield* deployed(coded(Effect.suspend(() => step("book"))))
      expect(blocked?.["source"]).toMatch(/Divergence\.test\.ts:\d+:\d+$/)
      expect(blocked?.["message"]).toContain(blocked?.["source"])
    }))

  it.scoped("what has no line of its own is placed after the last line of its fiber", () =>
    Effect.gen(function*() {
      const twice = coded(Effect.suspend(() => Effect.zipRight(step("reserve"), Effect.as(Effect.sleep("2 hours"), ""))))
      const { blocked } = yield* deployed(twice)
      expect(blocked?.["source"]).toMatch(/^after .*Divergence\.test\.ts:\d+:\d+$/)
      const rests = yield* deployed(coded(Effect.suspend(() => Effect.zipRight(step("reserve"), Effect.as(Go.receive, "")))))
      expect(rests.blocked).toMatchObject({ fiberPath: "0", source: expect.stringMatching(/^after .*Divergence/) })
    }))

  it.scoped("a misfit that comes with the next event leaves that event undelivered", () =>
    Effect.gen(function*() {
      const misfit = coded(Effect.gen(function*() {
        yield* step("reserve")
        yield* Effect.sleep("1 hour")
        throw new TypeError("oops")
      }))
      const { before, blocked, world } = yield* deployed(misfit, "time")
      expect(blocked).toMatchObject({ _tag: "ProgramDefect" })
      expect(yield* world.history("run")).toEqual(before)
    }))

  it.scoped("what may change under a run: a timeout, a retry policy, what comes after", () =>
    Effect.gen(function*() {
      const fitting = coded(Effect.gen(function*() {
        yield* Step.run("reserve", Effect.succeed("reserve"), { summary: "new" })
        yield* Effect.sleep("1 hour")
        yield* Effect.orDie(Step.run("charge", Effect.succeed("charge"), { timeout: "1 minute" }))
        yield* Go.receive
        yield* step("wrap")
        return yield* step("ship by air")
      }))
      const { run, world } = yield* deployed(fitting)
      expect(yield* world.runToEnd(run)).toBe("ship by air")
    }))

  it.scoped("keeps its signals and goes on when fitting code returns", () =>
    Effect.gen(function*() {
      const { run, world } = yield* deployed(coded(step("book")))
      yield* world.crash
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({ _tag: "Divergence" })
      yield* world.restart([original])
      expect(yield* world.runToEnd(run)).toBe("ship")
      expect((yield* world.calls).map((call) => call.step)).toEqual(["reserve", "charge", "ship"])
    }))

  it.scoped("can be terminated", () =>
    Effect.gen(function*() {
      const { run, world } = yield* deployed(coded(step("book")))
      yield* world.run(Client.terminate("run", { by: "anna", reason: "cannot be mended" }))
      expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: "RunTerminated", by: "anna" })
    }))

  it.scoped("an older version that is still registered goes on", () =>
    Effect.gen(function*() {
      const next = Workflow.make("order", { version: "2" }, () => step("book"))
      const { blocked, run, world } = yield* deployed(original)
      expect(blocked).toBeUndefined()
      yield* world.restart([original, next])
      expect(yield* world.runToEnd(run)).toBe("ship")
      expect(yield* world.execute(next, undefined)).toBe("book")
    }))
})
