/** Workflows as people write them, one for each feature; each with the script of what happens to it. */
import { Awakeable, Child, Client, Compensation, Query, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import { Simulation, type World } from "@reprise/testing"
import { Clock, Effect, Option, Ref, Schedule, Schema } from "effect"

type Check = (bounds: Simulation.Bounds) => ReturnType<typeof Simulation.check>
type Script = (world: World.World) => Effect.Effect<unknown, unknown>

const plain = (
  workflow: Workflow.Workflow<void, unknown, unknown, never>,
  script?: Script,
  others: ReadonlyArray<Workflow.Any> = []
): Check =>
(bounds) => Simulation.check(workflow, { ...bounds, given: { others, ...(script === undefined ? {} : { script }) } })

const takes = (name: string, millis: number) => Step.run(name, Effect.as(Effect.sleep(millis), name))

const Steps = Workflow.make("steps", {}, () =>
  Effect.gen(function*() {
    const price = yield* Step.run("price", Effect.succeed(42))
    yield* Effect.sleep("1 day")
    const at = yield* Step.value("lucky", Effect.succeed(7))
    return `${yield* takes("charge", 1_000)} ${price} ${at}`
  }))

const flaky = Effect.flatMap(Step.attempt, ({ attempt }) => (attempt < 3 ? Effect.fail("not yet") : Effect.succeed(attempt)))
const Retries = Workflow.make("retries", { output: Schema.Number, error: Schema.String }, () =>
  Step.run("flaky", flaky, { output: Schema.Number, retry: Schedule.intersect(Schedule.exponential("1 minute"), Schedule.recurs(5)) }))

const Parallel = Workflow.make("parallel", {}, () =>
  Effect.forEach([4_000, 3_000, 2_000, 1_000], (millis) => takes(`part ${millis}`, millis), { concurrency: 2 }))

const Race = Workflow.make("race", {}, () =>
  Effect.gen(function*() {
    const first = yield* Effect.race(takes("fast", 60_000), takes("slow", 600_000))
    const late = yield* Effect.timeoutOption(takes("never", 7_200_000), "1 hour")
    return `${first} ${Option.isNone(late)}`
  }))

const Approve = Signal.make("approve", { payload: Schema.String })
const Publish = Workflow.make("publish", { messages: [Approve] }, () =>
  Effect.gen(function*() {
    yield* takes("send draft", 1_000)
    const by = yield* Approve.receive.pipe(Effect.timeoutOption("3 days"))
    return Option.getOrElse(by, () => "nobody")
  }))
const approved: Script = (world) =>
  Effect.gen(function*() {
    const run = yield* world.start(Publish, undefined)
    yield* world.advance("2 days")
    yield* world.run(Client.signal(run.runId, Approve, "Ada", { messageId: "approval" }))
    return yield* world.runToEnd(run)
  })

const Total = Query.make("total", { output: Schema.Number })
const Add = Update.make("add", { input: Schema.Number, output: Schema.Number })
const CheckOut = Signal.make("check out")
const Cart = Workflow.make("cart", { messages: [Total, Add, CheckOut] }, () =>
  Effect.gen(function*() {
    const sum = yield* Ref.make(0)
    yield* Query.handle(Total, () => Ref.get(sum))
    yield* Update.handle(Add, {
      run: (price) => Effect.zipRight(takes("reserve", 1_000), Ref.updateAndGet(sum, (before) => before + price))
    })
    yield* CheckOut.receive
    return yield* Ref.get(sum)
  }))
const bought: Script = (world) =>
  Effect.gen(function*() {
    const { result, runId } = yield* world.start(Cart, undefined)
    for (const price of [3, 4]) {
      yield* world.run(Effect.flatMap(Client.Client, ({ log }) =>
        log.send(runId, { _tag: "Update", messageId: `add ${price}`, name: "add", input: price })))
      yield* world.advance("1 hour")
    }
    const total = yield* world.run(Client.query(runId, Total, undefined))
    yield* world.run(Client.signal(runId, CheckOut, undefined, { messageId: "out" }))
    return [total, yield* world.runToEnd({ runId, existed: false, result })]
  })

const Trip = Workflow.make("trip", { error: Schema.String }, () =>
  Effect.gen(function*() {
    yield* Step.run("book flight", Effect.succeed("LH 400"), { compensate: (flight) => Effect.asVoid(Effect.succeed(flight)) })
    yield* Compensation.add("payment", () => Step.run("refund", Effect.sleep("1 minute")))
    yield* takes("pay", 1_000)
    return yield* Step.run("rent car", Effect.fail("no car"))
  }))

const Room = Workflow.make("room", { input: Schema.String }, (name) => Effect.zipRight(takes("book", 1_000), Effect.succeed(name)))
const Hotel = Workflow.make("hotel", {}, () =>
  Effect.gen(function*() {
    const rooms = yield* Effect.forEach(["a", "b"], (name) => Child.run(Room, name, { id: `room ${name}` }), { concurrency: 2 })
    const third = yield* Child.start(Room, "c", { id: "room c" })
    return [...rooms, yield* third.result]
  }))

const Count = Schema.Struct({ done: Schema.Number, at: Schema.Number })
const Loop = Workflow.loop("loop", { input: Count, continueAfter: 3 }, ({ done }) =>
  Effect.gen(function*() {
    yield* takes("turn", 1_000)
    yield* Effect.sleep("1 hour")
    return done === 3 ? Workflow.done("three") : Workflow.next({ done: done + 1, at: yield* Clock.currentTimeMillis })
  }))

const Contract = Workflow.make("contract", {}, () =>
  Effect.gen(function*() {
    const signature = yield* Awakeable.make("signature", { value: Schema.String })
    const file = yield* Sensor.poll("file", Effect.map(Step.attempt, ({ poll }) => (poll < 3 ? Option.none() : Option.some(poll))), {
      every: "1 minute"
    })
    return `${yield* signature.await} ${file}`
  }))
const signed: Script = (world) =>
  Effect.gen(function*() {
    const run = yield* world.start(Contract, undefined)
    yield* world.advance("1 hour")
    const made = (yield* world.history(run.runId)).find((event) => event._tag === "AwakeableCreated")
    if (made?._tag === "AwakeableCreated") yield* world.run(Client.resolveAwakeable(made.token, "Ada"))
    return yield* world.runToEnd(run)
  })

const Careful = Workflow.make("careful", {}, () =>
  Effect.acquireUseRelease(takes("lock", 1_000), () => takes("work", 60_000), () => Effect.ignore(takes("unlock", 1_000))))
const cancelled: Script = (world) =>
  Effect.gen(function*() {
    const run = yield* world.start(Careful, undefined)
    yield* world.advance("30 seconds")
    yield* world.run(Client.cancel(run.runId, { messageId: "enough" }))
    yield* world.advance("1 hour")
    return (yield* world.run(Client.describe(run.runId))).status
  })

const paused: Script = (world) =>
  Effect.gen(function*() {
    const run = yield* world.start(Steps, undefined)
    yield* world.run(Client.pause(run.runId, { messageId: "wait" }))
    yield* world.advance("3 days")
    yield* world.run(Client.resume(run.runId, { messageId: "go on" }))
    return yield* world.runToEnd(run)
  })

export const all: ReadonlyArray<readonly [name: string, check: Check]> = [
  ["steps, values and a sleep", plain(Steps)],
  ["a retry with backoff", plain(Retries)],
  ["a bounded fan-out", plain(Parallel)],
  ["a race and a timeout", plain(Race)],
  ["a signal before its timeout", plain(Publish, approved)],
  ["queries and updates", plain(Cart, bought)],
  ["compensation", plain(Trip)],
  ["children", plain(Hotel, undefined, [Room])],
  ["a loop that continues as new", (bounds) => Simulation.check(Loop, { ...bounds, given: { input: { done: 0, at: 0 } } })],
  ["an awakeable and a sensor", plain(Contract, signed)],
  ["a cancel with cleanup", plain(Careful, cancelled)],
  ["a pause", plain(Steps, paused)]
]
