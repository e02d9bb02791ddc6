/** Spans, metrics and their context: told once for what happened, and never again on replay. */
import { it } from "@effect/vitest"
import { Effect, Exit, Metric, Option, Schedule, Tracer } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Signal, Step, Workflow } from "@reprise/core"
import { Metrics } from "@reprise/worker"
import { World } from "@reprise/testing"

interface Seen {
  readonly name: string
  readonly parent: string | undefined
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Map<string, unknown>
  failed: boolean | undefined
}

/** A tracer that keeps every span. */
const keeping = (seen: Array<Seen>): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const over = Option.getOrUndefined(parent)
      const attributes = new Map<string, unknown>()
      const span = {
        _tag: "Span" as const,
        name,
        spanId: `span-${seen.length}`,
        traceId: over?.traceId ?? `trace-${seen.length}`,
        parent,
        context,
        links,
        kind,
        sampled: true,
        attributes,
        status: { _tag: "Started" as const, startTime },
        end: (_at: bigint, exit: Exit.Exit<unknown, unknown>) => void (kept.failed = Exit.isFailure(exit)),
        attribute: (key: string, value: unknown) => void attributes.set(key, value),
        event: () => undefined,
        addLinks: () => undefined
      }
      const kept: Seen = { name, parent: over?.spanId, traceId: span.traceId, spanId: span.spanId, attributes, failed: undefined }
      seen.push(kept)
      return span
    },
    context: (run) => run()
  })

const Go = Signal.make("go")
const Traced = Workflow.make("traced", {}, () =>
  Effect.gen(function*() {
    const flaky = Effect.flatMap(Step.attempt, ({ attempt }) => (attempt < 2 ? Effect.fail("busy") : Effect.succeed(attempt)))
    yield* Effect.orDie(Step.run("call", flaky, { retry: Schedule.spaced("1 minute") }))
    yield* Go.receive
    return yield* Step.run("inside", Effect.withSpan(Effect.succeed("done"), "in the body")).pipe(Effect.withSpan("in the program"))
  }))

/** Runs the workflow under a span of its starter, with crashes and evictions on the way. */
const traced = (alwaysReplay: boolean) => {
  const seen: Array<Seen> = []
  return Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Traced], alwaysReplay })
    const run = yield* world.run(Client.start(Traced, undefined, { id: "run" })).pipe(Effect.withSpan("caller"))
    yield* world.advance("30 seconds")
    yield* world.crash
    yield* world.advance("1 minute")
    yield* world.evictAll
    yield* world.run(Client.signal("run", Go, undefined))
    yield* world.runToEnd(run)
    return { seen, history: yield* world.history("run") }
  }).pipe(Effect.scoped, Effect.withTracer(keeping(seen)))
}

