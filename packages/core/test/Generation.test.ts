/** Runs that continue as new: what is kept from one generation to the next, what goes, and what a fault leaves. */
import { it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Random, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, MemoryLog, World } from "@reprise/testing"

const AT = 1_735_689_600_000

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const tags = (history: ReadonlyArray<Event.Event> | undefined) => history?.map(({ _tag }) => _tag)
const startsIn = (history: ReadonlyArray<Event.Event> | undefined) =>
  (history ?? []).filter((event) => event._tag === "RunStarted")

const Go = Signal.make("go")
const Say = Signal.make("say", { payload: Schema.String })
const Count = Signal.make("count", { payload: Schema.Number })
const Ask = Update.make("ask", { output: Schema.String })

describe("a run that continues as new keeps", () => {
  it.effect("its id, key, age and timeout, and goes on with the new input", () =>
    Effect.gen(function*() {
      const Counts = Workflow.make("counts", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          const { generation, key, startedAt } = yield* Workflow.info
          yield* Step.run("work", Effect.succeed(n))
          yield* Effect.sleep("1 minute")
          if (n < 3) return yield* Workflow.continueAsNew(n + 1)
          return { generation, startedAt, key: key ?? "", now: yield* Clock.currentTimeMillis }
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Counts] }), (world) =>
        world.execute(Counts, 0, { id: "run", key: "k", timeout: "1 hour" }))
      expect(seen.exit).toStrictEqual(Exit.succeed({ generation: 3, startedAt: AT, key: "k", now: AT + 4 * 60_000 }))
      expect(startsIn(seen.histories["run"]).map((event) => [event.generation, event.beganAt, event.input, event.key, event.timeoutAt]))
        .toEqual([0, 1, 2, 3].map((n) => [n || undefined, n === 0 ? undefined : AT, n, "k", AT + 3_600_000]))
      expect(seen.calls.map(({ stepId }) => stepId)).toEqual(["0#0", "1#0", "2#0", "3#0"])
    }))

  it.effect("signals that nobody has taken, in order, and those still in the inbox", () =>
    Effect.gen(function*() {
      const Listens = Workflow.make("listens", { input: Schema.Array(Schema.String) }, (heard) =>
        Effect.gen(function*() {
          if (heard.length === 0) yield* Go.receive
          const said = [...heard, yield* Say.receive]
          if (said.length < 5) return yield* Workflow.continueAsNew(said)
          return { said, counted: [yield* Count.receive, yield* Count.receive] }
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Listens] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Listens, [], { id: "run" })
          const say = (text: string) => world.run(Client.signal("run", Say, text, { messageId: text }))
          const count = (n: number) => world.run(Client.signal("run", Count, n, { messageId: `n${n}` }))
          yield* say("a")
          yield* count(1)
          yield* say("b")
          // These arrive in one breath with the one that sets it going.
          yield* Effect.all([world.run(Client.signal("run", Go, undefined, { messageId: "go" })), say("c"), count(2), say("d")])
          yield* world.idle
          yield* say("e")
          return yield* world.runToEnd(run)
        }))
      expect(seen.exit).toStrictEqual(Exit.succeed({ said: ["a", "b", "c", "d", "e"], counted: [1, 2] }))
    }))

  it.effect("updates that were not accepted yet", () =>
    Effect.gen(function*() {
      const Answers = Workflow.make("answers", { input: Schema.Boolean }, (isReady) =>
        Effect.gen(function*() {
          if (isReady) yield* Update.handle(Ask, { run: () => Effect.succeed("answer") })
          yield* Go.receive
          return isReady ? "done" : yield* Workflow.continueAsNew(true)
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Answers] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Answers, false, { id: "run" })
          const asked = yield* Effect.fork(world.run(Client.update("run", Ask, undefined, { messageId: "u" })))
          yield* world.idle
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "1" }))
          yield* world.idle
          const answer = yield* Fiber.join(asked)
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "2" }))
          return [answer, yield* world.runToEnd(run)]
        }))
      expect(seen.exit).toStrictEqual(Exit.succeed(["answer", "done"]))
    }))

  it.effect("its timeout, which counts from the first generation", () =>
    Effect.gen(function*() {
      const Sleeps = Workflow.make("sleeps", { input: Schema.Number }, (n) =>
        Effect.zipRight(Effect.sleep("1 hour"), Workflow.continueAsNew(n + 1)))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Sleeps] }), (world) =>
        world.execute(Sleeps, 0, { id: "run", timeout: "150 minutes" }))
      expect(failureOf(seen.exit)).toMatchObject({ _tag: "RunTimedOut" })
      expect(seen.histories["run"]?.at(-1)).toMatchObject({
        _tag: "RunFailed",
        at: AT + 150 * 60_000,
        failure: { _tag: "TimedOut", scope: "run", millis: 150 * 60_000 }
      })
    }))

  it.effect("its timeout, also when it passes as a generation ends", () =>
    Effect.gen(function*() {
      const Sleeps = Workflow.make("sleeps", { input: Schema.Number }, (n) =>
        Effect.zipRight(Effect.sleep("1 hour"), Workflow.continueAsNew(n + 1)))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Sleeps] }), (world) =>
        world.execute(Sleeps, 0, { id: "run", timeout: "2 hours" }))
      expect(failureOf(seen.exit)).toMatchObject({ _tag: "RunTimedOut" })
      const history = tags(seen.histories["run"]) ?? []
      expect(history.filter((_, i) => history[i - 1] === "RunContinuedAsNew")).toEqual(["RunStarted", "RunStarted"])
    }))
})

