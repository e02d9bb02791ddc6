/**
 * What a story must come to: the same program as a plain Effect program in one process that never fails, with its own
 * clock, without a log. It shares with the engine only the order in which one moment's news are told.
 */
import { Cause, Chunk, Clock, Duration, Effect, Exit, Fiber, FiberId, GlobalValue, Option, type Scheduler } from "effect"
import { type Ops, play, type Trace } from "./Interpreter.js"
import {
  CYCLE,
  deadlineResidue,
  type Message,
  moments,
  nodesOf,
  type Of,
  residueOf,
  START,
  stepResidue,
  type Story,
  until
} from "./Program.js"

export interface Outcome {
  /** How the run ended, or "running" when it waits for something that does not come. */
  readonly status: string
  readonly notes: ReadonlyArray<string>
  /** Every begin of a body: node, attempt, poll. */
  readonly calls: ReadonlyArray<string>
}

/** What a step's defect is to a program. */
class Died extends Error {}

/** A FIFO that is drained by hand. */
class Tasks implements Scheduler.Scheduler {
  readonly queue: Array<() => void> = []
  shouldYield(): false {
    return false
  }
  scheduleTask(task: () => void): void {
    this.queue.push(task)
  }
  drain(): void {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) next()
  }
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

interface Stage {
  now: number
  readonly tasks: Tasks
  readonly clock: Clock.Clock
  readonly sleepers: Set<Sleeper>
  readonly trace: Trace
  readonly calls: Array<string>
  /** By signal: what has arrived, and who waits for it. */
  readonly boxes: ReadonlyArray<{ readonly arrived: Array<string>; readonly takers: Set<(payload: string) => void> }>
  /** By node: the settlement, and who waits for it. */
  readonly awakeables: Map<number, { settled: Exit.Exit<string, string> | undefined; wake: (exit: Exit.Exit<string, string>) => void }>
  readonly conditions: Set<{ readonly holds: () => boolean; readonly wake: () => void }>
  handler: ((message: number) => Effect.Effect<string, string>) | undefined
  /** Updates before their handler. */
  held: Array<number>
  /** Bodies that begin as soon as the program has nothing more to say, unless it has changed its mind. */
  readonly begun: Set<() => void>
  /** Cancelled steps whose end is to be told: each is news of its own. */
  readonly ended: Array<() => void>
  exit: Exit.Exit<string, string> | undefined
}

const makeStage = (): Stage => {
  const sleepers = new Set<Sleeper>()
  const live = Clock.make()
  const stage: Stage = {
    now: START,
    tasks: new Tasks(),
    sleepers,
    clock: {
      ...live,
      unsafeCurrentTimeMillis: () => stage.now,
      currentTimeMillis: Effect.sync(() => stage.now),
      sleep: (duration) => sleep(stage, Duration.toMillis(duration))
    },
    trace: { notes: [], chance: [] },
    calls: [],
    boxes: [0, 1].map(() => ({ arrived: [], takers: new Set() })),
    awakeables: new Map(),
    conditions: new Set(),
    handler: undefined,
    held: [],
    begun: new Set(),
    ended: [],
    exit: undefined
  }
  return stage
}

const sleep = (stage: Stage, millis: number): Effect.Effect<void> =>
  millis <= 0 ? Effect.yieldNow() : Effect.async((resume) => {
    const sleeper = { at: stage.now + millis, wake: () => resume(Effect.void) }
    stage.sleepers.add(sleeper)
    return Effect.sync(() => void stage.sleepers.delete(sleeper))
  })

