/** Fibers and what they share: who wins, who waits and who is cancelled is the same after a crash. */
import { Deferred, Effect, Fiber, Queue, Ref, Schedule, Schema, STM, Stream, TRef } from "effect"
import { describe } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { survives } from "./survives.js"

/** A step that takes its time. */
const slow = (name: string, duration: `${number} seconds`) => Step.run(name, Effect.as(Effect.sleep(duration), name))

/** A workflow of this name that answers what the body does. */
const answering = <R>(name: string, body: Effect.Effect<string, never, R>) => Workflow.make(name, {}, () => body as never)

describe("races", () => {
  survives(
    answering("a timer beats a step", Effect.race(slow("step", "600 seconds"), Effect.as(Effect.sleep("1 minute"), "timer"))),
    "timer"
  )
  survives(
    answering("a step beats a timer", Effect.race(slow("step", "60 seconds"), Effect.as(Effect.sleep("1 hour"), "timer"))),
    "step"
  )
  survives(
    answering("a step beats a step", Effect.race(slow("late", "600 seconds"), slow("early", "60 seconds"))),
    "early"
  )
  survives(
    answering("two steps at the same instant", Effect.race(slow("left", "60 seconds"), slow("right", "60 seconds"))),
    "left"
  )
  survives(
    answering("raceAll", Effect.raceAll([slow("c", "900 seconds"), slow("a", "60 seconds"), slow("b", "600 seconds")])),
    "a"
  )
  survives(
    answering("raceFirst takes a failure too", Effect.raceFirst(slow("late", "600 seconds"), Effect.fail("early")).pipe(
      Effect.merge
    )),
    "early"
  )
  survives(
    answering("race ignores a failure", Effect.orDie(Effect.race(
      slow("late", "600 seconds"),
      Step.run("fails", Effect.delay(Effect.fail("early"), "60 seconds"))
    ))),
    "late"
  )
})

const letters = ["a", "b", "c", "d", "e"] as const
const stepOf = (letter: string, i: number) => slow(letter, `${(5 - i) * 60} seconds`)

describe("all and forEach", () => {
  const joined = Effect.map((parts: ReadonlyArray<string>) => parts.join(""))
  survives(answering("sequential", joined(Effect.forEach(letters, stepOf))), "abcde")
  survives(answering("unbounded", joined(Effect.forEach(letters, stepOf, { concurrency: "unbounded" }))), "abcde")
  survives(answering("at most two", joined(Effect.forEach(letters, (letter, i) => stepOf(letter, 4 - i), { concurrency: 2 }))), "abcde")
  survives(
    answering("a failure interrupts the others", Effect.merge(Effect.map(
      Effect.all([slow("a", "600 seconds"), Step.run("b", Effect.delay(Effect.fail("b failed"), "60 seconds"))], {
        concurrency: "unbounded"
      }),
      String
    ))),
    "b failed"
  )
  survives(
    answering("every failure is collected", Effect.map(
      Effect.all([Step.run("a", Effect.fail("x")), slow("b", "60 seconds"), Step.run("c", Effect.fail("y"))], {
        concurrency: "unbounded",
        mode: "either"
      }),
      (results) => results.map((result) => result._tag).join(",")
    )),
    "Left,Right,Left"
  )
  survives(
    answering("nested", joined(Effect.forEach(["x", "y"], (outer) =>
      joined(Effect.forEach(["1", "2", "3"], (inner) => slow(outer + inner, "60 seconds"), { concurrency: 2 })), {
      concurrency: "unbounded"
    }))),
    "x1x2x3y1y2y3"
  )
})

describe("fibers", () => {
  survives(
    answering("fork and join", Effect.gen(function*() {
      const fiber = yield* Effect.fork(slow("side", "600 seconds"))
      const main = yield* slow("main", "60 seconds")
      return `${main} ${yield* Fiber.join(fiber)}`
    })),
    "main side"
  )
  survives(
    answering("a forked fiber is interrupted when its parent ends", Effect.gen(function*() {
      const parent = yield* Effect.fork(Effect.zipRight(Effect.fork(slow("child", "600 seconds")), slow("parent", "60 seconds")))
      return yield* Fiber.join(parent)
    })),
    "parent"
  )
  survives(
    answering("a daemon goes on", Effect.gen(function*() {
      const done = yield* Deferred.make<string>()
      const parent = yield* Effect.fork(
        Effect.forkDaemon(Effect.flatMap(slow("daemon", "600 seconds"), (name) => Deferred.succeed(done, name)))
      )
      yield* Fiber.join(parent)
      return yield* Deferred.await(done)
    })),
    "daemon"
  )
  survives(
    answering("interrupt waits for the step's end", Effect.gen(function*() {
      const fiber = yield* Effect.fork(slow("side", "600 seconds"))
      yield* Effect.sleep("1 minute")
      const exit = yield* Fiber.interrupt(fiber)
      return exit._tag
    })),
    "Failure"
  )
})

