/**
 * What a story must come to: the same program as a plain Effect program in one process that never fails, with its own
 * clock, without a log. It shares with the engine only the order in which one moment's news are told.
 */
import { Cause, Chunk, Effect, Exit, type Fiber, FiberId, Option, Scope } from "effect"
import { type Ops, play } from "./Interpreter.js"
import {
  CYCLE,
  deadlineResidue,
  type Message,
  moments,
  nodesOf,
  type Of,
  residueOf,
  stepResidue,
  type Story,
  until
} from "./Program.js"
import { type Awakeable, fork, forget, makeStage, type Stage } from "./Stage.js"

export interface Outcome {
  /** How the run ended, or "running" when it waits for something that does not come. */
  readonly status: string
  readonly notes: ReadonlyArray<string>
  /** Every begin of a body: node, attempt, poll. */
  readonly calls: ReadonlyArray<string>
}

/** What a step's defect is to a program. */
export class Died extends Error {}

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
      duration: until(stage.now, deadlineResidue(node, message)) || CYCLE,
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

export const opsOf = (stage: Stage): Ops<never> => ({
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
      const awakeable: Awakeable = { settled: undefined, wake: resume }
      // Its message is for the first that was made; played again, a node makes others.
      stage.awakeables.set(stage.awakeables.has(id) ? -stage.awakeables.size : id, awakeable)
      return Effect.sync(() => void (awakeable.wake = undefined))
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
  finalizer: (cleanup) => Effect.provideService(Effect.addFinalizer(() => cleanup), Scope.Scope, stage.scope),
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
    } else {
      if (!isWaiting(stage)) stage.halted = "blocked"
      return
    }
  }
}

const isWaiting = ({ awakeables, boxes, handler, sleepers }: Stage): boolean =>
  sleepers.size > 0 || handler !== undefined || boxes.some(({ takers }) => takers.size > 0) ||
  [...awakeables.values()].some(({ wake }) => wake !== undefined)

const isOver = ({ exit, halted }: Stage): boolean => exit !== undefined || halted !== undefined

/** Lets time come, stop by stop. */
const advance = (stage: Stage, to: number): void => {
  for (;;) {
    settle(stage)
    if (isOver(stage)) return
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
    case "query":
      return
    case "terminate":
      return void (stage.halted = "terminated")
    case "cancel":
      return root.unsafeInterruptAsFork(FiberId.none)
    case "settle":
    case "reject": {
      const awakeable = stage.awakeables.get(awakeables[message.target] ?? 0)
      if (awakeable === undefined || awakeable.settled !== undefined) return
      awakeable.settled = message.kind === "settle" ? Exit.succeed(`m${number}`) : Exit.fail(`m${number}`)
      awakeable.wake?.(awakeable.settled)
      awakeable.wake = undefined
      return
    }
  }
}

/** Plays a story to its end. */
export const outcome = (story: Story): Outcome => {
  const { program } = story
  const stage = makeStage()
  // A typed failure is what a workflow fails with, whatever stands beside it.
  // Once the program has ended, a cancel is too late.
  const ended = Effect.exit(Effect.interruptible(play(program, opsOf(stage), stage.trace)))
  const scoped = Effect.flatMap(ended, (exit) =>
    // A finalizer's defect stands beside the outcome, not in its place.
    Effect.onExit(exit, () => (statusOf(exit) === "blocked" ? Effect.void : Scope.close(stage.scope, exit))))
  const body = Effect.catchAllCause(scoped, (cause) =>
    Option.match(hasOwnDefect(cause) ? Option.none() : Cause.failureOption(cause), {
      onNone: () => Effect.failCause(cause),
      onSome: Effect.fail
    }))
  let decided: Exit.Exit<string, string> | undefined
  const root = fork(stage, Effect.uninterruptible(Effect.onExit(body, (exit) => Effect.sync(() => void (decided = exit)))))
  // Told when the fibers that it leaves behind have been interrupted.
  root.addObserver((exit) => {
    stage.exit = decided ?? exit
  })
  const awakeables = nodesOf(program).filter(({ kind }) => kind === "awakeable").map(({ id }) => id)
  const counted = new Set<number>()
  for (const { at, message, number } of moments(story)) {
    advance(stage, at)
    if (isOver(stage)) break
    // A settlement is sent when there is something to settle. Whatever is sent counts once.
    const awakeable = message.kind === "settle" || message.kind === "reject" ? awakeables[message.target] ?? 0 : undefined
    if (counted.has(number) || (awakeable !== undefined && !stage.awakeables.has(awakeable))) continue
    counted.add(number)
    tell(stage, root, awakeables, message, number)
  }
  if (!isOver(stage)) advance(stage, Infinity)
  forget(stage.tasks)
  return { status: stage.halted ?? statusOf(stage.exit), notes: stage.trace.notes, calls: stage.calls }
}

/** Effect makes a defect of an error in some places; a defect that is not a step's blocks the run. */
export const hasOwnDefect = (cause: Cause.Cause<string>): boolean => Chunk.some(Cause.defects(cause), (died) => !(died instanceof Died))

const statusOf = (exit: Exit.Exit<string, string> | undefined): string => {
  if (exit === undefined) return "running"
  if (Exit.isSuccess(exit)) return `completed ${exit.value}`
  if (hasOwnDefect(exit.cause)) return "blocked"
  const failure = Cause.failureOption(exit.cause)
  if (Option.isSome(failure)) return `failed ${failure.value}`
  return Option.isSome(Cause.dieOption(exit.cause)) ? "failed defect" : "cancelled"
}