describe("a run that continues as new leaves behind", () => {
  it.effect("steps, timers and what their attempts say later", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const slow = Effect.onExit(Effect.sleep("1 day"), (exit) => Effect.sync(() => void ended.push(exit._tag)))
      const Leaves = Workflow.make("leaves", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Effect.forkDaemon(Step.run("slow", slow))
          yield* Effect.forkDaemon(Effect.sleep("1 hour"))
          yield* Go.receive
          return n < 1 ? yield* Workflow.continueAsNew(n + 1) : "done"
        }))
      const world = yield* World.make({ workflows: [Leaves] })
      const run = yield* world.start(Leaves, 0, { id: "run" })
      yield* world.run(Client.signal("run", Go, undefined))
      yield* world.idle
      expect(ended).toEqual(["Failure"])
      yield* world.advance("2 days")
      yield* world.run(Client.signal("run", Go, undefined))
      expect(yield* world.runToEnd(run)).toBe("done")
      const outcomes = (yield* world.history("run")).filter((event) => event._tag === "StepCompleted" || event._tag === "TimerFired")
      expect(outcomes.map((event) => "id" in event && event.id.split(".")[0])).toEqual(["1", "1"])
    }).pipe(Effect.scoped))

  it.effect("an attempt that was waiting for a slot", () =>
    Effect.gen(function*() {
      const begun: Array<string> = []
      const Leaves = Workflow.make("leaves", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Effect.forkDaemon(Step.run("holds", Effect.sleep("1 day")))
          yield* Effect.forkDaemon(Step.run("waits", Effect.sync(() => void begun.push(`waits ${n}`))))
          yield* Go.receive
          return n < 1 ? yield* Workflow.continueAsNew(n + 1) : "done"
        }))
      const world = yield* World.make({ workflows: [Leaves], limits: { attemptsMax: 1 } })
      yield* world.start(Leaves, 0, { id: "run" })
      yield* world.run(Client.signal("run", Go, undefined))
      yield* world.advance("2 days")
      expect(begun).toEqual(["waits 1"])
    }).pipe(Effect.scoped))

  it.effect("updates under way, whose senders are told", () =>
    Effect.gen(function*() {
      const Answers = Workflow.make("answers", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Update.handle(Ask, { run: () => Step.run("slow", Effect.as(Effect.sleep("1 day"), "answer")) })
          yield* Go.receive
          return n < 1 ? yield* Workflow.continueAsNew(n + 1) : "done"
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Answers] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Answers, 0, { id: "run" })
          const asked = yield* Effect.fork(Effect.flip(world.run(Client.update("run", Ask, undefined, { messageId: "u" }))))
          yield* world.advance("1 minute")
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "1" }))
          yield* world.idle
          const told = yield* Fiber.join(asked)
          // The same again is answered the same, by the history.
          const again = yield* Effect.flip(world.run(Client.update("run", Ask, undefined, { messageId: "u" })))
          yield* world.advance("2 days")
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "2" }))
          return [told, again, yield* world.runToEnd(run)]
        }))
      const failed = { _tag: "UpdateFailed", update: "ask", detail: expect.stringContaining("continues as new") }
      expect(Exit.isSuccess(seen.exit) && seen.exit.value).toMatchObject([failed, failed, "done"])
    }))

  it.effect("awakeables: a late settlement finds none", () =>
    Effect.gen(function*() {
      const Token = Query.make("token", { output: Schema.String })
      const Waits = Workflow.make("waits", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          const made = yield* Awakeable.make("made", { value: Schema.String })
          yield* Query.handle(Token, () => Effect.succeed(made.token))
          if (n === 0) {
            yield* Go.receive
            return yield* Workflow.continueAsNew(1)
          }
          return yield* made.await
        }))
      const world = yield* World.make({ workflows: [Waits] })
      const run = yield* world.start(Waits, 0, { id: "run" })
      const old = yield* world.run(Client.query("run", Token, undefined))
      yield* world.run(Client.signal("run", Go, undefined))
      yield* world.idle
      const late = yield* Effect.flip(world.run(Client.resolveAwakeable(old, "late")))
      expect(late).toMatchObject({ _tag: "AwakeableUnknown" })
      yield* world.run(Client.resolveAwakeable(yield* world.run(Client.query("run", Token, undefined)), "in time"))
      expect(yield* world.runToEnd(run)).toBe("in time")
    }).pipe(Effect.scoped))

  it.effect("its random streams: each generation draws from its own", () =>
    Effect.gen(function*() {
      const Draws = Workflow.make("draws", { input: Schema.Array(Schema.Number) }, (drawn) =>
        Effect.gen(function*() {
          const all = [...drawn, yield* Random.next]
          yield* Effect.sleep("1 second")
          return all.length < 3 ? yield* Workflow.continueAsNew(all) : new Set(all).size
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Draws] }), (world) => world.execute(Draws, [], { id: "run" }))
      expect(seen.exit).toStrictEqual(Exit.succeed(3))
    }))
})

