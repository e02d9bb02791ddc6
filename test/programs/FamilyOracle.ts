/**
 * What a family's story must come to: every run a plain Effect program in one process that never fails, with one line of
 * mail between them. What one moment brings to a run is told to it one after the other, in the order in which it was sent.
 */
import { Cause, Chunk, Context, Effect, Exit, Fiber, FiberId, Option, Scope } from "effect"
import { Workflow } from "@reprise/core"
import { childIdOf, FIRST, receiverOf } from "./FamilyDurable.js"
import {
  type Awaited,
  type Body,
  type End,
  type Ended,
  type Family,
  isClosed,
  type Mail,
  makeRun,
  type Run,
  type Undo
} from "./FamilyStage.js"
import { type LifeOps, type Ops, play } from "./Interpreter.js"
import * as Oracle from "./Oracle.js"
import { GENERATIONS_MAX, nthRun, programsOf } from "./FamilyProgram.js"
import {
  CYCLE,
  deadlineResidue,
  type Message,
  moments,
  type Of,
  residueOf,
  START,
  stepResidue,
  type Story,
  until
} from "./Program.js"
import { fork, forget, makeStage, type Stage } from "./Stage.js"

export type Played = Effect.Effect<string, string>

export interface Outcome {
  readonly status: string
  readonly notes: ReadonlyArray<string>
}

export interface Outcomes {
  readonly runs: ReadonlyMap<string, Outcome>
  /** Every begin of a body: run, step, attempt. */
  readonly calls: ReadonlyArray<string>
}

// ---- steps ----

interface Attempts {
  readonly name: string
  readonly residue: number
  readonly fails: number
  readonly times: number
  readonly delayed: boolean
  readonly failure: Effect.Effect<never, string>
  readonly value: string
}

/** A body ends outside, whatever its run does; what its end means is news to the program. */
const attempts = (family: Family, run: Run, step: Attempts): Played =>
  Effect.async((resume) => {
    const { stage } = run
    if (stage.exit !== undefined) return
    let undo = () => {}
    let cancelled: (() => void) | undefined
    const begin = (attempt: number) => {
      family.calls.push(`${run.runId} ${step.name} ${attempt}`)
      const body: Body = { at: family.now + until(family.now, step.residue), fire: () => arrive(family, run, "news", () => end(attempt)) }
      run.bodies.add(body)
      undo = () => void run.bodies.delete(body)
    }
    const end = (attempt: number) => {
      if (run.stage !== stage) return
      if (cancelled !== undefined) return endCancelled(stage, cancelled)
      if (attempt > step.fails) return resume(Effect.succeed(step.value))
      if (attempt > step.times) return resume(step.failure)
      if (!step.delayed) return begin(attempt + 1)
      const retry: Body = { at: family.now + CYCLE, fire: () => begin(attempt + 1) }
      run.retries.add(retry)
      undo = () => void run.retries.delete(retry)
    }
    const start = () => begin(1)
    stage.begun.add(start)
    return Effect.suspend(() => {
      stage.begun.delete(start)
      undo()
      return Effect.async<void>((done) => {
        cancelled = () => done(Effect.void)
        stage.ended.push(cancelled)
      })
    })
  })

/** An end that was waiting to be told when its step was cancelled, is the end of the cancelled step. */
const endCancelled = ({ ended }: Stage, told: () => void): void => {
  const at = ended.indexOf(told)
  if (at >= 0) ended.splice(at, 1)[0]!()
}

const step = (family: Family, run: Run, node: Of<"step">, message: number | undefined): Played => {
  const name = `n${node.id}`
  const failure = node.defect ? Effect.die(new Oracle.Died()) : Effect.fail(name)
  const { delayed, fails, times } = node
  // Only the last attempt's number is told.
  return attempts(family, run, { name, residue: stepResidue(node, message), fails, times, delayed, failure, value: `${name}.${fails + 1}` })
}

const compensate = (family: Family, run: Run, node: Of<"compensate">): Played => {
  const name = `n${node.id}`
  const forth = attempts(family, run, {
    name,
    residue: residueOf(node),
    fails: 0,
    times: 0,
    delayed: false,
    failure: Effect.fail(name),
    value: `${name}.1`
  })
  const back = attempts(family, run, {
    name: `undo ${name}`,
    residue: deadlineResidue(node, undefined),
    fails: node.fails,
    times: node.times,
    delayed: false,
    failure: Effect.fail(name),
    value: ""
  })
  return Effect.uninterruptibleMask((restore) => Effect.tap(restore(forth), () => register(run, name, () => back)))
}