describe("spans", () => {
  for (const alwaysReplay of [false, true]) {
    it.effect(`one for each attempt and one for the run, under the starter's, ${alwaysReplay ? "always replayed" : "in memory"}`, () =>
      Effect.gen(function*() {
        const { history, seen } = yield* traced(alwaysReplay)
        const caller = seen.find((span) => span.name === "caller")
        expect(history[0]).toMatchObject({ trace: { traceId: caller?.traceId, spanId: caller?.spanId } })
        const names = seen.map((span) => span.name).filter((name) => name !== "caller")
        expect(names.toSorted()).toEqual(["in the body", "in the program", "run traced", "step call", "step call", "step inside"])
        const ours = seen.filter((span) => span.name !== "caller" && span.name !== "in the body")
        expect(ours.every((span) => span.traceId === caller?.traceId && span.parent === caller.spanId)).toBe(true)
        const inside = seen.find((span) => span.name === "step inside")
        expect(seen.find((span) => span.name === "in the body")?.parent).toBe(inside?.spanId)
      }))
  }

  it.effect("they say what they belong to and how it ended", () =>
    Effect.gen(function*() {
      const { seen } = yield* traced(false)
      const attempts = seen.filter((span) => span.name === "step call")
      expect(attempts.map((span) => span.attributes.get("reprise.attempt"))).toEqual([1, 2])
      expect(attempts.map((span) => span.failed)).toEqual([true, false])
      const run = seen.find((span) => span.name === "run traced")
      expect(Object.fromEntries(run?.attributes ?? [])).toMatchObject({
        "reprise.run_id": "run",
        "reprise.workflow": "traced",
        "reprise.status": "completed"
      })
      expect(run?.failed).toBe(false)
    }))

  it.effect("a run without a starter's span is a trace of its own", () =>
    Effect.gen(function*() {
      const seen: Array<Seen> = []
      const Short = Workflow.make("short", {}, () => Step.run("work", Effect.void))
      yield* Effect.gen(function*() {
        const world = yield* World.make({ workflows: [Short] })
        yield* world.execute(Short, undefined)
        yield* world.execute(Short, undefined)
      }).pipe(Effect.scoped, Effect.withTracer(keeping(seen)))
      expect(new Set(seen.map((span) => span.traceId)).size).toBe(2)
      expect(seen[0]?.traceId).toMatch(/^[0-9a-f]{32}$/)
    }))

  it.effect("a child is part of its parent's trace", () =>
    Effect.gen(function*() {
      const seen: Array<Seen> = []
      const Short = Workflow.make("short", {}, () => Step.run("work", Effect.void))
      const Parent = Workflow.make("parent", {}, () => Child.run(Short, undefined, { id: "c" }))
      yield* Effect.gen(function*() {
        const world = yield* World.make({ workflows: [Parent, Short] })
        yield* world.execute(Parent, undefined, { id: "p" })
      }).pipe(Effect.scoped, Effect.withTracer(keeping(seen)))
      expect(seen.map((span) => span.name).toSorted()).toEqual(["run parent", "run short", "step work"])
      expect(new Set(seen.map((span) => span.traceId)).size).toBe(1)
    }))
})

const tagged = (metric: Metric.Metric.Counter<number>, tags: Record<string, string>) =>
  Object.entries(tags).reduce((all, [key, value]) => Metric.tagged(all, key, value), metric)
const counted = (metric: Metric.Metric.Counter<number>, tags: Record<string, string> = {}) =>
  Effect.map(Metric.value(tagged(metric, tags)), ({ count }) => count)

describe("metrics", () => {
  for (const alwaysReplay of [false, true]) {
    it.effect(`count what was committed, once, ${alwaysReplay ? "always replayed" : "in memory"}`, () =>
      Effect.gen(function*() {
        const workflow = "traced"
        const all = Effect.all({
          events: counted(Metrics.eventsCommitted),
          started: counted(Metrics.runsStarted, { workflow, version: "1" }),
          closed: counted(Metrics.runsClosed, { workflow, status: "completed" }),
          completed: counted(Metrics.attemptsEnded, { workflow, outcome: "completed" }),
          failed: counted(Metrics.attemptsEnded, { workflow, outcome: "failed" })
        })
        const before = yield* all
        const { history } = yield* traced(alwaysReplay)
        const after = yield* all
        expect({
          events: after.events - before.events,
          started: after.started - before.started,
          closed: after.closed - before.closed,
          completed: after.completed - before.completed,
          failed: after.failed - before.failed
        }).toEqual({ events: history.length, started: 1, closed: 1, completed: 2, failed: 1 })
      }))
  }

  it.effect("blocked runs are counted when they block", () =>
    Effect.gen(function*() {
      const Broken = Workflow.make("broken", {}, () => Effect.die(new TypeError("oops")))
      const before = yield* counted(Metrics.runsBlocked)
      yield* Effect.scoped(Effect.flatMap(World.make({ workflows: [Broken] }), (world) => world.start(Broken, undefined)))
      expect((yield* counted(Metrics.runsBlocked)) - before).toBe(1)
    }))
})
