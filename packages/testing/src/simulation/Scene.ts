/** Plays a script in a world with faults, and then lets the world heal and come to rest. */
import { FastCheck as fc, type Layer, Effect, Exit } from "effect"
import { Client, type Workflow } from "@reprise/core"
import { type Event, type Log, Run } from "@reprise/core/engine"
import { type Options, ProcessScheduler } from "../ProcessScheduler.js"
import * as World from "../World.js"
import type * as Plan from "./Plan.js"

/** What stands around the workflows; made anew for each world, so that nothing is left from the one before. */
export type Surroundings<R> =
  & Pick<World.Options<never>, "limits" | "config" | "startAt" | "log">
  & { readonly mocks?: Readonly<Record<string, World.StandIn>> }
  & ([R] extends [never] ? { readonly services?: Layer.Layer<never> } : { readonly services: Layer.Layer<R> })

/** A scene to play: who is there, and what happens without faults. */
export interface Scene {
  readonly workflows: ReadonlyArray<Workflow.Any>
  /** What processes to come may have in their place, when a plan deploys. */
  readonly deployments?: ReadonlyArray<ReadonlyArray<Workflow.Any>>
  readonly world: () => Surroundings<never>
  readonly script: (world: World.World) => Effect.Effect<unknown, unknown>
}

export interface SeenRun {
  readonly runId: string
  readonly workflow: string
  readonly version: string
  readonly status: Run.Status
  readonly blocked: Log.RunSummary["blocked"]
  readonly history: ReadonlyArray<Event.Event>
  /** What a worker ought to have done of it by now, in words. */
  readonly unfinished: ReadonlyArray<string>
}

/** What a play has come to. */
export interface Seen {
  /** How the script ended. */
  readonly exit: Exit.Exit<unknown, unknown>
  /** In the order of their creation. */
  readonly runs: ReadonlyArray<SeenRun>
  /** Every begin of a step's body. */
  readonly calls: ReadonlyArray<World.StepCall>
  readonly damage: World.Damage
  readonly appendCount: number
  /** Virtual milliseconds from beginning to end. */
  readonly millis: number
}

/** Jumps in time after the script; a workflow that goes round and round has more. */
const STOPS_MAX = 1_000

export const play = (scene: Scene, plan: Plan.Plan): Effect.Effect<Seen> =>
  Effect.scoped(Effect.gen(function*() {
    const { mocks = {}, ...surroundings } = scene.world()
    const { deployments = [], workflows } = scene
    const options = { ...surroundings, workflows, deployments, faults: plan }
    // Which services the steps need was asked for where the scene was made (Surroundings).
    const world = yield* World.make(options as World.Options<never>)
    const begunAt = yield* world.now
    for (const [step, standIn] of Object.entries(mocks)) yield* world.mock(step, standIn)
    const exit = yield* Effect.exit(scene.script(world))
    yield* world.heal
    let stops = 0
    while (stops < STOPS_MAX && (yield* world.skip)) stops += 1
    return {
      exit,
      runs: yield* look(world, stops < STOPS_MAX),
      calls: yield* world.calls,
      damage: yield* world.damage,
      appendCount: yield* world.appendCount,
      millis: (yield* world.now) - begunAt
    }
  })).pipe(Effect.withScheduler(new ProcessScheduler(ON_LOOKERS)))

/** Scripts run one task after the other, as they come: otherwise a play would depend on what else the process does. */
const ON_LOOKERS: Options = { trace: { hash: 0, taskCount: 0 }, pick: () => 0, moment: () => 0 }

const RUNS_MAX = 10_000