// ---- undoing ----

interface Saga {
  readonly undos: Array<Undo>
  readonly outer: Saga | undefined | "undo"
}
class Around extends Context.Tag("test/Around")<Around, Saga["outer"]>() {}
const around = Effect.map(Effect.serviceOption(Around), Option.getOrElse((): Saga["outer"] => undefined))

const register = (run: Run, name: string, undo: Undo["run"]): Effect.Effect<void> =>
  Effect.gen(function*() {
    const registered: Undo = { name, run: undo, isBegun: false }
    let outer = yield* around
    for (; typeof outer === "object"; outer = outer.outer) outer.undos.push(registered)
    if (outer === "undo") return
    run.undos.add(registered)
    if (run.isEnding) return
    yield* Scope.addFinalizerExit(run.stage.scope, (exit) =>
      Exit.isSuccess(exit) || isContinuing(exit.cause) ? Effect.void : undone(run, registered, exit.cause))
  })

const undone = (run: Run, undo: Undo, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (undo.isBegun) return Effect.void
    undo.isBegun = true
    run.undos.delete(undo)
    return Effect.matchCauseEffect(undo.run(cause), {
      onSuccess: () => Effect.void,
      onFailure: () => Effect.sync(() => void run.failed.push(undo.name))
    })
  })

/** What is not in the scope; and again, should something be registered meanwhile. */
const undoRest = (run: Run, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.suspend(() =>
    run.undos.size === 0 ? Effect.void : Effect.zipRight(lastFirst(run, [...run.undos], cause), undoRest(run, cause)))

const lastFirst = (run: Run, undos: ReadonlyArray<Undo>, cause: Cause.Cause<unknown>) =>
  Effect.forEach(undos.toReversed(), (undo) => undone(run, undo, cause), { discard: true })

const isContinuing = (cause: Cause.Cause<unknown>): boolean =>
  Option.getOrUndefined(Cause.failureOption(cause)) instanceof Workflow.ContinueAsNew

const within = (run: Run, effect: Played): Played =>
  Effect.flatMap(around, (outer) => {
    const saga: Saga = { undos: [], outer }
    return Effect.onExit(Effect.provideService(effect, Around, saga), (exit) =>
      Exit.isSuccess(exit) || Oracle.hasOwnDefect(exit.cause) || isContinuing(exit.cause)
        ? Effect.void
        : lastFirst(run, saga.undos, exit.cause))
  })

/** An undo is a program of its own: nothing of it is undone, and no cancel reaches it. */
const add = (run: Run, name: string, undo: Played): Effect.Effect<void> =>
  register(run, name, () => Effect.flatMap(Effect.fork(Effect.interruptible(Effect.provideService(undo, Around, "undo"))), Fiber.join))

// ---- others ----

const forever: Effect.Effect<never> = Effect.async(() => {})

/** Waits for what others answer; when it is interrupted meanwhile, it has not waited. */
const answered = <A>(run: Run, ask: (resume: (answer: A) => void) => () => void): Effect.Effect<A> =>
  Effect.async<A>((resume) => {
    run.waitCount += 1
    let isOver = false
    const leave = () => {
      if (!isOver) run.waitCount -= 1
      isOver = true
    }
    const forgotten = ask((answer) => {
      leave()
      resume(Effect.succeed(answer))
    })
    return Effect.sync(() => {
      leave()
      forgotten()
    })
  })

/** Asks something of others, which they hear of when the program has come to rest. */
const asked = <A>(run: Run, ask: (resume: (answer: A) => void) => void): Effect.Effect<A> =>
  Effect.suspend(() => run.stage.exit !== undefined ? forever : Effect.uninterruptible(answered<A>(run, (resume) => {
    run.outbox.push(() => ask(resume))
    return () => {}
  })))

const begin = (family: Family, run: Run, node: Of<"child">): Effect.Effect<Awaited, string> =>
  Effect.flatten(asked<Effect.Effect<Awaited, string>>(run, (resume) => {
    const { stage } = run
    const answer = (what: Effect.Effect<Awaited, string>) =>
      post(family, run, () => void (run.stage === stage && resume(what)))
    const runId = childIdOf(family.story, node)
    const existing = family.runs.get(runId)
    if (existing !== undefined && !node.existing) return answer(Effect.fail("RunExists"))
    const startAt = family.now + (node.delayed ? CYCLE : 0)
    const child = existing ?? makeRun(family, runId, programsOf(family.story).get(runId)!, startAt, node.limited)
    const isOwn = existing === undefined
    const awaited: Awaited = { run: child, policy: node.policy, isOwn, end: undefined, isAsked: false, takers: new Set() }
    run.children.add(awaited)
    const watcher = { by: run, awaited }
    if (!isClosed(child)) child.watchers.add(watcher)
    answer(Effect.succeed(awaited))
    if (isClosed(child)) tellEnd(family, child, watcher)
    else if (existing === undefined && !node.delayed) family.mail.push(() => open(family, child))
  }))

const result = (run: Run, awaited: Awaited): Played =>
  Effect.suspend(() => {
    const told = ({ ...end }: End) => ("value" in end ? Effect.succeed(end.value) : Effect.fail(end.error))
    if (awaited.end !== undefined) return told(awaited.end)
    return Effect.flatMap(
      answered<End>(run, (resume) => {
        awaited.takers.add(resume)
        return () => void awaited.takers.delete(resume)
      }),
      told
    )
  })

const cancel = (family: Family, run: Run, awaited: Awaited): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (awaited.end !== undefined) return Effect.void
    if (run.stage.exit !== undefined) return forever
    run.outbox.push(() => endChild(family, awaited, awaited.policy === "terminate" ? "terminate" : "cancel"))
    return Effect.ignore(result(run, awaited))
  })