describe("the end of a generation", () => {
  it.effect("comes after the cleanup of its scope, and waits for what is being cancelled", () =>
    Effect.gen(function*() {
      const Cleans = Workflow.make("cleans", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Effect.acquireRelease(Step.run("acquire", Effect.void), () => Step.run("release", Effect.void))
          yield* Effect.fork(Effect.onInterrupt(Step.run("slow", Effect.sleep("1 day")), () => Step.run("undo", Effect.void)))
          yield* Effect.sleep("1 minute")
          return n < 1 ? yield* Workflow.continueAsNew(n + 1) : "done"
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Cleans] }), (world) => world.execute(Cleans, 0, { id: "run" }))
      expect(seen.exit).toStrictEqual(Exit.succeed("done"))
      const generation = ["acquire", "slow", "release", "undo"]
      expect(seen.calls.map(({ step }) => step).filter((step, i, all) => all.indexOf(step) === i).toSorted()).toEqual(generation.toSorted())
    }))

  it.effect("is a cancellation, when both are asked for", () =>
    Effect.gen(function*() {
      const Stubborn = Workflow.make("stubborn", { input: Schema.Number }, (n) =>
        Effect.catchAllCause(Go.receive, () => Workflow.continueAsNew(n + 1)))
      const Holds = Workflow.make("holds", { input: Schema.Number }, (n) =>
        Effect.uninterruptible(Effect.zipRight(Effect.sleep("1 hour"), Workflow.continueAsNew(n + 1))))
      for (const workflow of [Stubborn, Holds]) {
        const seen = yield* Crashes.everywhere(() => ({ workflows: [workflow] }), (world) =>
          Effect.gen(function*() {
            const run = yield* world.start<number, void, never, never>(workflow, 0, { id: "run" })
            yield* world.run(Client.cancel("run", { messageId: "cancel" }))
            return yield* Effect.exit(world.runToEnd(run))
          }))
        expect(seen.histories["run"]?.at(-1)).toMatchObject({ _tag: "RunCancelled" })
        expect(startsIn(seen.histories["run"])).toHaveLength(1)
      }
    }))

  it.effect("meets a cancel that comes in the same breath: the next generation is cancelled", () =>
    Effect.gen(function*() {
      const Goes = Workflow.make("goes", { input: Schema.Number }, (n) =>
        Effect.onInterrupt(Effect.zipRight(Go.receive, Workflow.continueAsNew(n + 1)), () => Step.run("undo", Effect.void)))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Goes] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Goes, 0, { id: "run" })
          yield* Effect.all([
            world.run(Client.signal("run", Go, undefined, { messageId: "go" })),
            world.run(Client.cancel("run", { messageId: "cancel" }))
          ])
          return yield* Effect.exit(world.runToEnd(run))
        }))
      expect(seen.histories["run"]?.at(-1)).toMatchObject({ _tag: "RunCancelled" })
    }))

  it.effect("may be paused before, and goes on as it was", () =>
    Effect.gen(function*() {
      const Goes = Workflow.make("goes", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Go.receive
          return n < 2 ? yield* Workflow.continueAsNew(n + 1) : "done"
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Goes] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Goes, 0, { id: "run" })
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "1" }))
          yield* world.run(Client.pause("run", { messageId: "pause" }))
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "2" }))
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "3" }))
          yield* world.advance("1 day")
          yield* world.run(Client.resume("run", { messageId: "resume" }))
          return yield* world.runToEnd(run)
        }))
      expect(seen.exit).toStrictEqual(Exit.succeed("done"))
    }))

  it.effect("is terminated like any other moment", () =>
    Effect.gen(function*() {
      const Goes = Workflow.make("goes", { input: Schema.Number }, (n) =>
        Effect.zipRight(Effect.sleep("1 day"), Workflow.continueAsNew(n + 1)))
      const store = MemoryLog.makeStore()
      const world = yield* World.make({ workflows: [Goes], store })
      const run = yield* world.start(Goes, 0, { id: "run" })
      yield* world.advance("36 hours")
      yield* world.run(Client.terminate("run"))
      expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: "RunTerminated" })
    }).pipe(Effect.scoped))
})

