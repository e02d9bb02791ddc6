/** What the oracle plays on: one process with a clock of its own, and what outsiders have left there. */
import { Clock, Duration, Effect, type Exit, type Fiber, GlobalValue, type Scheduler, Scope } from "effect"
import type { Trace } from "./Interpreter.js"
import { START } from "./Program.js"

/** A FIFO that is drained by hand. */
export class Tasks implements Scheduler.Scheduler {
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

export interface Awakeable {
  settled: Exit.Exit<string, string> | undefined
  /** Missing when nobody waits. */
  wake: ((exit: Exit.Exit<string, string>) => void) | undefined
}

export interface Stage {
  now: number
  readonly tasks: Tasks
  readonly clock: Clock.Clock
  readonly sleepers: Set<Sleeper>
  /** The program's own. */
  readonly scope: Scope.CloseableScope
  readonly trace: Trace
  readonly calls: Array<string>
  /** By signal: what has arrived, and who waits for it. */
  readonly boxes: ReadonlyArray<{ readonly arrived: Array<string>; readonly takers: Set<(payload: string) => void> }>
  /** By node: the settlement, and who waits for it. */
  readonly awakeables: Map<number, Awakeable>
  readonly conditions: Set<{ readonly holds: () => boolean; readonly wake: () => void }>
  handler: ((message: number) => Effect.Effect<string, string>) | undefined
  /** Updates before their handler. */
  held: Array<number>
  /** Bodies that begin as soon as the program has nothing more to say, unless it has changed its mind. */
  readonly begun: Set<() => void>
  /** Cancelled steps whose end is to be told: each is news of its own. */
  readonly ended: Array<() => void>
  exit: Exit.Exit<string, string> | undefined
  /** Terminated, or waiting for nothing that could ever come. */
  halted: "terminated" | "blocked" | undefined
}

export const makeStage = (): Stage => {
  const sleepers = new Set<Sleeper>()
  const live = Clock.make()
  const stage: Stage = {
    now: START,
    tasks: new Tasks(),
    sleepers,
    scope: Effect.runSync(Scope.make()),
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
    exit: undefined,
    halted: undefined
  }
  return stage
}

const sleep = (stage: Stage, millis: number): Effect.Effect<void> =>
  millis <= 0 ? Effect.yieldNow() : Effect.async((resume) => {
    const sleeper = { at: stage.now + millis, wake: () => resume(Effect.void) }
    stage.sleepers.add(sleeper)
    return Effect.sync(() => void stage.sleepers.delete(sleeper))
  })

export const fork = <A, E>(stage: Stage, effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> =>
  Effect.runFork(Effect.withClock(effect, stage.clock), { scheduler: stage.tasks })

// Effect's registry of root fibers, under the key of its fiberScope module (effect 3.22): what still waits would stay there.
const globalScope = GlobalValue.globalValue(
  Symbol.for("effect/FiberScope/Global"),
  () => ({ roots: new Set<Fiber.RuntimeFiber<unknown, unknown>>() })
)

export const forget = (tasks: Tasks): void => {
  for (const fiber of globalScope.roots) if (fiber.currentScheduler === tasks) globalScope.roots.delete(fiber)
}
