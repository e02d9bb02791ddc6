/** Time inside a workflow is durable: what sleeps, retries or times out goes on after a crash where it stood. */
import { Clock, DateTime, Effect, Option, Schedule, Schema, Stream } from "effect"
import { describe } from "vitest"
import { Step, Workflow } from "@reprise/core"
import { survives } from "./survives.js"

const START = Date.UTC(2025, 0, 1)
const HOUR = 3_600_000

const now = Effect.map(Clock.currentTimeMillis, (at) => at - START)

/** A step that takes its time. */
const slow = (name: string, duration: `${number} seconds`, answer: string) =>
  Step.run(name, Effect.as(Effect.sleep(duration), answer))

/** Fails until the given attempt. */
const succeedsAt = (last: number) =>
  Effect.flatMap(Step.attempt, ({ attempt }) => (attempt < last ? Effect.fail("not yet") : Effect.succeed(attempt)))

describe("sleep", () => {
  survives(
    Workflow.make("sleeps one after another", {}, () =>
      Effect.gen(function*() {
        yield* Effect.sleep("1 hour")
        yield* Step.run("between", Effect.succeed(1))
        yield* Effect.sleep("1 hour")
        return yield* now
      })),
    2 * HOUR
  )
  survives(
    Workflow.make("sleeps in parallel, woken in order", {}, () =>
      Effect.gen(function*() {
        const order: Array<number> = []
        yield* Effect.forEach([3, 1, 2], (n) => Effect.zipRight(Effect.sleep(`${n} hours`), Effect.sync(() => order.push(n))), {
          concurrency: "unbounded"
        })
        return order.join(",")
      })),
    "1,2,3"
  )
  survives(
    Workflow.make("delays a step", {}, () => Effect.zipRight(Effect.delay(Step.run("late", Effect.void), "3 hours"), now)),
    3 * HOUR
  )
  survives(Workflow.make("does not sleep for no time", {}, () => Effect.zipRight(Effect.sleep(0), now)), 0)
})

describe("the time", () => {
  survives(
    Workflow.make("is the same in every clock", {}, () =>
      Effect.gen(function*() {
        yield* Effect.sleep("90 minutes")
        const dateTime = DateTime.toEpochMillis(yield* DateTime.now)
        const clock = yield* Clock.currentTimeMillis
        // The walls around a program answer these from the run's clock.
        const ambient = [Date.now(), new Date().getTime(), Math.round(performance.now())]
        return ambient.every((at) => at === clock) && dateTime === clock ? clock - START : -1
      })),
    1.5 * HOUR
  )
  survives(
    Workflow.make("is measured by timed", {}, () =>
      Effect.map(Effect.timed(Effect.sleep("2 hours")), ([duration]) => Number(duration.toString().replace(/\D/g, "")))),
    2
  )
})

describe("retry", () => {
  survives(
    Workflow.make("retries a plain effect on a jittered schedule", { error: Schema.String }, () =>
      Effect.gen(function*() {
        let tries = 0
        const flaky = Effect.suspend(() => (++tries < 5 ? Effect.fail("no") : Effect.succeed(tries)))
        const answer = yield* Effect.retry(flaky, Schedule.jittered(Schedule.exponential("1 minute")))
        const waited = yield* now
        return answer === 5 && waited > 0 ? "retried" : `tries ${tries}, waited ${waited}`
      })),
    "retried"
  )
  survives(
    Workflow.make("retries a step on a jittered schedule", { error: Schema.String }, () =>
      Step.run("flaky", succeedsAt(5), { retry: Schedule.jittered(Schedule.exponential("1 minute")) })),
    5
  )
  survives(
    Workflow.make("gives up when the schedule ends", {}, () =>
      Effect.merge(Step.run("hopeless", Effect.fail("no"), { retry: Schedule.recurs(2) }))),
    "no"
  )
  survives(
    Workflow.make("retries around steps", { error: Schema.String }, () =>
      Effect.gen(function*() {
        let tries = 0
        const both = Effect.gen(function*() {
          tries += 1
          yield* Step.run("before", Effect.void)
          return yield* Step.run("may fail", tries < 3 ? Effect.fail("no") : Effect.succeed(tries))
        })
        return yield* Effect.retry(both, { times: 5, schedule: Schedule.spaced("1 hour") })
      })),
    3
  )
  survives(
    Workflow.make("repeats a step on a schedule", {}, () =>
      Effect.zipRight(Effect.repeat(Step.run("tick", Effect.void), Schedule.spaced("1 hour").pipe(Schedule.upTo("5 hours"))), now)),
    5 * HOUR
  )
})

describe("timeout", () => {
  survives(
    Workflow.make("cuts a sleep short", {}, () =>
      Effect.sleep("2 hours").pipe(
        Effect.timeout("1 hour"),
        Effect.catchTag("TimeoutException", () => now)
      )),
    HOUR
  )
  survives(
    Workflow.make("cancels a step that takes too long", {}, () =>
      Effect.gen(function*() {
        const answer = yield* Effect.timeoutOption(slow("too long", "7200 seconds", "done"), "1 hour")
        return `${Option.isNone(answer)} at ${yield* now}`
      })),
    `true at ${HOUR}`
  )
  survives(
    Workflow.make("lets a step in time through", {}, () =>
      Effect.map(Effect.timeoutOption(slow("in time", "60 seconds", "done"), "1 hour"), Option.getOrElse(() => "late"))),
    "done"
  )
  survives(
    Workflow.make("nests", {}, () =>
      Effect.sleep("10 hours").pipe(
        Effect.timeoutTo({ duration: "5 hours", onSuccess: () => "slept", onTimeout: () => "inner" }),
        Effect.timeoutTo({ duration: "3 hours", onSuccess: (text) => text, onTimeout: () => "outer" })
      )),
    "outer"
  )
})

describe("what is built on time", () => {
  survives(
    Workflow.make("cachedWithTTL runs its step once per period", {}, () =>
      Effect.gen(function*() {
        let count = 0
        const read = Step.run("read", Effect.succeed(1)).pipe(Effect.map(() => ++count))
        const cached = yield* Effect.cachedWithTTL(read, "1 hour")
        const first = [yield* cached, yield* cached]
        yield* Effect.sleep("61 minutes")
        return [...first, yield* cached, yield* cached].join(",")
      })),
    "1,1,2,2"
  )
  survives(
    Workflow.make("Stream.fromSchedule paces steps", {}, () =>
      Stream.fromSchedule(Schedule.spaced("1 hour")).pipe(
        Stream.take(3),
        Stream.mapEffect((n) => Step.run("tick", Effect.succeed(n))),
        Stream.runCollect,
        Effect.flatMap((ticks) => Effect.map(now, (at) => `${[...ticks].join(",")} at ${at}`))
      )),
    `0,1,2 at ${3 * HOUR}`
  )
  survives(
    Workflow.make("a fiber paces itself beside the others", {}, () =>
      Effect.gen(function*() {
        const ticks: Array<number> = []
        const ticker = Effect.sync(() => ticks.push(1)).pipe(Effect.repeat(Schedule.fixed("10 minutes")))
        yield* Effect.fork(ticker)
        yield* Effect.sleep("59 minutes")
        yield* Step.run("work", Effect.void)
        return ticks.length
      })),
    6
  )
})