describe("a loop", () => {
  const Add = Signal.make("add", { payload: Schema.Number })
  const Sum = Workflow.loop("sum", { input: Schema.Number, continueAfter: 12 }, (sum) =>
    Effect.gen(function*() {
      const added = yield* Add.receive
      yield* Step.run("add", Effect.succeed(added))
      return added === 0 ? Workflow.done(sum) : Workflow.next(sum + added)
    }))
  const addAll = (world: World.World, numbers: ReadonlyArray<number>) =>
    Effect.forEach(numbers, (n, i) => world.run(Client.signal("run", Add, n, { messageId: `m${i}` })))

  it.effect("continues as new when its history has grown, and nobody can tell", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Sum] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Sum, 0, { id: "run" })
          yield* addAll(world, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
          return yield* world.runToEnd(run)
        }))
      expect(seen.exit).toStrictEqual(Exit.succeed(45))
      // Four turns of three events follow RunStarted; the fifth begins in the next generation.
      expect(startsIn(seen.histories["run"]).map(({ input }) => input)).toEqual([0, 10, 36])
    }))

  it.effect("does the same wherever its generations end", () =>
    Effect.gen(function*() {
      for (let continueAfter = 1; continueAfter < 40; continueAfter += 3) {
        const Here = Workflow.loop("sum", { input: Schema.Number, continueAfter }, (sum) =>
          Effect.gen(function*() {
            const added = yield* Effect.race(Add.receive, Effect.as(Effect.sleep("1 minute"), 0))
            return added === 0 ? Workflow.done(sum) : Workflow.next(sum + added)
          }))
        const world = yield* World.make({ workflows: [Here] })
        const run = yield* world.start(Here, 0, { id: "run" })
        yield* addAll(world, [1, 2, 3, 4, 5, 6, 7, 8, 9])
        expect(yield* world.runToEnd(run)).toBe(45)
      }
    }).pipe(Effect.scoped))

  it.effect("closes the scope of each turn before the next", () =>
    Effect.gen(function*() {
      const did: Array<string> = []
      const note = (what: string) => Step.run(what, Effect.sync(() => void did.push(what)))
      const Scopes = Workflow.loop("scopes", { input: Schema.Number, continueAfter: 10 }, (n) =>
        Effect.gen(function*() {
          yield* Effect.acquireRelease(note(`open ${n}`), () => note(`close ${n}`))
          return n < 3 ? Workflow.next(n + 1) : Workflow.done()
        }))
      const world = yield* World.make({ workflows: [Scopes] })
      yield* world.execute(Scopes, 0)
      expect(did).toEqual([0, 1, 2, 3].flatMap((n) => [`open ${n}`, `close ${n}`]))
    }).pipe(Effect.scoped))

  for (const way of ["fails", "is cancelled"] as const) {
    it.effect(`that ${way} undoes the turn that it is in, wherever its generations end`, () =>
      Effect.gen(function*() {
        for (const continueAfter of [4, 1_000]) {
          const Books = Workflow.loop("books", { input: Schema.Number, error: Schema.String, continueAfter }, (n) =>
            Effect.gen(function*() {
              yield* Effect.acquireRelease(Step.run(`open ${n}`, Effect.void), () => Step.run(`close ${n}`, Effect.void))
              yield* Step.run(`book ${n}`, Effect.void, { compensate: () => Effect.void })
              yield* Go.receive
              return n < 2 ? Workflow.next(n + 1) : yield* Effect.fail("two")
            }))
          const seen = yield* Crashes.everywhere(() => ({ workflows: [Books] }), (world) =>
            Effect.gen(function*() {
              const run = yield* world.start(Books, 0, { id: "run" })
              for (const messageId of ["1", "2"]) {
                yield* world.run(Client.signal("run", Go, undefined, { messageId }))
                yield* world.idle
              }
              if (way === "fails") yield* world.run(Client.signal("run", Go, undefined, { messageId: "3" }))
              else yield* world.run(Client.cancel("run", { messageId: "cancel" }))
              return yield* Effect.exit(world.runToEnd(run))
            }))
          expect(failureOf(seen.exit)).toBeUndefined()
          expect(seen.histories["run"]?.at(-1)).toMatchObject({ _tag: way === "fails" ? "RunFailed" : "RunCancelled" })
          const steps = ["open 0", "book 0", "close 0", "open 1", "book 1", "close 1", "open 2", "book 2", "undo book 2", "close 2"]
          expect(seen.calls.map(({ step }) => step)).toEqual(steps)
        }
      }))
  }

  it.effect("is cancelled while a turn cleans up, and cleans up to the end", () =>
    Effect.gen(function*() {
      const slow = Step.run("close", Effect.sleep("1 hour"))
      const Closes = Workflow.loop("closes", { input: Schema.Number }, (n) =>
        Effect.acquireRelease(Step.run("open", Effect.void), () => Effect.zipRight(slow, Step.run("closed", Effect.void))).pipe(
          Effect.as(Workflow.next(n))
        ))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Closes] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Closes, 0, { id: "run" })
          yield* world.run(Client.cancel("run", { messageId: "cancel" }))
          return yield* Effect.exit(world.runToEnd(run))
        }))
      expect(seen.histories["run"]?.at(-1)).toMatchObject({ _tag: "RunCancelled" })
      expect(seen.calls.map(({ step }) => step)).toEqual(["open", "close", "closed"])
    }))

  it.effect("lets an update under way end before it continues", () =>
    Effect.gen(function*() {
      const Answers = Workflow.loop("answers", { input: Schema.Number, continueAfter: 5 }, (n) =>
        Effect.gen(function*() {
          yield* Update.handle(Ask, { run: () => Step.run("slow", Effect.as(Effect.sleep("1 hour"), "answer")) })
          yield* Effect.sleep("10 minutes")
          return n < 12 ? Workflow.next(n + 1) : Workflow.done()
        }))
      const world = yield* World.make({ workflows: [Answers], alwaysReplay: true })
      const run = yield* world.start(Answers, 0, { id: "run" })
      const asked = yield* Effect.fork(world.run(Client.update("run", Ask, undefined)))
      yield* world.runToEnd(run)
      expect(yield* Fiber.join(asked)).toBe("answer")
      // The update takes an hour, six turns of which the first generation waits for; later ones have two turns.
      expect(startsIn(yield* world.history("run")).map(({ input }) => input)).toEqual([0, 6, 8, 10, 12])
    }).pipe(Effect.scoped))

  it.effect("may fail, end or continue by itself at any turn", () =>
    Effect.gen(function*() {
      const Own = Workflow.loop("own", { input: Schema.Number, error: Schema.String }, (n) =>
        Effect.gen(function*() {
          if (n === 3) return yield* Effect.fail("three")
          yield* Effect.sleep("1 second")
          if (n === 1) return yield* Workflow.continueAsNew(n + 1)
          return Workflow.next(n + 1)
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Own] }), (world) => world.execute(Own, 0, { id: "run" }))
      expect(failureOf(seen.exit)).toBe("three")
      expect(startsIn(seen.histories["run"]).map(({ input }) => input)).toEqual([0, 2])
    }))

  it.effect("takes another bound under open runs", () =>
    Effect.gen(function*() {
      const bounded = (continueAfter: number) =>
        Workflow.loop("sum", { input: Schema.Number, continueAfter }, (sum) =>
          Effect.gen(function*() {
            const added = yield* Add.receive
            yield* Step.run("add", Effect.succeed(added))
            return added === 0 ? Workflow.done(sum) : Workflow.next(sum + added)
          }))
      for (const alwaysReplay of [false, true]) {
        const world = yield* World.make({ workflows: [bounded(1_000)], alwaysReplay })
        const run = yield* world.start(bounded(1_000), 0, { id: "run" })
        yield* addAll(world, [1, 2, 3, 4, 5])
        yield* world.restart([bounded(2)])
        yield* world.run(Client.signal("run", Add, 6))
        yield* world.run(Client.signal("run", Add, 7))
        yield* world.idle
        yield* world.restart([bounded(500)])
        yield* world.run(Client.signal("run", Add, 0))
        expect(yield* world.runToEnd(run)).toBe(28)
        expect(startsIn(yield* world.history("run")).map(({ input }) => input)).toEqual([0, 21, 28])
      }
    }).pipe(Effect.scoped))

  it("refuses a bound that lets no turn happen", () => {
    for (const continueAfter of [0, -1, NaN]) {
      expect(() => Workflow.loop("never", { continueAfter }, () => Effect.succeed(Workflow.next()))).toThrow("continueAfter")
    }
  })
})