/** The same word from the same run counts once. */
const endChild = (family: Family, awaited: Awaited, how: "cancel" | "terminate"): void => {
  if (awaited.isAsked) return
  awaited.isAsked = true
  if (!isClosed(awaited.run)) family.mail.push(() => take(family, awaited.run, how))
}

const lifeOf = (family: Family, run: Run): LifeOps<never> => ({
  run: (node) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(begin(family, run, node), (awaited) => {
        const end = restore(result(run, awaited))
        const endsWithParent = awaited.isOwn && awaited.policy !== "abandon"
        return endsWithParent ? Effect.onInterrupt(end, () => cancel(family, run, awaited)) : end
      })),
  start: (node) =>
    Effect.map(begin(family, run, node), (awaited) => ({ result: result(run, awaited), cancel: cancel(family, run, awaited) })),
  tell: (node) =>
    Effect.flatten(asked<Effect.Effect<void, string>>(run, (resume) => {
      const { stage } = run
      const receiver = family.runs.get(receiverOf(family.story, node))
      const refused = receiver === undefined ? "RunNotFound" : isClosed(receiver) ? "RunClosed" : undefined
      if (receiver !== undefined && refused === undefined) {
        post(family, receiver, () => signal(receiver, node.name, `n${node.id}`))
      }
      post(family, run, () => void (run.stage === stage && resume(refused === undefined ? Effect.void : Effect.fail(refused))))
    })),
  compensate: (node) => compensate(family, run, node),
  add: (node, undo) => add(run, `n${node.id}`, undo),
  within: (effect) => within(run, effect),
  again: (cells) =>
    Effect.suspend(() =>
      run.generation >= GENERATIONS_MAX
        ? Effect.succeed("last")
        : Workflow.continueAsNew({ ...FIRST, cells: [...cells] }) as unknown as Effect.Effect<never, string>),
  patched: (patch) =>
    Effect.suspend(() => {
      // What is asked for the first time when the program has ended, is not answered.
      if (run.stage.exit !== undefined && !run.patches.has(patch)) return forever
      run.patches.add(patch)
      return Effect.succeed(true)
    })
})

// ---- telling ----

const signal = ({ stage }: Run, name: number, payload: string): void => {
  const box = stage.boxes[name]!
  const [taker] = box.takers
  if (taker === undefined) return void box.arrived.push(payload)
  box.takers.delete(taker)
  taker(payload)
}

/** Puts something into a run's inbox. */
const post = (family: Family, run: Run, take: () => void): void => void family.mail.push(() => arrive(family, run, "news", take))

/** A run that is paused, or has not begun, is told later. */
const arrive = (family: Family, run: Run, kind: Mail["kind"], take: () => void): void => {
  if (isClosed(run)) return
  if (run.status === "pending" || (run.paused && kind === "news")) return void run.waiting.push({ kind, take })
  take()
  react(family, run)
}