const fork = <A, E>(stage: Stage, effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> =>
  Effect.runFork(Effect.withClock(effect, stage.clock), { scheduler: stage.tasks })

// ---- what steps and messages mean ----

/** Runs a body outside the program: interrupting it is news that come back later. */
const outside = (stage: Stage, body: Effect.Effect<string, string>): Effect.Effect<string, string> =>
  Effect.async((resume) => {
    // After its end a program asks for nothing any more.
    if (stage.exit !== undefined) return
    let fiber: Fiber.RuntimeFiber<string, string> | undefined
    const start = () => {
      fiber = fork(stage, body)
      fiber.addObserver((exit) => resume(exit))
    }
    stage.begun.add(start)
    return Effect.suspend(() => {
      stage.begun.delete(start)
      fiber?.unsafeInterruptAsFork(FiberId.none)
      return Effect.async<void>((done) => void stage.ended.push(() => done(Effect.void)))
    })
  })

const begin = (stage: Stage, call: string): Effect.Effect<void> => Effect.sync(() => void stage.calls.push(call))

const step = (stage: Stage, node: Of<"step">, message: number | undefined): Effect.Effect<string, string> => {
  const name = `n${node.id}`
  const trying = Effect.gen(function*() {
    for (let attempt = 1;; attempt++) {
      yield* begin(stage, `${name} ${attempt} 1`)
      yield* Effect.sleep(until(stage.now, stepResidue(node, message)))
      if (attempt > node.fails) return `${name}.${attempt}`
      if (attempt > node.times) return yield* node.defect ? Effect.die(new Died()) : Effect.fail(name)
      if (node.delayed) yield* Effect.sleep(CYCLE)
    }
  })
  if (!node.deadline) return outside(stage, trying)
  return Effect.suspend(() =>
    outside(stage, Effect.timeoutFail(trying, {
      duration: until(stage.now, deadlineResidue(node, message)),
      onTimeout: () => `${name} late`
    })))
}

const sensor = (stage: Stage, node: Of<"sensor">): Effect.Effect<string, string> =>
  outside(stage, Effect.gen(function*() {
    for (let poll = 1;; poll++) {
      yield* begin(stage, `n${node.id} 1 ${poll}`)
      yield* Effect.sleep(until(stage.now, residueOf(node)))
      if (poll > node.polls) return "sensed"
      yield* Effect.sleep(CYCLE)
    }
  }))

const opsOf = (stage: Stage): Ops<never> => ({
  step: (node, message) => step(stage, node, message),
  sensor: (node) => sensor(stage, node),
  receive: (name) =>
    Effect.suspend(() => {
      const box = stage.boxes[name]!
      if (box.arrived.length > 0) return Effect.succeed(box.arrived.shift()!)
      return Effect.async<string>((resume) => {
        const taker = (payload: string) => resume(Effect.succeed(payload))
        box.takers.add(taker)
        return Effect.sync(() => void box.takers.delete(taker))
      })
    }),
  poll: (name) => Effect.sync(() => Option.fromNullable(stage.boxes[name]!.arrived.shift())),
  awakeable: (id) =>
    Effect.async((resume) => {
      stage.awakeables.set(id, { settled: undefined, wake: resume })
    }),
  value: () => Effect.succeed(0),
  draw: Effect.succeed(0),
  condition: (holds) =>
    Effect.suspend(() =>
      holds() ? Effect.void : Effect.async<void>((resume) => {
        const condition = { holds, wake: () => resume(Effect.void) }
        stage.conditions.add(condition)
        return Effect.sync(() => void stage.conditions.delete(condition))
      })
    ),
  handle: (run) => Effect.sync(() => void (stage.handler = run))
})

// ---- playing ----

/** Lets everything happen that can happen now, one piece of news after the other. */
const settle = (stage: Stage): void => {
  for (;;) {
    stage.tasks.drain()
    if (stage.exit !== undefined) return
    const met = [...stage.conditions].filter(({ holds }) => holds())
    if (met.length > 0) {
      for (const condition of met) {
        stage.conditions.delete(condition)
        condition.wake()
      }
    } else if (stage.handler !== undefined && stage.held.length > 0) {
      fork(stage, stage.handler(stage.held.shift()!))
    } else if (stage.begun.size > 0) {
      const begun = [...stage.begun]
      stage.begun.clear()
      for (const start of begun) start()
    } else if (stage.ended.length > 0) {
      stage.ended.shift()!()
    } else return
  }
}

/** Lets time come, stop by stop. */
const advance = (stage: Stage, to: number): void => {
  for (;;) {
    settle(stage)
    if (stage.exit !== undefined) return
    const next = [...stage.sleepers].toSorted((a, b) => a.at - b.at)[0]
    if (next === undefined || next.at > to) break
    stage.now = next.at
    stage.sleepers.delete(next)
    next.wake()
  }
  if (to !== Infinity) stage.now = to
}

const tell = (
  stage: Stage,
  root: Fiber.RuntimeFiber<string, string>,
  awakeables: ReadonlyArray<number>,
  message: Message,
  number: number
): void => {
  switch (message.kind) {
    case "signal": {
      const box = stage.boxes[message.target]!
      const [taker] = box.takers
      if (taker === undefined) return void box.arrived.push(`m${number}`)
      box.takers.delete(taker)
      return taker(`m${number}`)
    }
    case "update":
      return void stage.held.push(number)
    case "cancel":
      return root.unsafeInterruptAsFork(FiberId.none)
    case "settle":
    case "reject": {
      const awakeable = stage.awakeables.get(awakeables[message.target] ?? 0)
      if (awakeable === undefined || awakeable.settled !== undefined) return
      awakeable.settled = message.kind === "settle" ? Exit.succeed(`m${number}`) : Exit.fail(`m${number}`)
      return awakeable.wake(awakeable.settled)
    }
  }
}

/** Plays a story to its end. */
export const outcome = (story: Story): Outcome => {
  const { program } = story
  const stage = makeStage()
  // A typed failure is what a workflow fails with, whatever stands beside it.
  const body = Effect.catchAllCause(play(program, opsOf(stage), stage.trace), (cause) =>
    Option.match(Cause.failureOption(cause), { onNone: () => Effect.failCause(cause), onSome: Effect.fail }))
  const root = fork(stage, body)
  root.addObserver((exit) => {
    stage.exit = exit
  })
  const awakeables = nodesOf(program).filter(({ kind }) => kind === "awakeable").map(({ id }) => id)
  const counted = new Set<number>()
  for (const { at, message, number } of moments(story)) {
    advance(stage, at)
    if (stage.exit !== undefined) break
    // A settlement counts when there is something to settle; every other message when it comes first.
    if (counted.has(number) && message.kind !== "settle" && message.kind !== "reject") continue
    counted.add(number)
    tell(stage, root, awakeables, message, number)
  }
  advance(stage, Infinity)
  forget(stage.tasks)
  return { status: statusOf(stage.exit), notes: stage.trace.notes, calls: stage.calls }
}

const statusOf = (exit: Exit.Exit<string, string> | undefined): string => {
  if (exit === undefined) return "running"
  if (Exit.isSuccess(exit)) return `completed ${exit.value}`
  const failure = Cause.failureOption(exit.cause)
  if (Option.isSome(failure)) return `failed ${failure.value}`
  const defects = Chunk.toReadonlyArray(Cause.defects(exit.cause))
  // Effect makes a defect of an error in some places; a defect that is not a step's blocks the run.
  if (defects.some((died) => !(died instanceof Died))) return "blocked"
  return defects.length > 0 ? "failed defect" : "cancelled"
}

// Effect's registry of root fibers, under the key of its fiberScope module (effect 3.22): what still waits would stay there.
const globalScope = GlobalValue.globalValue(
  Symbol.for("effect/FiberScope/Global"),
  () => ({ roots: new Set<Fiber.RuntimeFiber<unknown, unknown>>() })
)

const forget = (tasks: Tasks): void => {
  for (const fiber of globalScope.roots) if (fiber.currentScheduler === tasks) globalScope.roots.delete(fiber)
}