describe("the length of the history", () => {
  it.effect("is that of the generation, the same live and on replay", () =>
    Effect.gen(function*() {
      const Lengths = Workflow.make("lengths", { input: Schema.Array(Schema.Number) }, (before) =>
        Effect.gen(function*() {
          const first = yield* Workflow.historyLength
          yield* Step.run("work", Effect.void)
          yield* Effect.sleep("1 minute")
          const all = [...before, first, yield* Workflow.historyLength]
          return all.length < 4 ? yield* Workflow.continueAsNew(all) : all
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Lengths] }), (world) => world.execute(Lengths, [], { id: "run" }))
      expect(seen.exit).toStrictEqual(Exit.succeed([1, 5, 1, 5]))
    }))

  it.effect("stays the same when another version has taken the run over", () =>
    Effect.gen(function*() {
      const Takes = (version: string) =>
        Workflow.make("takes", { version }, () =>
          Effect.gen(function*() {
            yield* Step.run("work", Effect.void)
            yield* Go.receive
            const length = yield* Workflow.historyLength
            yield* Effect.sleep(`${length} minutes`)
            yield* Go.receive
            return length
          }))
      const world = yield* World.make({ workflows: [Takes("1")] })
      const run = yield* world.start(Takes("1"), undefined, { id: "run" })
      yield* world.restart([Takes("2")])
      yield* world.run(Client.signal("run", Go, undefined))
      yield* world.crash
      yield* world.run(Client.signal("run", Go, undefined))
      yield* world.advance("1 hour")
      expect((yield* world.run(Client.describe("run"))).blocked).toBeUndefined()
      const length = yield* world.runToEnd(run)
      expect((yield* world.history("run"))[length - 1]).toMatchObject({ _tag: "SignalReceived" })
    }).pipe(Effect.scoped))
})

