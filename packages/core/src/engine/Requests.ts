/** The engine's side of the port: what each request of a program becomes. */
import { Effect, Exit, Option } from "effect"
import type { ActivationShape, Request, RequestTag, Requests, StepNews } from "../define/Activation.js"
import type { Command } from "../model/Command.js"
import type { Json } from "../model/Json.js"
import * as Token from "../model/Token.js"
import * as Containment from "./Containment.js"
import { type FiberPlace, nextId } from "./FiberPath.js"
import * as Children from "./Children.js"
import { issue } from "./Issue.js"
import { awakeableBox, signalBox } from "./Mail.js"
import * as Markers from "./Markers.js"
import { patched } from "./requests/Patched.js"
import type { ProgramState } from "./ProgramState.js"
import { placeOf } from "./Services.js"
import * as Steps from "./Steps.js"
import * as Tracker from "./Tracker.js"
import { parked, waitAmong, waitFor } from "./Wait.js"

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
    const { accepts, body, source: _source, _tag, ...rest } = request
    if (!issue(program, here.path, { _tag, id, ...rest })) return parked
    Steps.open(program, id, body, accepts)
    return Effect.map(stepNews(program, here, id), (what) => ({ id, news: what }))
  },
  DecideStep: (program, here, request) => {
    const decision = program.recorded === undefined ? request.decision._tag : recordedDecision(program, request.id)
    if (!issue(program, here.path, decisionCommand(request, decision ?? request.decision._tag))) return parked
    if (decision === "Fail") {
      Steps.settled(program, request.id)
      return Effect.succeed({ _tag: "GaveUp" })
    }
    return Effect.map(stepNews(program, here, request.id), (what) => ({ _tag: "News", news: what }))
  },
  Sleep: (program, here, request) => {
    if (request.millis <= 0) return Effect.yieldNow()
    if (request.millis === Infinity) return endless(program)
    const id = nextId(here)
    if (!issue(program, here.path, { _tag: "StartTimer", id, millis: Math.ceil(request.millis) })) return parked
    return waitFor<void>(
      (resume) => void program.waiting.set(id, () => resume(Effect.void)),
      () => {
        program.waiting.delete(id)
        return issue(program, here.path, { _tag: "CancelTimer", id }) ? Effect.void : parked
      }
    )
  },
  RecordValue: (program, here, request) => {
    if (request.config && program.configs.has(request.name)) return Effect.succeed(program.configs.get(request.name))
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
    return waitAmong(box.takers)
  },
  PollSignal: (program, _here, request) => {
    const box = signalBox(program, request.name)
    return Effect.succeed(box.arrived.length > 0 ? Option.some(box.arrived.shift()) : Option.none())
  },
  CreateAwakeable: (program, here, request) => {
    const id = nextId(here)
    const recorded = Markers.upcoming(program)
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
    return waitAmong(box.takers)
  },
  Patched: patched,
  HandleQuery: (program, _here, request) => Effect.sync(() => void program.queries.set(request.name, request.handler)),
  HandleUpdate: (program, _here, request) => Effect.sync(() => void program.updates.set(request.name, request.handler)),
  Generation: (program) =>
    Effect.succeed({
      eventCount: program.seq - program.generationSeq + 1,
      updateCount: program.updateFibers.size,
      mayEnd: program.recorded === undefined || program.recorded.at(-1)?.event._tag === "RunContinuedAsNew"
    }),
  AwaitChange: (program, _here, request) =>
    waitFor<void>(
      (resume) => void program.conditions.set(request.condition, () => resume(Effect.void)),
      () => Effect.sync(() => program.conditions.delete(request.condition))
    ),
  StartChild: Children.start,
  AwaitChild: (_program, _here, request) => Children.awaitEnd(request),
  CancelChild: Children.cancel,
  SendSignal: Children.send
}

/** The engine's side of the port. One serves all programs: a fiber knows its own (engine/FiberPath.ts). */
export const perform: ActivationShape["perform"] = (request) =>
  Effect.withFiberRuntime((fiber) => {
    const here = placeOf(fiber)
    if ("source" in request && request.source !== undefined) here.program.lines.set(here.path, request.source)
    // The table pairs each tag with its own request and answer; TypeScript cannot see that through the index.
    const answer = answers[request._tag] as unknown as (
      program: ProgramState,
      here: FiberPlace,
      request: unknown
    ) => Effect.Effect<never>
    const { tracker } = here.program.host
    if (tracker === undefined) return answer(here.program, here, request)
    const nextId = `${here.path}#${here.commandCount}`
    return Tracker.followed(tracker, here.path, nextId, here.program.now, request, answer(here.program, here, request))
  })

/** The activation of every program; which one it is, the fiber knows. */
export const activation: ActivationShape = {
  perform,
  info: Effect.withFiberRuntime((fiber) => Effect.succeed(placeOf(fiber).program.info)),
  compensations: Effect.withFiberRuntime((fiber) => Effect.succeed(placeOf(fiber).program.compensations))
}

/** Waits for a step's next news; when interrupted, asks for its cancellation and waits until that is settled. */
const stepNews = (program: ProgramState, here: FiberPlace, id: string): Effect.Effect<StepNews> =>
  waitFor(
    (resume) => void program.waiting.set(id, (what) => resume(Effect.succeed(what))),
    () => {
      program.waiting.delete(id)
      Steps.settled(program, id)
      if (!issue(program, here.path, { _tag: "CancelStep", id })) return parked
      return Effect.async<void>((done) => void program.waiting.set(id, () => done(Effect.void)))
    }
  )

const recordedDecision = (program: ProgramState, id: string): "Retry" | "Fail" | "Ask" | undefined => {
  const event = Markers.upcoming(program)
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
  const event = Markers.upcoming(program)
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
  Effect.suspend(() => {
    program.endlessCount += 1
    return waitFor<never>(() => {}, () => Effect.sync(() => void (program.endlessCount -= 1)))
  })
