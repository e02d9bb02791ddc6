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
import { Cause, Effect, Exit, FiberId, FiberRefs, Option, Runtime } from "effect"
import type { Activation, ActivationShape, Request, RequestTag, Requests, RunInfo, StepNews, UpdateHandler } from "../define/Activation.js"
import type { Any } from "../define/Workflow.js"
import { Failed } from "../define/Workflow.js"
import type { Command } from "../model/Command.js"
import {
  Divergence,
  type Fault,
  ForeignAsync,
  GlobalForbidden,
  PayloadInvalid,
  ProgramDefect,
  ProgramSpinning,
  ProgramStuck,
  ProgramValueInvalid,
  StepDefect
} from "../model/Errors.js"
import type { Event, Failure, Of, Settlement } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import * as Token from "../model/Token.js"
import type { Message } from "../model/Message.js"
import * as Bounds from "./Bounds.js"
import * as Containment from "./Containment.js"
import * as Determinism from "./Determinism.js"
import { FiberPath, type FiberPlace, nextId, place, updatePath } from "./FiberPath.js"
import { FiberScheduler } from "./FiberScheduler.js"
import type { AwakeableBox, Host, ProgramState, SignalBox } from "./ProgramState.js"
import { placeOf } from "./Services.js"

// ---- a program's life ----

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
    finished: false,
    fault: undefined,
    recorded: undefined,
    recordedCount: 0,
    seq: 0,
    commands: [],
    outputs: [],
    commandCount: 0,
    source: undefined,
    aside: false,
    trespass: undefined,
    bodies: new Map(),
    accepts: new Map(),
    waiting: new Map(),
    signals: new Map(),
    awakeables: new Map(),
    queries: new Map(),
    updates: new Map(),
    updateFibers: new Map(),
    conditions: new Map(),
    configs: new Map(),
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
  recorded: ReadonlyArray<Event> | undefined
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

// ---- faults (R3) ----

const fail = (program: ProgramState, fault: Fault): void => {
  program.fault ??= fault
  program.scheduler.stop()
}

const foreign = (program: ProgramState, stack: string): void => {
  if (program.finished || program.fault !== undefined) return
  const detail = "a fiber was woken by a promise, callback or timer that the log does not know"
  const fault = new ForeignAsync({ workflow: program.workflow.name, detail, stack })
  fail(program, fault)
  program.onFault(fault)
}

const spinning = (program: ProgramState, bound: string): Fault =>
  new ProgramSpinning({ workflow: program.workflow.name, bound })

const diverge = (program: ProgramState, expected: string, actual: string, fiberPath: string): void =>
  fail(
    program,
    new Divergence({
      workflow: program.workflow.name,
      seq: program.seq + program.recordedCount + 1,
      expected,
      actual,
      fiberPath,
      ...(program.source === undefined ? {} : { source: program.source })
    })
  )

// ---- delivering ----

const deliver = (program: ProgramState, event: Event): void => {
  switch (event._tag) {
    case "RunStarted":
      return begin(program, event)
    case "RunCancelRequested":
      return requestCancel(program, event)
    case "StepCompleted":
      program.bodies.delete(event.id)
      return news(program, event.id, { _tag: "Completed", output: event.output })
    case "StepAttemptFailed":
      return news(program, event.id, { _tag: "AttemptFailed", attempt: event.attempt, failure: event.failure })
    case "StepResolved":
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
    default:
      throw new Error(`${event._tag} is not delivered to programs`)
  }
}

const begin = (program: ProgramState, event: Of<"RunStarted">): void => {
  const root = fork(program, halting(program, program.workflow.program(event.input)), place(program, "0"))
  program.root = root
  root.addObserver((exit) => finish(program, exit))
}

/**
 * Stops a program where its defect comes to light, before its end interrupts its other fibers: what they would ask for
 * then must not reach the history, because the mended code will not ask for it.
 */
const halting = <A, E>(program: ProgramState, effect: Effect.Effect<A, E, Activation>): Effect.Effect<A, E, Activation> =>
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
    return diverge(program, `a fiber that waits for [${id}]`, "no fiber waits for it", id.split("#")[0] ?? "")
  }
  program.waiting.delete(id)
  resume(what)
}

const signalBox = (program: ProgramState, name: string): SignalBox => {
  let box = program.signals.get(name)
  if (box === undefined) program.signals.set(name, box = { arrived: [], takers: new Set() })
  return box
}

