/**
 * One program in memory: what it is told, what it asks for, and the fibers in between. The only place where user code
 * of a workflow runs.
 *
 * Talks to: the author's effects through `perform`, the host through `activate`.
 * Invariants:
 * - R1 One event at a time, in log order, live and on replay alike (I3): `activate` delivers one event and drains.
 * - R2 While replaying, each command is compared with the recorded one when it is issued; the first misfit stops the
 *      program at once, before anything else of it runs. What is missing is seen when the drain ends.
 * - R3 A program at fault, finished or dropped never moves again.
 * - R4 Nothing is told to the world from here: commands and outputs are data for the host.
 */
import { Effect, Exit, FiberId, FiberRefs, Runtime } from "effect"
import type { Activation, RunInfo, StepNews, UpdateHandler } from "../define/Activation.js"
import type { Any, Continued, Failed } from "../define/Workflow.js"
import type { Command } from "../model/Command.js"
import { type Fault, type PayloadInvalid, ProgramStuck } from "../model/Errors.js"
import type { Event, Of, Recorded } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { Message } from "../model/Message.js"
import * as Bounds from "./Bounds.js"
import * as Children from "./Children.js"
import * as Containment from "./Containment.js"
import * as Determinism from "./Determinism.js"
import { endingOf } from "./Ending.js"
import { defect, diverge, fail, faultOf, foreign, spinning } from "./Faults.js"
import { fiberOf, FiberPath, type FiberPlace, place, rootPath, updatePath } from "./FiberPath.js"
import { FiberScheduler } from "./FiberScheduler.js"
import { issue } from "./Issue.js"
import { awakeableBox, deliverSignal, settleAwakeable, signalBox } from "./Mail.js"
import * as Markers from "./Markers.js"
import type { Host, ProgramState } from "./ProgramState.js"
import * as Steps from "./Steps.js"

// ---- a program's life ----

/** What a program is told of its run. */
export const infoOf = (runId: string, started: Of<"RunStarted">): RunInfo => ({
  runId,
  workflow: started.workflow,
  version: started.version,
  key: started.key,
  startedAt: started.beganAt ?? started.at,
  generation: started.generation ?? 0,
  parentRunId: started.parent?.runId
})

export const make = (
  workflow: Any,
  info: RunInfo,
  seed: string,
  host: Host,
  onFault: (fault: Fault) => void
): ProgramState => {
  const program: ProgramState = {
    info,
    workflow,
    host,
    seed,
    scheduler: new FiberScheduler(
      host.limits.activationOpsMax,
      (stack) => foreign(program, stack),
      () => fail(program, spinning(program, `more than ${host.limits.activationOpsMax} operations without waiting`))
    ),
    roots: new Set(),
    onFault,
    root: undefined,
    now: info.startedAt,
    cancel: undefined,
    timeoutMillis: undefined,
    finished: false,
    fault: undefined,
    recorded: undefined,
    recordedCount: 0,
    seq: 0,
    generationSeq: 0,
    commands: [],
    outputs: [],
    commandCount: 0,
    lines: new Map(),
    misfit: undefined,
    aside: false,
    trespass: undefined,
    bodies: new Map(),
    accepts: new Map(),
    waiting: new Map(),
    signals: new Map(),
    awakeables: new Map(),
    starting: new Map(),
    sending: new Map(),
    children: new Map(),
    queries: new Map(),
    updates: new Map(),
    updateFibers: new Map(),
    conditions: new Map(),
    configs: new Map(),
    patches: new Map(),
    passedMarkers: new Map(),
    compensations: {
      scope: undefined,
      undos: new Set(),
      isKept: false,
      failed: [],
      isCancelled: () => program.cancel !== undefined,
      halting: (effect) => halting(program, effect)
    },
    endlessCount: 0,
    hashCount: 0
  }
  return program
}

/**
 * Delivers one event and lets the program react (R1). `recorded` holds the command events that followed it in the
 * history, or is `undefined` when the program is live; then `commands` and `outputs` hold what it asked for.
 */
export const activate = (
  program: ProgramState,
  event: Event,
  seq: number,
  recorded: ReadonlyArray<Recorded> | undefined
): void => {
  program.now = event.at
  program.seq = seq
  program.recorded = recorded
  program.recordedCount = 0
  program.commandCount = 0
  program.commands = []
  program.outputs = []
  program.scheduler.recount()
  Containment.within(program, () => {
    program.scheduler.drain(() => deliver(program, event))
    settleConditions(program)
  })
  if (program.fault === undefined) checkRest(program)
}