/** `isAtRest`: time cannot come any more, so that nothing may wait for it. */
const look = (world: World.World, isAtRest: boolean): Effect.Effect<ReadonlyArray<SeenRun>> =>
  Effect.gen(function*() {
    const { log } = yield* world.run(Client.Client)
    const now = yield* world.now
    const summaries = yield* Effect.orDie(log.find({ limit: RUNS_MAX }))
    const acknowledged = yield* world.acknowledged
    const { runIds } = yield* Effect.orDie(log.runnable({ now, recover: true, limit: RUNS_MAX }))
    const runs: Array<SeenRun> = []
    for (const { blocked, runId, status, version, workflow } of summaries.toReversed()) {
      const history = yield* world.history(runId)
      const inbox = yield* Effect.orDie(log.inbox(runId))
      const rest: Rest = {
        messages: inbox.messages,
        lost: lostOf(acknowledged.filter((sent) => sent.runId === runId), history, inbox),
        until: isAtRest ? Infinity : now,
        isTakenUp: runIds.includes(runId)
      }
      const state = fold(runId, workflow, version, history)
      const unfinished = typeof state === "string" ? [state] : unfinishedOf(state, blocked !== undefined, rest)
      runs.push({ runId, workflow, version, status, blocked, history, unfinished })
    }
    return runs
  })

/** What is neither in the history, nor in the inbox, nor was refused. */
const lostOf = (
  acknowledged: ReadonlyArray<World.Acknowledged>,
  history: ReadonlyArray<Event.Event>,
  { messages, notes }: Effect.Effect.Success<ReturnType<Log.LogShape["inbox"]>>
): ReadonlyArray<string> => {
  const known = new Set([
    ...history.flatMap((event) => ("messageId" in event ? [event.messageId] : [])),
    ...messages.map(({ messageId }) => messageId),
    ...notes.refused.keys()
  ])
  return acknowledged.map(({ messageId }) => messageId).filter((messageId) => !known.has(messageId))
}

/** Of a history that no run can have, why not. */
const fold = (runId: string, workflow: string, version: string, history: ReadonlyArray<Event.Event>): Run.RunState | string => {
  const state = Run.pending(runId, workflow, version)
  try {
    for (const event of history) Run.evolve(state, event)
  } catch (error) {
    return `its history is damaged: ${String(error)}`
  }
  return state
}

/** What is left of a run, beside its history. */
interface Rest {
  readonly messages: ReadonlyArray<{ readonly _tag: string; readonly messageId: string }>
  /** Messages that clients were told the store has, and that are nowhere. */
  readonly lost: ReadonlyArray<string>
  /** Until when whatever is due has had its time. */
  readonly until: number
  /** Whether the next process would look at the run as it begins. */
  readonly isTakenUp: boolean
}

const unfinishedOf = (state: Run.RunState, isBlocked: boolean, rest: Rest): ReadonlyArray<string> => {
  const mail = rest.messages.map(({ _tag, messageId }) => `${_tag} ${messageId} is not delivered`)
  // No run ends with mail that nobody has read.
  if (Run.isClosed(state.status)) return mail
  const lost = rest.lost.map((messageId) => `message ${messageId} is lost`)
  if (isBlocked) return lost
  if (state.paused !== undefined) return [...lost, ...awake(rest)]
  return [...lost, ...mail, ...open(state, rest.until)]
}

/** What is wrong with a run that is paused, and should be left alone. */
const awake = ({ isTakenUp, messages }: Rest): ReadonlyArray<string> => {
  if (messages.some(({ _tag }) => _tag === "Resume")) return ["its resume is not delivered"]
  // Messages may say that it is to go on, or to end.
  return isTakenUp && messages.length === 0 ? ["it is paused, and would be taken up"] : []
}

const open = (state: Run.RunState, until: number): ReadonlyArray<string> => {
  const wrong = state.continuing === undefined ? [] : ["its next generation has not begun"]
  for (const { id, phase } of state.steps.values()) if (phase !== "asking") wrong.push(`step ${id} is ${phase}`)
  for (const [id, dueAt] of state.timers) if (dueAt <= until) wrong.push(`timer ${id} has not fired`)
  return wrong
}

/** How a script ended, to be compared. */
export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.match(exit, { onSuccess: (value) => ({ value }), onFailure: (cause) => ({ cause: cause.toString() }) })

/** Whether something draws inputs, or is one. */
export const isArbitrary = <A>(given: A | fc.Arbitrary<A>): given is fc.Arbitrary<A> => given instanceof fc.Arbitrary
