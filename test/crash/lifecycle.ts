/**
 * The family of runs that the crash tests kill at every event: children of every policy, signals between runs, a saga that
 * fails, a pause, a run that continues as new with signals carried over, a fork, and a cancel that reaches the children.
 * Each waits for what the outsider does next, so that every history is the same each time.
 */
import { appendFileSync } from "node:fs"
import { Child, Client, Compensation, Signal, Step, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Duration, Effect, Schedule, Schema } from "effect"

export const Go = Signal.make("go", { payload: Schema.String })
export const Tick = Signal.make("tick", { payload: Schema.Number })

/** One line for each time a body runs: what the world has seen. */
const did = (ledger: string, name: string) =>
  Effect.map(Step.attempt, ({ attempt, runId }) => appendFileSync(ledger, `${runId} ${name} ${attempt}\n`))

/** Ids that the story does not give are fresh ones: the children that the fork starts anew. */
export const roleOf = (runId: string): string => (/^[0-9a-f]{8}-/.test(runId) ? "helper of the fork" : runId)

export const familyOn = (ledger: string) => {
  const step = (name: string) => Step.run(name, Effect.as(did(ledger, name), name))

  const Helper = Workflow.make("helper", {}, () => Effect.onInterrupt(Effect.asVoid(Go.receive), () => step("tidy")))

  const Counter = Workflow.make("counter", { input: Schema.Struct({ left: Schema.Number, sum: Schema.Number }) }, (state) =>
    Effect.gen(function*() {
      if (state.sum === 0) yield* Go.receive
      const sum = state.sum + (yield* Tick.receive)
      yield* step(`count to ${sum}`)
      return state.left === 1 ? sum : yield* Workflow.continueAsNew({ left: state.left - 1, sum })
    }))

  const undo = (name: string, fails = 0) => ({
    run: () =>
      Effect.zipRight(
        did(ledger, `undo ${name}`),
        Effect.flatMap(Step.attempt, ({ attempt }) => attempt > fails ? Effect.void : Effect.fail("busy"))
      ),
    retry: Schedule.recurs(2)
  })

  const Saga = Workflow.make("saga", { error: Schema.String }, () =>
    Effect.gen(function*() {
      yield* Compensation.add("notes", () => Effect.zipRight(step("find notes"), step("burn notes")))
      yield* Step.run("flight", did(ledger, "flight"), { compensate: undo("flight") })
      yield* Child.start(Helper, undefined)
      yield* Step.run("room", did(ledger, "room"), { compensate: undo("room", 1) })
      return yield* Step.run("car", Effect.zipRight(did(ledger, "car"), Effect.fail("no car")))
    }))

  const Part = Workflow.make("part", { input: Schema.Number }, (n) => Effect.as(step("half"), n / 2))

  const Trip = Workflow.make("trip", {}, () =>
    Effect.gen(function*() {
      yield* Step.run("reserve", did(ledger, "reserve"), { compensate: undo("reserve") })
      yield* Child.start(Helper, undefined, { id: "to be cancelled" })
      yield* Child.start(Helper, undefined, { id: "to be terminated", parentClose: "terminate" })
      const counter = yield* Child.start(Counter, { left: 3, sum: 0 }, { id: "counter", parentClose: "abandon" })
      yield* counter.signal(Tick, 1)
      const failed = yield* Effect.flip(Child.run(Saga, undefined, { id: "saga" }))
      const part = yield* Child.run(Part, 8, { id: "part" })
      const word = yield* Go.receive
      yield* Tick.send("counter", part)
      yield* step(`${word} after ${failed}`)
      yield* Child.run(Helper, undefined, { id: "awaited" })
    }))

  return { Trip, Saga, Part, Counter, all: [Trip, Saga, Part, Counter, Helper] }
}

type Tag = Event.EventTag

/** Looks again and again; one that looks in vain says so before the test's time is up. */
const eventually = <A, E>(what: string, look: Effect.Effect<A | undefined, E, Client.Client>) => {
  const again: Effect.Effect<A, E, Client.Client> = Effect.flatMap(look, (seen) =>
    seen === undefined ? Effect.zipRight(Effect.sleep(Duration.millis(3)), again) : Effect.succeed(seen))
  return Effect.timeoutFail(again, { duration: "40 seconds", onTimeout: () => new Error(`waited in vain for ${what}`) })
}

/** Waits until the run's history has that many events of the kind. */
const until = (runId: string, tag: Tag, count = 1) =>
  eventually(
    `${count} ${tag} of ${runId}`,
    Effect.map(Effect.catchTag(Client.history(runId), "RunNotFound", () => Effect.succeed([])), (events) =>
      events.filter((event) => event._tag === tag).length >= count ? events : undefined)
  )

const allClosed = Effect.map(Client.list({ limit: 100 }), (runs) =>
  runs.every(({ closedAt }) => closedAt !== undefined) ? true : undefined)

/** Everything that the outsider does, idempotent: after a crash it is simply done again. */
export const drive = (ledger: string) =>
  Effect.gen(function*() {
    const family = familyOn(ledger)
    yield* Client.start(family.Trip, undefined, { id: "trip", onConflict: "use_existing" })

    // The saga has ended, and is forked as if there had been a car.
    const saga = yield* until("saga", "RunFailed")
    const at = saga.findIndex((event) => event._tag === "StepAttemptFailed") + 1
    const forked = Client.fork("saga", { at, replace: [{ seq: at, value: "a car" }], id: "fork", by: "ann" })
    yield* Effect.catchTag(forked, "RunExists", () => Effect.void)
    const fork = yield* Effect.either(Client.result(family.Saga, "fork"))

    // The trip is paused, and its signal waits.
    yield* until("trip", "ChildCompleted")
    yield* Effect.ignore(Client.pause("trip", { messageId: "pause", by: "ann" }))
    yield* until("trip", "RunPaused")
    yield* Effect.ignore(Client.signal("trip", Go, "gone", { messageId: "go" }))
    yield* Effect.ignore(Client.resume("trip", { messageId: "resume", by: "ann" }))

    // The counter has three signals before it takes the first.
    yield* until("counter", "SignalReceived", 2)
    yield* Effect.ignore(Client.signal("counter", Tick, 2, { messageId: "tick" }))
    yield* Effect.ignore(Client.signal("counter", Go, "", { messageId: "go" }))
    const sum = yield* Client.result(family.Counter, "counter")

    // The cancel reaches the awaited child, undoes the trip, and then reaches the other children.
    yield* until("awaited", "RunStarted")
    yield* Effect.ignore(Client.cancel("trip", { messageId: "cancel", by: "ann", reason: "rain" }))
    yield* Effect.exit(Client.result(family.Trip, "trip"))
    yield* eventually("the end of every run", allClosed)
    return { fork, sum }
  })
