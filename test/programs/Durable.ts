/** Plays programs on the engine, as workflows. */
import { Clock, Effect, Option, Random, Schedule, Schema } from "effect"
import { Awakeable, Query, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import { type Ops, play, type Trace } from "./Interpreter.js"
import { CYCLE, deadlineResidue, type Node, type Of, residueOf, stepResidue, until } from "./Program.js"

export const signals = ["s0", "s1"].map((name) => Signal.make(name, { payload: Schema.String }))
export const update = Update.make("u", { input: Schema.Number, output: Schema.String, error: Schema.String })
/** How many notes there are. */
export const query = Query.make("q", { output: Schema.Number })
export const nameOf = (node: Node): string => `n${node.id}`
export const awakeableName = (id: number): string => `a${id}`

/** A workflow that plays a program. */
export interface Played {
  readonly workflow: Workflow.Workflow<void, unknown, string, never>
  /** What its last play has seen: that of the run, as far as it has come, in whichever process. */
  readonly trace: () => Trace
  /** Steps whose scheduling is committed, and those whose bodies began before it was. */
  readonly scheduled: Set<string>
  readonly premature: Array<string>
}

/** `isDead`: its step bodies and recorded values must not run. */
export const make = (program: Node, isDead = false): Played => {
  let trace: Trace = { notes: [], chance: [] }
  let valueCount = 0
  const scheduled = new Set<string>()
  const premature: Array<string> = []
  const began = ({ stepId }: Attempt): void => {
    if (!scheduled.has(stepId)) premature.push(stepId)
  }
  const ops = opsOf(isDead, () => ++valueCount, began)
  const body = Effect.suspend(() => {
    const seen: Trace = { notes: [], chance: [] }
    trace = seen
    const answered = Query.handle(query, () => Effect.sync(() => seen.notes.length))
    return Effect.map(Effect.zipRight(answered, play(program, ops, seen)), (value) => ({ value, ...seen }))
  })
  // The ops' requirements are the engine's own; their errors are strings.
  const workflow = Workflow.make("played", { error: Schema.String }, () => body as never)
  return { workflow, trace: () => trace, scheduled, premature }
}

export const unlessDead = <A, E, R>(isDead: boolean, body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  isDead ? Effect.dieMessage("a body ran while its program was only replayed") : body

type Attempt = Effect.Effect.Success<typeof Step.attempt>
type Began = (attempt: Attempt) => void

/** `isDead`: the bodies must not run. */
export const opsOf = (isDead: boolean, nextValue: () => number, began: Began): Ops<never> => {
  const ops: Ops<unknown> = {
    step: (node, message) => step(node, message, isDead, began),
    receive: (name) => signals[name]!.receive,
    poll: (name) => signals[name]!.poll,
    awakeable: (id) =>
      Effect.flatMap(Awakeable.make(awakeableName(id), { value: Schema.String, error: Schema.String }), (made) => made.await),
    sensor: (node) => Sensor.poll(nameOf(node), unlessDead(isDead, check(node)), { every: CYCLE }),
    value: (id) => Step.value(`v${id}`, unlessDead(isDead, Effect.sync(nextValue))),
    draw: Random.nextIntBetween(0, 1_000_000),
    condition: (holds) => Workflow.condition(holds),
    finalizer: (cleanup) => Effect.addFinalizer(() => cleanup as Effect.Effect<void>),
    handle: (run) => Update.handle(update, { run: run as never })
  }
  // What the ops require, the engine provides (Workflow.make above).
  return ops as unknown as Ops<never>
}

export const sleepUntil = (residue: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(until(now, residue)))

const step = (node: Of<"step">, message: number | undefined, isDead: boolean, began: Began) => {
  const name = nameOf(node)
  const body = Effect.gen(function*() {
    const facts = yield* Step.attempt
    began(facts)
    yield* sleepUntil(stepResidue(node, message))
    const { attempt } = facts
    if (attempt > node.fails) return `${name}.${attempt}`
    return yield* node.defect ? Effect.die(new Error(name)) : Effect.fail(name)
  })
  const times = Schedule.recurs(node.times)
  const retry = node.delayed ? Schedule.intersect(Schedule.spaced(CYCLE), times) : times
  if (node.unsure !== undefined) {
    const run = Step.run(name, unlessDead(isDead, body), { retry, onUnknown: node.unsure })
    return Effect.mapError(run, (error) => (typeof error === "string" ? error : error._tag))
  }
  if (!node.deadline) return Step.run(name, unlessDead(isDead, body), { retry })
  return Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.catchTag(
      Step.run(name, unlessDead(isDead, Effect.mapError(body, (why) => ({ _tag: "Why" as const, why }))), {
        retry,
        deadline: until(now, deadlineResidue(node, message)) || CYCLE
      }),
      "StepTimedOut",
      () => Effect.fail({ _tag: "Why" as const, why: `${name} late` })
    )).pipe(Effect.mapError(({ why }) => why))
}

const check = (node: Of<"sensor">) =>
  Effect.gen(function*() {
    yield* sleepUntil(residueOf(node))
    const { poll } = yield* Step.attempt
    return poll > node.polls ? Option.some("sensed") : Option.none()
  })