/** What an operator, or a parent, says of the run as a whole. */
const take = (family: Family, run: Run, what: "cancel" | "terminate" | "pause" | "resume"): void => {
  if (isClosed(run)) return
  // One that has not begun is ended without its program.
  if (run.status === "pending" && (what === "cancel" || what === "terminate")) return close(family, run, WORDS[what])
  if (what === "cancel") return arrive(family, run, "news", () => requestCancel(run, "request"))
  if (what === "terminate") return close(family, run, "terminated")
  arrive(family, run, "word", () => (what === "pause" ? void (run.paused = true) : resume(family, run)))
}
const WORDS = { cancel: "cancelled", terminate: "terminated" } as const

const requestCancel = (run: Run, why: "request" | "timeout"): void => {
  if (run.cancelled !== undefined) return
  run.cancelled = why
  run.interrupt()
}

/** Messages in the order in which they came, then what is due. */
const resume = (family: Family, run: Run): void => {
  if (!run.paused) return
  run.paused = false
  deliverWaiting(family, run)
}

/** What has waited is told at one go: bodies begin, and the others hear of it, when all of it has been told. */
const deliverWaiting = (family: Family, run: Run): void => {
  const waiting = run.waiting
  run.waiting = []
  run.isBusy = true
  // Its next generation may be to begin.
  react(family, run)
  for (const { kind, take } of waiting) arrive(family, run, kind, take)
  wakeDue(family, run)
  run.isBusy = false
  react(family, run)
}

const wakeDue = (family: Family, run: Run): void => {
  for (;;) {
    if (isClosed(run) || run.paused) return
    const due = dueOf(run, family.now)
    if (due === undefined || due.at > family.now) return
    due.fire(family)
    react(family, run)
  }
}

interface Due {
  readonly at: number
  readonly fire: (family: Family) => void
}

/** The next thing of a run that time brings to its program. Of what is overdue, timers come before retries, the timeout last. */
const dueOf = (run: Run, now: number): Due | undefined => {
  const { retries, stage, timeoutAt } = run
  const timers = [...stage.sleepers].map((sleeper): Due => ({
    at: sleeper.at,
    fire: () => {
      stage.sleepers.delete(sleeper)
      sleeper.wake()
    }
  }))
  const again = [...retries].map((retry): Due => ({
    at: retry.at,
    fire: () => {
      retries.delete(retry)
      retry.fire()
    }
  }))
  const end: ReadonlyArray<Due> = timeoutAt === undefined ? [] : [{
    at: timeoutAt,
    fire: () => {
      run.timeoutAt = undefined
      requestCancel(run, "timeout")
    }
  }]
  const overdue = [timers, again, end].map(earliest).find((due) => due !== undefined && due.at <= now)
  return overdue ?? earliest([...timers, ...again, ...end])
}

const earliest = <A extends { readonly at: number }>(all: ReadonlyArray<A>): A | undefined => all.toSorted((a, b) => a.at - b.at)[0]

// ---- a run's life ----

const open = (family: Family, run: Run): void => {
  if (run.status !== "pending") return
  run.status = "running"
  run.timeoutAt = run.limited ? family.now + 2 * CYCLE : undefined
  start(family, run, FIRST.cells)
  // A run begins before it can be paused, and is paused before it hears of anything else.
  const words = run.waiting.filter(({ kind }) => kind === "word")
  run.waiting = run.waiting.filter(({ kind }) => kind === "news")
  run.paused = words.length > 0
  react(family, run)
  run.paused = false
  // They are told at one go: what was said before the last of them has come to nothing.
  words.at(-1)?.take()
  if (!run.paused) deliverWaiting(family, run)
}

const start = (family: Family, run: Run, cells: ReadonlyArray<string>): void => {
  const { stage } = run
  stage.now = family.now
  const ops: Ops<never> = {
    ...Oracle.opsOf(stage),
    step: (node, message) => step(family, run, node, message),
    life: lifeOf(family, run)
  }
  // A cancel that comes after the body would take the place of the outcome in the exit of the fiber itself.
  let ended: Ended | undefined
  const body = Effect.onExit(bodyOf(run, play(run.program, ops, stage.trace, cells)), (exit) => Effect.sync(() => void (ended = exit)))
  const root = fork(stage, Effect.uninterruptible(body))
  root.addObserver((exit) => void (stage.exit = ended ?? exit))
  run.interrupt = () => root.unsafeInterruptAsFork(FiberId.none)
}