describe("shared state", () => {
  survives(
    answering("Ref", Effect.gen(function*() {
      const count = yield* Ref.make(0)
      yield* Effect.forEach(letters, (letter, i) => Effect.zipRight(stepOf(letter, i), Ref.update(count, (n) => n + i)), {
        concurrency: "unbounded"
      })
      return String(yield* Ref.get(count))
    })),
    "10"
  )
  survives(
    answering("Queue, bounded, with a producer that outruns its consumer", Effect.gen(function*() {
      const queue = yield* Queue.bounded<string>(1)
      yield* Effect.fork(Effect.forEach(letters, (letter) => Effect.zipRight(Step.run(letter, Effect.void), Queue.offer(queue, letter))))
      const taken: Array<string> = []
      while (taken.length < letters.length) {
        taken.push(yield* Queue.take(queue))
        yield* Effect.sleep("1 minute")
      }
      return taken.join("")
    })),
    "abcde"
  )
  survives(
    answering("Deferred", Effect.gen(function*() {
      const deferred = yield* Deferred.make<string>()
      const waiting = yield* Effect.fork(Effect.all([Deferred.await(deferred), Deferred.await(deferred)]))
      yield* Effect.flatMap(slow("answer", "60 seconds"), (name) => Deferred.succeed(deferred, name))
      return (yield* Fiber.join(waiting)).join("+")
    })),
    "answer+answer"
  )
  survives(
    answering("Semaphore", Effect.gen(function*() {
      const semaphore = yield* Effect.makeSemaphore(2)
      let inside = 0
      let most = 0
      yield* Effect.forEach(letters, (letter) =>
        semaphore.withPermits(1)(Effect.gen(function*() {
          most = Math.max(most, ++inside)
          yield* slow(letter, "60 seconds")
          inside -= 1
        })), { concurrency: "unbounded" })
      return String(most)
    })),
    "2"
  )
  survives(
    answering("STM", Effect.gen(function*() {
      const account = yield* TRef.make(0)
      const waiting = yield* Effect.fork(STM.commit(STM.gen(function*() {
        const balance = yield* TRef.get(account)
        if (balance < 20) return yield* STM.retry
        yield* TRef.set(account, balance - 20)
        return balance
      })))
      yield* Effect.repeat(
        Effect.zipRight(Step.run("pay in", Effect.void), STM.commit(TRef.update(account, (balance) => balance + 10))),
        Schedule.addDelay(Schedule.recurs(2), () => "1 hour")
      )
      return `${yield* Fiber.join(waiting)} ${yield* STM.commit(TRef.get(account))}`
    })),
    "20 10"
  )
  survives(
    answering("Latch", Effect.gen(function*() {
      const latch = yield* Effect.makeLatch()
      const waiting = yield* Effect.fork(latch.whenOpen(Step.run("behind", Effect.succeed("open"))))
      yield* Effect.sleep("1 hour")
      yield* latch.open
      return yield* Fiber.join(waiting)
    })),
    "open"
  )
})

describe("streams", () => {
  survives(
    answering("mapEffect with steps in parallel", Effect.map(
      Stream.runCollect(Stream.fromIterable(letters).pipe(Stream.mapEffect((letter) => slow(letter, "60 seconds"), { concurrency: 2 }))),
      (all) => [...all].join("")
    )),
    "abcde"
  )
  const Letter = Signal.make("letter", { payload: Schema.String })
  const ofSignals = answering("of signals", Effect.map(
    Stream.runCollect(Letter.stream.pipe(
      Stream.take(3),
      Stream.mapEffect((letter) => Step.run(`got ${letter}`, Effect.succeed(letter)))
    )),
    (all) => [...all].join("")
  ))
  survives(ofSignals, "abc", (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(ofSignals, undefined, { id: "run" })
      for (const letter of ["a", "b", "c"]) {
        yield* world.run(Client.signal("run", Letter, letter))
        yield* world.advance("1 minute")
      }
      return yield* world.runToEnd(run)
    }))
  survives(
    answering("merged with a timer", Effect.map(
      Stream.runCollect(Stream.merge(
        Stream.fromEffect(slow("step", "600 seconds")),
        Stream.fromEffect(Effect.as(Effect.sleep("1 minute"), "timer"))
      )),
      (all) => [...all].join(",")
    )),
    "timer,step"
  )
  survives(
    answering("a timeout between elements", Effect.map(
      Stream.runCollect(Letter.stream.pipe(Stream.timeout("1 hour"))),
      (all) => `${all.length} in time`
    )),
    "0 in time"
  )
})