describe("continuing at once", () => {
  it.effect("is fine while there are signals to take", () =>
    Effect.gen(function*() {
      const Takes = Workflow.make("takes", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          if (n === 0) yield* Go.receive
          yield* Count.receive
          return n < 249 ? yield* Workflow.continueAsNew(n + 1) : "done"
        }))
      const world = yield* World.make({ workflows: [Takes], limits: { generationsMax: 20 } })
      const run = yield* world.start(Takes, 0, { id: "run" })
      yield* Effect.forEach(Array.from({ length: 250 }, (_, n) => n), (n) => world.run(Client.signal("run", Count, n)))
      yield* world.run(Client.signal("run", Go, undefined))
      expect(yield* world.runToEnd(run)).toBe("done")
    }).pipe(Effect.scoped))

  it.effect("for ever blocks the run, and nothing else", () =>
    Effect.gen(function*() {
      const spinning = (isMended: boolean) =>
        Workflow.make("spins", { input: Schema.Number }, (n) =>
          isMended ? Effect.succeed(n) : Effect.zipRight(Effect.sleep(0), Workflow.continueAsNew(n + 1)))
      const world = yield* World.make({ workflows: [spinning(false)] })
      const run = yield* world.start(spinning(false), 0, { id: "run" })
      const { blocked } = yield* world.run(Client.describe("run"))
      expect(blocked).toMatchObject({ _tag: "ProgramSpinning", bound: expect.stringContaining("100 times without waiting") })
      yield* world.restart([spinning(true)])
      expect(yield* world.runToEnd(run)).toBe(101)
    }).pipe(Effect.scoped))

  it.effect("by a loop that never waits is found as well", () =>
    Effect.gen(function*() {
      const Spins = Workflow.loop("spins", { input: Schema.Number }, (n) => Effect.succeed(Workflow.next(n)))
      const world = yield* World.make({ workflows: [Spins], limits: { activationOpsMax: 100_000 } })
      yield* world.start(Spins, 0, { id: "run" })
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({ _tag: "ProgramSpinning" })
    }).pipe(Effect.scoped))
})