/** Only the program itself can be interrupted: how it has ended is not changed by what comes while it is cleaned up. */
const bodyOf = (run: Run, program: Played): Played =>
  Effect.uninterruptible(Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.interruptible(program))
    const ended = run.cancelled === undefined || Exit.isSuccess(exit) ? exit : interrupted(exit.cause)
    return yield* Effect.onExit(ended, () => cleanUp(run, ended))
  }))

/** Fibers are stopped before what they have done is undone. */
const cleanUp = (run: Run, ended: Ended): Effect.Effect<void> =>
  Effect.gen(function*() {
    run.isEnding = true
    if (Exit.isSuccess(ended)) return yield* Scope.close(run.stage.scope, ended)
    if (Oracle.hasOwnDefect(ended.cause)) return
    const continues = isContinuing(ended.cause)
    if (!continues && run.undos.size > 0) yield* Effect.withFiberRuntime((fiber) => Effect.flatMap(fiber.children, Fiber.interruptAll))
    yield* Scope.close(run.stage.scope, ended)
    if (continues && run.cancelled === undefined) return
    yield* undoRest(run, continues ? Cause.interrupt(FiberId.none) : ended.cause)
  })

const interrupted = (cause: Cause.Cause<string>): Ended =>
  Exit.failCause(Cause.sequential(Cause.stripFailures(cause), Cause.interrupt(FiberId.none)))

/** Lets the program react, and then the others to what it has asked for. */
const react = (family: Family, run: Run): void => {
  if (isClosed(run)) return
  run.stage.now = family.now
  settle(family, run)
  const { exit } = run.stage
  if (run.status === "blocked" || (run.isBusy && exit === undefined)) return
  const outbox = run.outbox
  run.outbox = []
  for (const ask of outbox) ask()
  if (exit === undefined) return
  if (run.cancelled === undefined && Exit.isFailure(exit) && !Oracle.hasOwnDefect(exit.cause) && isContinuing(exit.cause)) {
    if (run.paused) return
    return continueAsNew(family, run, exit.cause)
  }
  close(family, run, endOf(run, exit))
}

/** Everything that can happen now, one piece of news after the other. */
const settle = (family: Family, run: Run): void => {
  const { stage } = run
  for (;;) {
    stage.tasks.drain()
    if (stage.exit !== undefined) return
    const met = [...stage.conditions].filter(({ holds }) => holds())
    if (met.length > 0) {
      for (const condition of met) {
        stage.conditions.delete(condition)
        condition.wake()
      }
    } else if (run.isBusy || run.paused) return
    else if (stage.handler !== undefined && stage.held.length > 0) fork(stage, stage.handler(stage.held.shift()!))
    else if (stage.begun.size > 0) {
      const begun = [...stage.begun]
      stage.begun.clear()
      for (const start of begun) start()
    } else if (stage.ended.length > 0) stage.ended.shift()!()
    else {
      if (!isWaiting(run)) close(family, run, "blocked")
      return
    }
  }
}

const isWaiting = ({ bodies, retries, stage, waitCount, waiting }: Run): boolean =>
  waitCount > 0 || bodies.size > 0 || retries.size > 0 || waiting.length > 0 || stage.sleepers.size > 0 || stage.handler !== undefined ||
  stage.boxes.some(({ takers }) => takers.size > 0)

const continueAsNew = (family: Family, run: Run, cause: Cause.Cause<unknown>): void => {
  const { stage } = run
  const { cells } = (Option.getOrThrow(Cause.failureOption(cause)) as unknown as { readonly input: typeof FIRST }).input
  leave(family, run)
  run.generation += 1
  run.stage = makeStage()
  run.stage.held = stage.held
  run.isEnding = false
  run.undos.clear()
  run.patches.clear()
  run.failed.length = 0
  for (const [i, { arrived }] of stage.boxes.entries()) run.stage.boxes[i]!.arrived.push(...arrived)
  start(family, run, cells)
  react(family, run)
}

/** What is open goes with a run, or a generation of it. */
const leave = (family: Family, run: Run): void => {
  run.notes.push(...run.stage.trace.notes)
  run.bodies.clear()
  run.retries.clear()
  run.waitCount = 0
  forget(run.stage.tasks)
  for (const awaited of run.children) {
    for (const watcher of awaited.run.watchers) if (watcher.awaited === awaited) awaited.run.watchers.delete(watcher)
    const { end, isOwn, policy } = awaited
    if (end === undefined && isOwn && policy !== "abandon") endChild(family, awaited, policy)
  }
  run.children.clear()
}