/** Lets go of a program that is still waiting. Its fibers are not interrupted: a crash would not either. */
export const drop = (program: ProgramState): void => program.scheduler.stop()

/**
 * Runs a reader (a query handler, a validator) on the side, on the program's state as it stands. `undefined` when it
 * waits. It must change nothing: if it issues a command, or wakes a fiber that does, `trespass` says so and the program
 * must be dropped and replayed.
 */
export const look = <A, E>(program: ProgramState, reader: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined => {
  let exit: Exit.Exit<A, E> | undefined
  program.aside = true
  program.trespass = undefined
  Containment.within(program, () => {
    program.scheduler.drain(() => {
      fork(program, reader, place(program, "look", true)).addObserver((ended) => {
        exit = ended
      })
    })
  })
  program.aside = false
  return exit
}

/** What is wrong with an outsider's message, judged by the program's own schemas; `undefined` when nothing is. */
export const refusal = (program: ProgramState, message: Message): PayloadInvalid | undefined => {
  if (message._tag === "SettleAwakeable") return program.awakeables.get(message.id)?.accepts?.(message.settlement)
  if (message._tag !== "ResolveStep" || message.resolution._tag !== "Complete") return undefined
  return program.accepts.get(message.id)?.(message.resolution.output)
}

const fork = <A, E>(program: ProgramState, effect: Effect.Effect<A, E, Activation>, here: FiberPlace) =>
  Runtime.runFork(program.host.runtime)(effect, {
    scheduler: program.scheduler,
    updateRefs: (refs, fiberId) => FiberRefs.updateAs(refs, { fiberId, fiberRef: FiberPath, value: here })
  })

// ---- delivering ----

const deliver = (program: ProgramState, event: Event): void => {
  switch (event._tag) {
    case "RunStarted":
      return begin(program, event)
    case "RunCancelRequested":
      return requestCancel(program, event)
    case "StepCompleted":
      Steps.settled(program, event.id)
      return news(program, event.id, { _tag: "Completed", output: event.output })
    case "StepAttemptFailed":
      return news(program, event.id, { _tag: "AttemptFailed", attempt: event.attempt, failure: event.failure })
    case "StepResolved":
      if (event.resolution._tag === "Complete") Steps.settled(program, event.id)
      return news(program, event.id, { _tag: "Resolved", resolution: event.resolution })
    case "StepCancelled":
    case "TimerFired":
      return news(program, event.id, { _tag: "Completed", output: undefined })
    case "SignalReceived":
      return deliverSignal(signalBox(program, event.name), event.payload)
    case "UpdateAccepted":
      return acceptUpdate(program, event)
    case "AwakeableSettled":
      return settleAwakeable(awakeableBox(program, event.id), event.settlement)
    case "ChildStarted":
    case "ChildRefused":
      return Children.deliverStart(program, event)
    case "SignalDelivered":
    case "SignalRefused":
      return Children.deliverSent(program, event)
    case "ChildCompleted":
    case "ChildFailed":
    case "ChildCancelled":
    case "ChildTerminated":
      return Children.deliverEnd(program, event)
    default:
      throw new Error(`${event._tag} is not delivered to programs`)
  }
}

const begin = (program: ProgramState, event: Of<"RunStarted">): void => {
  program.generationSeq = program.seq
  program.timeoutMillis = event.timeoutAt === undefined ? undefined : event.timeoutAt - (event.beganAt ?? event.at)
  for (const { name, payload } of event.carried ?? []) deliverSignal(signalBox(program, name), payload)
  let ended: Ended | undefined
  const body = Effect.onExit(halting(program, program.workflow.program(event.input)), (exit) => Effect.sync(() => void (ended = exit)))
  const root = fork(program, Effect.uninterruptible(body), place(program, rootPath(program)))
  program.root = root
  // With the exit of the fiber itself, a cancel that came after the body would take the place of the outcome.
  root.addObserver((exit) => finish(program, ended ?? exit))
}

/**
 * Stops a program where its defect comes to light, before its end interrupts its other fibers: what they would ask for
 * then must not reach the history, because the mended code will not ask for it.
 */
const halting = <A, E, R>(program: ProgramState, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.tapErrorCause(effect, (cause) =>
    Effect.sync(() => {
      const fault = faultOf(program, cause)
      if (fault !== undefined) fail(program, fault)
    }))

const requestCancel = (program: ProgramState, event: Of<"RunCancelRequested">): void => {
  if (program.cancel !== undefined) return
  program.cancel = event
  program.root?.unsafeInterruptAsFork(FiberId.none)
}

const news = (program: ProgramState, id: string, what: StepNews): void => {
  const resume = program.waiting.get(id)
  if (resume === undefined) {
    return diverge(program, `a fiber that waits for [${id}]`, "no fiber waits for it", fiberOf(id))
  }
  program.waiting.delete(id)
  resume(what)
}

const acceptUpdate = (program: ProgramState, event: Of<"UpdateAccepted">): void => {
  const handler = program.updates.get(event.name)
  if (handler === undefined) {
    return diverge(program, `a handler for update "${event.name}"`, "none is installed", rootPath(program))
  }
  const here = place(program, updatePath(event.messageId))
  const fiber = fork(program, halting(program, handler.run(event.input)), here)
  program.updateFibers.set(event.messageId, fiber)
  fiber.addObserver((exit) => {
    program.updateFibers.delete(event.messageId)
    if (program.finished || program.fault !== undefined) return
    if (Exit.isFailure(exit)) return fail(program, faultOf(program, exit.cause) ?? defect(program, exit.cause))
    issue(program, here.path, answer(program, event.messageId, exit.value))
  })
}

type Answered = Effect.Effect.Success<ReturnType<UpdateHandler["run"]>>

/** An answer that is too large fails its update, not the run; which it was, the history knows. */
const answer = (program: ProgramState, messageId: string, answered: Answered): Command => {
  if ("failure" in answered) return { _tag: "FailUpdate", messageId, failure: answered.failure }
  const command: Command = { _tag: "CompleteUpdate", messageId, output: answered.output }
  const recorded = Markers.upcoming(program)
  const over = program.recorded === undefined ? Bounds.exceeded(command, program.host.limits) : undefined
  if (over === undefined && recorded?._tag !== "UpdateFailed") return command
  return { _tag: "FailUpdate", messageId, failure: { _tag: "Unencodable", message: `${over?.what}: ${over?.detail}`, path: "" } }
}

/**
 * Wakes fibers whose condition may hold now, until a round moves none of them. Conditions read program state only, so
 * a round in which every fiber came back to wait has found its rest.
 */
const settleConditions = (program: ProgramState): void => {
  while (program.conditions.size > 0 && program.fault === undefined && !program.finished) {
    const before = [...program.conditions]
    program.conditions.clear()
    program.scheduler.drain(() => {
      for (const [, wake] of before) wake()
    })
    if (before.every(([condition]) => program.conditions.has(condition)) && before.length === program.conditions.size) return
  }
}

/** After a drain: nothing recorded may be left over (R2), and a program at rest must wait for something known. */
const checkRest = (program: ProgramState): void => {
  const left = Markers.upcoming(program)
  if (program.fault !== undefined) return
  if (left !== undefined) {
    const path = "id" in left ? fiberOf(left.id) : rootPath(program)
    return diverge(program, Determinism.describeEvent(left), "the program came to rest without it", path)
  }
  if (!program.finished && !waitsForSomething(program)) {
    const detail = program.conditions.size > 0
      ? "its condition can only be met by an event, and none is pending"
      : "no step, timer, signal, awakeable or child is pending"
    fail(program, new ProgramStuck({ workflow: program.workflow.name, detail }))
  }
}

const waitsForSomething = (program: ProgramState): boolean => {
  if (program.waiting.size > 0 || program.endlessCount > 0 || program.updates.size > 0) return true
  for (const box of program.signals.values()) if (box.takers.size > 0) return true
  for (const box of program.awakeables.values()) if (box.takers.size > 0) return true
  return Children.isAwaited(program)
}

// ---- ending ----

type Ended = Exit.Exit<Json | undefined, Failed | Continued>

const finish = (program: ProgramState, exit: Ended): void => {
  if (program.fault !== undefined) return
  const ending = endingOf(program, exit)
  if ("fault" in ending) return fail(program, ending.fault)
  if (ending.command._tag === "ContinueAsNew") leaveUpdates(program)
  issue(program, rootPath(program), ending.command)
  program.finished = true
}

/** Nobody will answer the updates whose handlers are under way: their senders are told. */
const leaveUpdates = (program: ProgramState): void => {
  for (const messageId of program.updateFibers.keys()) {
    issue(program, updatePath(messageId), { _tag: "FailUpdate", messageId, failure: { _tag: "Interrupted" } })
  }
}