describe("a state that does not fit", () => {
  const Small = Schema.Number.pipe(Schema.lessThan(2))
  const counting = (input: Schema.Schema<number>, version = "1") =>
    Workflow.make("counts", { input, version }, (n) =>
      Effect.gen(function*() {
        yield* Step.run("work", Effect.succeed(n))
        yield* Say.receive
        return n < 3 ? yield* Workflow.continueAsNew(n + 1) : "done"
      }))
  const say = (world: World.World, text: string) => world.run(Client.signal("run", Say, text, { messageId: text }))

  it.effect("is refused where it is made, and the run goes on with a fitting build", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [counting(Small)] })
      const run = yield* world.start(counting(Small), 0, { id: "run" })
      yield* say(world, "a")
      yield* say(world, "b")
      yield* world.idle
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({
        _tag: "ProgramValueInvalid",
        what: "input with which workflow \"counts\" continues"
      })
      yield* say(world, "c")
      yield* say(world, "d")
      yield* world.restart([counting(Schema.Number)])
      expect(yield* world.runToEnd(run)).toBe("done")
      expect((yield* world.calls).map(({ stepId }) => stepId)).toEqual(["0#0", "1#0", "2#0", "3#0"])
    }).pipe(Effect.scoped))

  it.effect("for the newest version blocks the run between two generations, and nothing is lost", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [counting(Schema.Number)] })
      const run = yield* world.start(counting(Schema.Number), 0, { id: "run" })
      yield* say(world, "a")
      yield* world.idle
      yield* world.restart([counting(Schema.Number), counting(Small, "2")])
      yield* say(world, "b")
      yield* world.idle
      const { blocked, status } = yield* world.run(Client.describe("run"))
      expect(status).toBe("running")
      expect(blocked).toMatchObject({
        _tag: "ProgramValueInvalid",
        what: expect.stringContaining("input"),
        detail: expect.stringContaining("less than 2")
      })
      expect((yield* world.history("run")).at(-1)).toMatchObject({ _tag: "RunContinuedAsNew", input: 2 })
      yield* say(world, "c")
      yield* say(world, "d")
      yield* world.crash
      yield* world.idle
      expect((yield* world.run(Client.describe("run"))).blocked).toBeDefined()
      // The version that wrote the generation is gone.
      yield* world.restart([counting(Schema.Number, "3")])
      expect(yield* world.runToEnd(run)).toBe("done")
      expect((yield* world.calls).map(({ stepId }) => stepId)).toEqual(["0#0", "1#0", "2#0", "3#0"])
      expect(startsIn(yield* world.history("run")).map(({ version }) => version)).toEqual(["1", "1", "3", "3"])
    }).pipe(Effect.scoped))

  it.effect("blocks a run that can still be cancelled or terminated", () =>
    Effect.gen(function*() {
      for (const end of [Client.cancel, Client.terminate]) {
        const world = yield* World.make({ workflows: [counting(Schema.Number)] })
        const run = yield* world.start(counting(Schema.Number), 1, { id: "run" })
        yield* world.restart([counting(Schema.Number), counting(Small, "2")])
        yield* say(world, "a")
        yield* world.idle
        yield* world.run(end("run"))
        yield* world.idle
        yield* world.restart([counting(Schema.Number, "3")])
        expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: end === Client.cancel ? "RunCancelled" : "RunTerminated" })
      }
    }).pipe(Effect.scoped))

  it.effect("and is too large is refused where it is made", () =>
    Effect.gen(function*() {
      const Grows = Workflow.make("grows", { input: Schema.String }, (text) =>
        Effect.zipRight(Effect.sleep("1 second"), Workflow.continueAsNew(text + text)))
      const world = yield* World.make({ workflows: [Grows], limits: { payloadBytesMax: 2_000 } })
      yield* world.start(Grows, "x".repeat(600), { id: "run" })
      yield* world.advance("10 seconds")
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({
        _tag: "ProgramValueInvalid",
        what: "input of the next generation",
        detail: expect.stringContaining("2402 bytes")
      })
    }).pipe(Effect.scoped))

  it.effect("of a loop is found in the turn that made it", () =>
    Effect.gen(function*() {
      const Turns = Workflow.loop("turns", { input: Small }, (n) =>
        Effect.as(Effect.sleep("1 second"), Workflow.next(n + 1)))
      const world = yield* World.make({ workflows: [Turns] })
      yield* world.start(Turns, 0, { id: "run" })
      yield* world.advance("10 seconds")
      const { blocked, eventCount } = yield* world.run(Client.describe("run"))
      expect(blocked).toMatchObject({ _tag: "ProgramValueInvalid", what: "state of workflow \"turns\"" })
      expect(eventCount).toBe(4)
    }).pipe(Effect.scoped))
})
