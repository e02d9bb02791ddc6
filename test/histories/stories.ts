/**
 * The runs whose histories each release records (test/histories/<release>/). Every later build must replay them.
 *
 * The code of a story that has been recorded never changes: a new feature, or a new way to use an old one, is a new story.
 */
import {
  Cause,
  Clock,
  Config,
  ConfigProvider,
  Deferred,
  Effect,
  Exit,
  Option,
  Queue,
  Random,
  Schedule,
  Schema,
  Stream
} from "effect"
import { Awakeable, Child, Client, Compensation, Query, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import type { World } from "@reprise/testing"

export interface Story {
  readonly name: string
  readonly workflows: ReadonlyArray<Workflow.Any>
  /** What the first workflow is started with, and what happens to that run, `ID`, until it has ended. */
  readonly input?: unknown
  readonly options?: Client.StartOptions
  readonly script?: (world: World.World) => Effect.Effect<unknown, unknown>
}

export const ID = "run"

type Body = Effect.Effect<unknown, unknown, any>

/** The types of stories are of no interest: what they do is. */
const story = (name: string, body: Body, script?: Story["script"]): Story => ({
  name,
  workflows: [flow(name, () => body)],
  ...(script === undefined ? {} : { script })
})

const flow = (name: string, body: (input: any) => Body, options: { readonly version?: string } = {}): Workflow.Any =>
  Workflow.make(name, { ...options, input: Schema.Any, output: Schema.Any, error: Schema.Any }, (input) => body(input) as never)

const quick = (name: string) => Step.run(name, Effect.succeed(name))
const slow = (name: string, hours = 1) => Step.run(name, Effect.as(Effect.sleep(`${hours} hours`), name))

const Go = Signal.make("go")
const Note = Signal.make("note", { payload: Schema.String })
const Total = Query.make("total", { output: Schema.Number })
const Add = Update.make("add", { input: Schema.Number, output: Schema.Number, error: Schema.String })

const send = (world: World.World, note: string) => Effect.zipRight(world.run(Client.signal(ID, Note, note)), world.advance("10 minutes"))
const go = (world: World.World) => Effect.zipRight(world.run(Client.signal(ID, Go, undefined)), world.advance("10 minutes"))

// ---- steps ----

class Busy extends Schema.TaggedError<Busy>()("Busy", { attempt: Schema.Number }) {}

/** Without a stack: that would name files of this machine. */
const oops = Object.assign(new Error("oops"), { stack: "" })

const flaky = (until: number) =>
  Effect.flatMap(Step.attempt, ({ attempt }) => attempt < until ? Effect.fail(new Busy({ attempt })) : Effect.succeed(attempt))

const steps = story("steps", Effect.gen(function*() {
  const first = yield* Step.run("first", Effect.succeed({ at: new Date(0), big: 1.5 }), {
    output: Schema.Struct({ at: Schema.Date, big: Schema.Number }),
    summary: "a step with a schema",
    idempotencyKey: "key-1"
  })
  const third = yield* Step.run("retried", flaky(3), { error: Busy, retry: Schedule.exponential("1 minute").pipe(Schedule.jittered) })
  const late = yield* Effect.either(Step.run("late", Effect.sleep("2 hours"), { timeout: "1 hour", retry: Schedule.recurs(1) }))
  const overdue = yield* Effect.either(Step.run("overdue", Effect.sleep("2 hours"), { deadline: "1 hour" }))
  const died = yield* Effect.map(Effect.flip(Effect.sandbox(Step.run("died", Effect.die(oops)))), Cause.pretty)
  const refused = yield* Effect.flip(Step.run("refused", Effect.fail(new Busy({ attempt: 0 })), { error: Busy, nonRetryable: ["Busy"] }))
  return [first.at.getTime(), third, late._tag, overdue._tag, died.includes("oops"), refused.attempt]
}))

const unknown = story(
  "unknown-outcome",
  Effect.gen(function*() {
    const failed = yield* Effect.either(Step.run("fails", Effect.sleep("1 hour"), { onUnknown: "fail" }))
    const asked = yield* Step.run("asks", Effect.as(Effect.sleep("1 hour"), "body"), { onUnknown: "ask", output: Schema.String })
    return [failed._tag, asked]
  }),
  (world) =>
    Effect.gen(function*() {
      yield* Effect.zipRight(world.advance("10 minutes"), world.crash)
      yield* Effect.zipRight(world.advance("10 minutes"), world.crash)
      yield* world.run(Client.resolveStep(ID, "0#1", { _tag: "Complete", output: "operator" }, { by: "ada" }))
    })
)

const failing = story("failing", Effect.zipRight(quick("a"), Effect.fail({ reason: "declared" })))

const timers = story("timers", Effect.gen(function*() {
  yield* Effect.sleep("1 day")
  const won = yield* Effect.race(Effect.as(Effect.sleep("1 hour"), "timer"), slow("step", 2))
  const timedOut = yield* Effect.timeoutOption(slow("slow", 5), "1 hour")
  const repeated = yield* Effect.repeat(quick("tick"), Schedule.spaced("1 hour").pipe(Schedule.intersect(Schedule.recurs(3))))
  const now = yield* Clock.currentTimeMillis
  return [won, Option.isNone(timedOut), repeated, now]
}))

// ---- many fibers: here the order in which Effect runs them matters most ----

const parallel = story("parallel", Effect.gen(function*() {
  const some = yield* Effect.forEach(Array.from({ length: 12 }, (_, i) => i), (i) =>
    Effect.zipRight(Effect.sleep(`${i % 3} minutes`), slow(`item ${i}`, 1 + i % 4)), { concurrency: 5 })
  const forked = yield* Effect.fork(Effect.all([slow("x"), slow("y", 2)], { concurrency: "unbounded" }))
  const raced = yield* Effect.raceAll([slow("r1", 3), slow("r2", 1), slow("r3", 2)])
  const joined = yield* forked
  const validated = yield* Effect.exit(Effect.validateAll([1, 2, 3], (n) => n === 2 ? Effect.fail(n) : quick(`v${n}`), { concurrency: 3 }))
  return [some.length, joined, raced, Exit.isFailure(validated)]
}))

const plumbing = story("plumbing", Effect.gen(function*() {
  const queue = yield* Queue.bounded<string>(2)
  const gate = yield* Deferred.make<string>()
  const semaphore = yield* Effect.makeSemaphore(2)
  const workers = yield* Effect.forEach(["a", "b", "c", "d"], (name) =>
    Effect.fork(semaphore.withPermits(1)(Effect.flatMap(slow(name), (done) => Queue.offer(queue, done)))))
  yield* Effect.fork(Effect.zipRight(Effect.sleep("90 minutes"), Deferred.succeed(gate, "open")))
  const first = yield* Queue.take(queue)
  const opened = yield* Deferred.await(gate)
  const rest = yield* Stream.fromQueue(queue).pipe(Stream.take(3), Stream.mapEffect(quick, { concurrency: 2 }), Stream.runCollect)
  yield* Effect.forEach(workers, (fiber) => fiber)
  const scoped = yield* Effect.scoped(Effect.flatMap(Effect.acquireRelease(quick("open"), () => quick("close")), () => quick("use")))
  return [first, opened, rest.length, scoped]
}))

// ---- messages ----

const messages = story(
  "messages",
  Effect.gen(function*() {
    let total = 0
    yield* Query.handle(Total, () => Effect.sync(() => total))
    yield* Update.handle(Add, {
      validate: (by) => by < 0 ? Effect.fail("negative") : Effect.void,
      run: (by) =>
        by > 10 ? Effect.fail("too many") : Effect.map(Step.run("add", Effect.succeed(by)), (added) => total += added)
    })
    const first = yield* Note.receive
    const second = yield* Note.poll
    const either = yield* Effect.raceFirst(Effect.as(Go.receive, "go"), Effect.as(Note.receive, "note"))
    yield* Workflow.condition(() => total >= 5)
    return [first, Option.getOrNull(second), either, total]
  }),
  (world) =>
    Effect.gen(function*() {
      yield* send(world, "one")
      yield* go(world)
      yield* Effect.exit(world.run(Client.update(ID, Add, -1)))
      yield* Effect.exit(world.run(Client.update(ID, Add, 11)))
      yield* world.run(Client.query(ID, Total, undefined))
      yield* world.run(Client.update(ID, Add, 2))
      yield* world.run(Client.update(ID, Add, 3, { by: "ada" }))
    })
)

const Approval = Awakeable.make("approval", { value: Schema.String, error: Schema.Number })

const awakeables = story(
  "awakeables",
  Effect.gen(function*() {
    const [yes, no] = yield* Effect.all([Approval, Approval])
    yield* Step.run("hand out", Effect.void)
    return yield* Effect.all([yes.await, Effect.flip(no.await)], { concurrency: 2 })
  }),
  (world) =>
    Effect.gen(function*() {
      const tokens = (yield* world.history(ID)).flatMap((event) => event._tag === "AwakeableCreated" ? [event.token] : [])
      yield* world.run(Client.rejectAwakeable(tokens[1] ?? "", 7))
      yield* world.run(Client.resolveAwakeable(tokens[0] ?? "", "yes", { by: "ada" }))
    })
)

const sensors = story("sensors", Effect.gen(function*() {
  const found = yield* Sensor.poll("file", Effect.map(Step.attempt, ({ poll }) => poll < 3 ? Option.none() : Option.some(poll)), {
    every: "1 hour"
  })
  const late = yield* Effect.either(Sensor.until("never", Effect.succeed(false), { every: "1 hour", timeout: "3 hours" }))
  return [found, late._tag]
}))

const values = story("values", Effect.gen(function*() {
  const recorded = yield* Step.value("id", Effect.sync(() => "id-1"))
  const date = yield* Step.valueOf("date", Schema.Date, Effect.sync(() => new Date(86_400_000)))
  const region = yield* Effect.orDie(Config.withDefault(Config.string("REPRISE_STORY_REGION"), "eu"))
  const drawn = yield* Effect.all([Random.next, Random.nextIntBetween(0, 100), Random.shuffle([1, 2, 3, 4])], { concurrency: 2 })
  yield* quick(`drawn ${JSON.stringify([drawn[0], drawn[1], [...drawn[2]]])}`)
  return [recorded, date.getTime(), region]
}))

// ---- ends ----

const cancelled = story(
  "cancelled",
  Effect.all([
    Effect.ensuring(slow("a", 5), slow("clean a")),
    Effect.onInterrupt(Effect.sleep("1 day"), () => quick("woken")),
    Effect.onInterrupt(Go.receive, () => Effect.sleep("1 hour"))
  ], { concurrency: "unbounded" }),
  (world) => Effect.zipRight(world.advance("30 minutes"), world.run(Client.cancel(ID, { by: "ada", reason: "no more" })))
)

const timedOut: Story = { ...story("timed-out", Effect.ensuring(slow("a", 50), quick("clean"))), options: { timeout: "1 day" } }

const terminated = story("terminated", Effect.zipRight(slow("a", 2), Go.receive), (world) =>
  Effect.zipRight(world.advance("30 minutes"), world.run(Client.terminate(ID, { by: "ada" }))))

const paused = story("paused", Effect.zipRight(slow("a", 2), Effect.zipRight(Effect.sleep("1 hour"), Note.receive)), (world) =>
  Effect.gen(function*() {
    yield* world.run(Client.pause(ID, { by: "ada" }))
    yield* world.run(Client.signal(ID, Note, "waiting"))
    yield* world.advance("1 day")
    yield* world.run(Client.resume(ID, { by: "ada" }))
  }))

const compensated = story("compensated", Effect.gen(function*() {
  yield* Step.run("book", Effect.succeed("room"), { compensate: (room) => Effect.log(`cancel ${room}`) })
  yield* Compensation.add("payment", () => Effect.zipRight(quick("find payment"), slow("refund")))
  yield* Step.run("ticket", Effect.succeed("seat"), { compensate: () => Effect.die("lost") })
  yield* Effect.sleep("1 hour")
  return yield* Step.run("ship", Effect.fail({ reason: "sold out" }), { error: Schema.Struct({ reason: Schema.String }) })
}))

// ---- other runs ----

const Leaf = flow("leaf", (name) =>
  name === "bad" ? Effect.fail("bad leaf") : Effect.zipRight(slow(`grow ${name}`), name === "told" ? Note.receive : Effect.succeed(name)))

const tagOf = (error: unknown): string => (error as { readonly _tag: string })._tag

const children: Story = {
  name: "children",
  workflows: [
    flow("children", () =>
      Effect.gen(function*() {
        const many = yield* Effect.forEach(["a", "b", "c"], (name) => Child.run(Leaf, name), { concurrency: 2 })
        const bad = yield* Effect.flip(Child.run(Leaf, "bad"))
        const told = yield* Child.start(Leaf, "told", { id: "told" })
        yield* told.signal(Note, "hello")
        const heard = yield* told.result
        const refused = yield* Effect.flip(Child.run(Leaf, "again", { id: "told" }))
        const lost = yield* Effect.flip(Note.send("nobody", "hello"))
        const ended = yield* Child.start(Leaf, "ended", { id: "ended" })
        yield* ended.cancel
        const slowly = yield* Effect.timeoutOption(Child.run(Leaf, "slowly", { parentClose: "terminate" }), "10 minutes")
        yield* Child.start(Leaf, "orphan", { parentClose: "abandon", id: "orphan" })
        return [many, bad, heard, tagOf(refused), tagOf(lost), Option.isNone(slowly)]
      })),
    Leaf
  ]
}

const generations: Story = {
  name: "generations",
  input: 0,
  workflows: [
    flow("generations", (turn: number) =>
      Effect.gen(function*() {
        yield* quick(`turn ${turn}`)
        if (turn === 0) yield* Workflow.patched("change")
        yield* Effect.race(Effect.sleep("1 hour"), slow("work", 3))
        if (turn < 2) return yield* Workflow.continueAsNew(turn + 1)
        return [yield* Note.receive, turn]
      }))
  ],
  script: (world) => send(world, "carried")
}

// ---- code that changed ----

const patched = story("patched", Effect.gen(function*() {
  if (yield* Workflow.patched("first")) yield* quick("new")
  const [a, b] = yield* Effect.all([Workflow.patched("second"), slow("step")], { concurrency: 2 })
  const again = yield* Workflow.patched("second")
  const value = yield* Step.value("v", Effect.succeed("v"))
  return [a, b, again, value]
}))

const between = Effect.zipRight(slow("a"), Effect.zipRight(Go.receive, quick("b")))
const VersionTwo = flow("versions", () => between, { version: "2" })
const versions: Story = {
  name: "versions",
  workflows: [flow("versions", () => between, { version: "1" }), VersionTwo],
  script: (world) => Effect.zipRight(world.restart([VersionTwo]), go(world))
}

export const stories: ReadonlyArray<Story> = [
  steps,
  unknown,
  failing,
  timers,
  parallel,
  plumbing,
  messages,
  awakeables,
  sensors,
  values,
  cancelled,
  timedOut,
  terminated,
  paused,
  compensated,
  children,
  generations,
  patched,
  versions
]

export const config = ConfigProvider.fromMap(new Map([["REPRISE_STORY_REGION", "us"]]))
