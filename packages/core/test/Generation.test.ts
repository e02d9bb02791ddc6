/** Runs that continue as new: what is kept from one generation to the next, what goes, and what a fault leaves. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"
import { survives } from "./survives.js"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const tags = (history: ReadonlyArray<Event.Event> | undefined) => history?.map(({ _tag }) => _tag)
const starts = (history: ReadonlyArray<Event.Event> | undefined) =>
  history?.filter((event) => event._tag === "RunStarted") ?? []

const Go = Signal.make("go")
const Say = Signal.make("say", { payload: Schema.String })
const Other = Signal.make("other", { payload: Schema.Number })

describe("a run that continues as new", () => {
  survives(
    Workflow.loop("goes from turn to turn", { continueAfter: 1 }, () => Effect.as(Step.run("work", Effect.void), Workflow.done("done"))),
    "done"
  )

  it.effect("keeps its identity and begins again with the new input", () =>
    Effect.gen(function*() {
      const Count = Workflow.make("count", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          const info = yield* Workflow.info
          yield* Step.run("work", Effect.succeed(n))
          yield* Effect.sleep("1 minute")
          if (n < 3) return yield* Workflow.continueAsNew(n + 1)
          return { generation: info.generation, startedAt: info.startedAt, key: info.key ?? "", at: yield* Effect.clockWith((c) => c.currentTimeMillis) }
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Count] }), (world) =>
        world.execute(Count, 0, { id: "run", key: "k", timeout: "1 hour" }))
      const at = 1_735_689_600_000
      expect(seen.exit).toStrictEqual(Exit.succeed({ generation: 3, startedAt: at, key: "k", at: at + 4 * 60_000 }))
      expect(starts(seen.histories["run"]).map(({ beganAt, generation, input, key, timeoutAt }) => [generation, beganAt, input, key, timeoutAt]))
        .toEqual([[undefined, undefined, 0, "k", at + 3_600_000], ...[1, 2, 3].map((n) => [n, at, n, "k", at + 3_600_000])])
      expect(seen.calls.map(({ stepId }) => stepId)).toEqual(["0#0", "1#0", "2#0", "3#0"])
    }))
})