const deliverSignal = (box: SignalBox, payload: Json | undefined): void => {
  for (const taker of box.takers) {
    box.takers.delete(taker)
    return taker(payload)
  }
  box.arrived.push(payload)
}

const awakeableBox = (program: ProgramState, id: string): AwakeableBox => {
  let box = program.awakeables.get(id)
  if (box === undefined) program.awakeables.set(id, box = { settlement: undefined, accepts: undefined, takers: new Set() })
  return box
}

const settleAwakeable = (box: AwakeableBox, settlement: Settlement): void => {
  if (box.settlement !== undefined) return
  box.settlement = settlement
  for (const taker of box.takers) taker(settlement)
  box.takers.clear()
}

const acceptUpdate = (program: ProgramState, event: Of<"UpdateAccepted">): void => {
  const handler = program.updates.get(event.name)
  if (handler === undefined) {
    return diverge(program, `a handler for update "${event.name}"`, "none is installed", "0")
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
  const recorded = program.recorded?.[program.recordedCount]
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
  const recorded = program.recorded
  if (recorded !== undefined && program.recordedCount < recorded.length) {
    const left = recorded[program.recordedCount]!
    return diverge(program, Determinism.describeEvent(left), "the program came to rest without it", "0")
  }
  if (!program.finished && !waitsForSomething(program)) {
    const detail = program.conditions.size > 0
      ? "its condition can only be met by an event, and none is pending"
      : "no step, timer, signal or awakeable is pending"
    fail(program, new ProgramStuck({ workflow: program.workflow.name, detail }))
  }
}

const waitsForSomething = (program: ProgramState): boolean => {
  if (program.waiting.size > 0 || program.endlessCount > 0 || program.updates.size > 0) return true
  for (const box of program.signals.values()) if (box.takers.size > 0) return true
  for (const box of program.awakeables.values()) if (box.takers.size > 0) return true
  return false
}

// ---- ending ----

const finish = (program: ProgramState, exit: Exit.Exit<Json | undefined, Failed>): void => {
  if (program.fault !== undefined) return
  const ending = endingOf(program, exit)
  if ("fault" in ending) return fail(program, ending.fault)
  issue(program, "0", ending.command)
  program.finished = true
}

const endingOf = (
  program: ProgramState,
  exit: Exit.Exit<Json | undefined, Failed>
): { readonly command: Command } | { readonly fault: Fault } => {
  if (Exit.isSuccess(exit)) return { command: { _tag: "CompleteRun", output: exit.value } }
  const fault = faultOf(program, exit.cause)
  if (fault !== undefined) return { fault }
  return { command: closingCommand(program, exit.cause) }
}

/** How a body without a fault of its own ended. A typed error wins over a step's defect, both over interruption. */
const closingCommand = (program: ProgramState, cause: Cause.Cause<Failed>): Command => {
  const typed = Cause.failureOption(cause)
  if (Option.isSome(typed)) return { _tag: "FailRun", failure: typed.value.failure }
  for (const died of Cause.defects(cause)) {
    if (died instanceof StepDefect) return { _tag: "FailRun", failure: stepDefect(died) }
  }
  const cancel = program.cancel
  if (cancel === undefined) return { _tag: "FailRun", failure: { _tag: "Interrupted" } }
  if (cancel.cause === "request") return { _tag: "CancelRun", reason: cancel.reason, by: cancel.by }
  return { _tag: "FailRun", failure: { _tag: "TimedOut", scope: "run", millis: cancel.at - program.info.startedAt } }
}

const stepDefect = (died: StepDefect): Failure => ({
  _tag: "Defect",
  name: died.name,
  message: `step "${died.step}": ${died.detail}`,
  ...(died.stack === undefined ? {} : { stack: died.stack })
})

/** A defect that is not a step's is a fault in the program: the run is blocked until the code is mended. */
const faultOf = (program: ProgramState, cause: Cause.Cause<unknown>): Fault | undefined => {
  for (const died of Cause.defects(cause)) {
    if (died instanceof StepDefect) continue
    if (died instanceof GlobalForbidden) return died
    if (died instanceof PayloadInvalid) return valueInvalid(program, died)
    return defect(program, Cause.die(died))
  }
  return undefined
}

const valueInvalid = (program: ProgramState, error: PayloadInvalid): Fault =>
  new ProgramValueInvalid({
    workflow: program.workflow.name,
    what: error.what,
    detail: error.path === "" ? error.detail : `at ${error.path}: ${error.detail}`
  })

const defect = (program: ProgramState, cause: Cause.Cause<unknown>): Fault => {
  const died = Cause.squash(cause)
  const stack = died instanceof Error ? died.stack : undefined
  return new ProgramDefect({
    workflow: program.workflow.name,
    detail: died instanceof Error ? `${died.name}: ${died.message}` : String(died),
    ...(stack === undefined ? {} : { stack })
  })
}

// ---- asking ----

/** A fiber that asked for something while the program is at fault waits for ever. */
const parked = Effect.async<never>(() => {})

/** Compares or collects a command (R2). False when the program must not go on. */
const issue = (program: ProgramState, fiberPath: string, command: Command): boolean => {
  if (program.fault !== undefined || program.finished) return false
  if (program.aside) {
    program.trespass ??= Determinism.describeCommand(command)
    return false
  }
  program.commandCount += 1
  if (program.commandCount > program.host.limits.activationCommandsMax) {
    fail(program, spinning(program, `more than ${program.host.limits.activationCommandsMax} commands in one activation`))
    return false
  }
  if (program.recorded === undefined) {
    const over = Bounds.exceeded(command, program.host.limits)
    if (over !== undefined) {
      fail(program, new ProgramValueInvalid({ workflow: program.workflow.name, ...over }))
      return false
    }
    program.commands.push(command)
    return true
  }
  const expected = program.recorded[program.recordedCount]
  if (expected === undefined || !Determinism.matches(command, expected)) {
    const was = expected === undefined ? "nothing more in this activation" : Determinism.describeEvent(expected)
    diverge(program, was, Determinism.describeCommand(command), fiberPath)
    return false
  }
  program.recordedCount += 1
  return true
}

type Answers = {
  readonly [T in RequestTag]: (
    program: ProgramState,
    here: FiberPlace,
    request: Request<T>
  ) => Effect.Effect<Requests[T]["answer"]>
}

const answers: Answers = {
  RunStep: (program, here, request) => {
    const id = nextId(here)
    program.source = request.source ?? program.source
    const { accepts, body, source, _tag, ...rest } = request
    void source
    if (!issue(program, here.path, { _tag, id, ...rest })) return parked
    program.bodies.set(id, body)
    if (accepts !== undefined) program.accepts.set(id, accepts)
    return Effect.map(stepNews(program, here, id), (what) => ({ id, news: what }))
  },
  DecideStep: (program, here, request) => {
    const decision = program.recorded === undefined ? request.decision._tag : recordedDecision(program, request.id)
    if (!issue(program, here.path, decisionCommand(request, decision ?? request.decision._tag))) return parked
    if (decision === "Fail") {
      program.bodies.delete(request.id)
      return Effect.succeed({ _tag: "GaveUp" })
    }
    return Effect.map(stepNews(program, here, request.id), (what) => ({ _tag: "News", news: what }))
  },
  Sleep: (program, here, request) => {
    if (request.millis <= 0) return Effect.yieldNow()
    if (request.millis === Infinity) return endless(program)
    const id = nextId(here)
    if (!issue(program, here.path, { _tag: "StartTimer", id, millis: Math.ceil(request.millis) })) return parked
    return Effect.async<void>((resume) => {
      program.waiting.set(id, () => resume(Effect.void))
      return Effect.suspend(() => {
        program.waiting.delete(id)
        return issue(program, here.path, { _tag: "CancelTimer", id }) ? Effect.void : parked
      })
    })
  },
  RecordValue: (program, here, request) => {
    if (request.config && program.configs.has(request.name)) return Effect.succeed(program.configs.get(request.name))
    program.source = request.source ?? program.source
    const id = nextId(here)
    const value = program.recorded === undefined && !program.aside
      ? evaluate(request.evaluate)
      : Exit.succeed(recordedValue(program))
    if (Exit.isFailure(value)) return value
    if (!issue(program, here.path, { _tag: "RecordValue", id, name: request.name, value: value.value })) return parked
    if (request.config) program.configs.set(request.name, value.value)
    return value
  },
  ReceiveSignal: (program, _here, request) => {
    const box = signalBox(program, request.name)
    if (box.arrived.length > 0) return Effect.succeed(box.arrived.shift())
    return Effect.async((resume) => {
      const taker = (payload: Json | undefined) => resume(Effect.succeed(payload))
      box.takers.add(taker)
      return Effect.sync(() => box.takers.delete(taker))
    })
  },
  PollSignal: (program, _here, request) => {
    const box = signalBox(program, request.name)
    return Effect.succeed(box.arrived.length > 0 ? Option.some(box.arrived.shift()) : Option.none())
  },
  CreateAwakeable: (program, here, request) => {
    program.source = request.source ?? program.source
    const id = nextId(here)
    const recorded = program.recorded?.[program.recordedCount]
    const token = recorded?._tag === "AwakeableCreated"
      ? recorded.token
      : Token.make(program.info.runId, Containment.outside(program.host.secret))
    if (!issue(program, here.path, { _tag: "CreateAwakeable", id, name: request.name, token })) return parked
    awakeableBox(program, id).accepts = request.accepts
    return Effect.succeed({ id, token })
  },
  AwaitAwakeable: (program, _here, request) => {
    const box = awakeableBox(program, request.id)
    if (box.settlement !== undefined) return Effect.succeed(box.settlement)
    return Effect.async((resume) => {
      const taker = (settlement: Settlement) => resume(Effect.succeed(settlement))
      box.takers.add(taker)
      return Effect.sync(() => box.takers.delete(taker))
    })
  },
  HandleQuery: (program, _here, request) => Effect.sync(() => void program.queries.set(request.name, request.handler)),
  HandleUpdate: (program, _here, request) => Effect.sync(() => void program.updates.set(request.name, request.handler)),
  AwaitChange: (program, _here, request) =>
    Effect.async((resume) => {
      program.conditions.set(request.condition, () => resume(Effect.void))
      return Effect.sync(() => program.conditions.delete(request.condition))
    })
}

/** The engine's side of the port. One serves all programs: a fiber knows its own (engine/FiberPath.ts). */
export const perform: ActivationShape["perform"] = (request) =>
  Effect.withFiberRuntime((fiber) => {
    const here = placeOf(fiber)
    // The table pairs each tag with its own request and answer; TypeScript cannot see that through the index.
    const answer = answers[request._tag] as unknown as (
      program: ProgramState,
      here: FiberPlace,
      request: unknown
    ) => Effect.Effect<never>
    return answer(here.program, here, request)
  })

/** The activation of every program; which one it is, the fiber knows. */
export const activation: ActivationShape = {
  perform,
  info: Effect.withFiberRuntime((fiber) => Effect.succeed(placeOf(fiber).program.info))
}

/** Waits for a step's next news; when interrupted, asks for its cancellation and waits until that is settled. */
const stepNews = (program: ProgramState, here: FiberPlace, id: string): Effect.Effect<StepNews> =>
  Effect.async((resume) => {
    program.waiting.set(id, (what) => resume(Effect.succeed(what)))
    return Effect.suspend(() => {
      program.waiting.delete(id)
      program.bodies.delete(id)
      if (!issue(program, here.path, { _tag: "CancelStep", id })) return parked
      return Effect.async<void>((done) => void program.waiting.set(id, () => done(Effect.void)))
    })
  })

const recordedDecision = (program: ProgramState, id: string): "Retry" | "Fail" | "Ask" | undefined => {
  const event = program.recorded?.[program.recordedCount]
  if (event === undefined || !("id" in event) || event.id !== id) return undefined
  if (event._tag === "StepRetryScheduled") return "Retry"
  if (event._tag === "StepFailed") return "Fail"
  return event._tag === "StepAsked" ? "Ask" : undefined
}

const decisionCommand = (request: Request<"DecideStep">, decision: "Retry" | "Fail" | "Ask"): Command => {
  const { attempt, id } = request
  if (decision === "Fail") return { _tag: "FailStep", id, attempt }
  if (decision === "Ask") return { _tag: "AskStep", id, attempt }
  // On replay the recorded delay stands, whatever the schedule says now.
  const delayMillis = request.decision._tag === "Retry" ? request.decision.delayMillis : 0
  return { _tag: "RetryStep", id, attempt: attempt + 1, delayMillis }
}

const recordedValue = (program: ProgramState): Json | undefined => {
  const event = program.recorded?.[program.recordedCount]
  return event?._tag === "ValueRecorded" ? event.value : undefined
}

const evaluate = (thunk: () => Json | undefined): Exit.Exit<Json | undefined> => {
  try {
    return Exit.succeed(Containment.outside(thunk))
  } catch (thrown) {
    return Exit.die(thrown)
  }
}

const endless = (program: ProgramState): Effect.Effect<never> =>
  Effect.async(() => {
    program.endlessCount += 1
    return Effect.sync(() => void (program.endlessCount -= 1))
  })