const close = (family: Family, run: Run, status: string): void => {
  run.status = status
  if (status === "blocked") return
  for (const watcher of [...run.watchers]) tellEnd(family, run, watcher)
  run.watchers.clear()
  leave(family, run)
}

const tellEnd = (family: Family, { status }: Run, { awaited, by }: { readonly by: Run; readonly awaited: Awaited }): void =>
  post(family, by, () => {
    const end = endSeen(status)
    awaited.end = end
    by.children.delete(awaited)
    for (const taker of awaited.takers) taker(end)
    awaited.takers.clear()
  })

/** How a run has ended, for whoever awaits it. */
const endSeen = (status: string): End => {
  const [how = "", ...rest] = status.split(" ")
  if (how === "completed") return { value: rest.join(" ") }
  if (status.includes(" uncompensated ")) return { error: "CompensationFailed" }
  if (how === "cancelled") return { error: "RunCancelled" }
  if (how === "terminated") return { error: "RunTerminated" }
  if (rest[0] === "timedout") return { error: "RunTimedOut" }
  return { error: rest[0] === "defect" || rest[0] === "interrupted" ? "RunFailed" : rest.join(" ") }
}

const endOf = (run: Run, exit: Ended): string => {
  if (Exit.isSuccess(exit)) return `completed ${exit.value}`
  if (Oracle.hasOwnDefect(exit.cause)) return "blocked"
  const left = run.failed.length === 0 ? "" : ` uncompensated ${run.failed.join(" ")}`
  const typed = Option.getOrUndefined(Cause.failureOption(exit.cause)) as unknown
  if (typed !== undefined && !(typed instanceof Workflow.ContinueAsNew)) return `failed ${String(typed)}${left}`
  if (typed === undefined && Chunk.size(Cause.defects(exit.cause)) > 0) return `failed defect${left}`
  if (run.cancelled === "timeout") return `failed timedout${left}`
  if (run.cancelled === undefined || left !== "") return `failed interrupted${left}`
  return "cancelled"
}

// ---- playing ----

/** Lets time come, stop by stop. */
const advance = (family: Family, to: number): void => {
  for (;;) {
    while (family.mail.length > 0) family.mail.shift()!()
    const next = earliest([...family.runs.values()].flatMap((run) => nextOf(family, run)))
    if (next === undefined || next.at > to) break
    family.now = next.at
    next.fire(family)
  }
  if (to !== Infinity) family.now = to
}

const nextOf = (family: Family, run: Run): ReadonlyArray<Due> => {
  if (isClosed(run)) return []
  if (run.status === "pending") return [{ at: run.startAt, fire: () => open(family, run) }]
  const bodies = [...run.bodies].map((body): Due => ({
    at: body.at,
    fire: () => {
      run.bodies.delete(body)
      body.fire()
    }
  }))
  const due = run.paused ? undefined : dueOf(run, family.now)
  if (due !== undefined) bodies.push({ at: due.at, fire: () => wakeDue(family, run) })
  return bodies
}

const tell = (family: Family, run: Run, { kind, target }: Message, number: number): void => {
  switch (kind) {
    case "signal":
      return post(family, run, () => signal(run, target, `m${number}`))
    case "update":
      return post(family, run, () => void run.stage.held.push(number))
    case "cancel":
    case "terminate":
    case "pause":
    case "resume":
      return void family.mail.push(() => take(family, run, kind))
    default:
      return
  }
}

/** Plays a family's story to its end. */
export const outcomes = (story: Story): Outcomes => {
  const family: Family = { now: START, story: story.program, runs: new Map(), mail: [], calls: [] }
  const first = makeRun(family, "run", story.program, START, false)
  open(family, first)
  for (const { at, message, number } of moments(story)) {
    advance(family, at)
    const run = family.runs.get(nthRun(story.program, message.run ?? 0))
    if (run === undefined || isClosed(run)) continue
    tell(family, run, message, number)
    advance(family, at)
  }
  advance(family, Infinity)
  const runs = new Map([...family.runs.values()].map((run) => {
    const notes = isClosed(run) && run.status !== "blocked" ? run.notes : [...run.notes, ...run.stage.trace.notes]
    const status = run.paused && !isClosed(run) ? "paused" : run.status
    return [run.runId, { status, notes }] as const
  }))
  for (const { stage } of family.runs.values()) forget(stage.tasks)
  return { runs, calls: family.calls }
}
