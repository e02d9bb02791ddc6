/**
 * Turns facts into events: delivers each to the program, drains it, and collects what it asked for. No I/O: the draft is
 * what RunLoop then appends.
 *
 * Invariants:
 * - R1 An event and the commands of its activation stand together in the draft (I4).
 * - R2 Only the current attempt of an open step may settle it (I7); anything else is dropped here.
 * - R3 At the first fault the draft ends: the fact that caused it, and those behind it, stay undelivered.
 * - R4 Nothing is delivered to a paused run, and no attempt of it is recorded as started.
 */
import { Cause } from "effect"
import {
  type Command,
  Decide,
  Errors,
  type Event,
  type Log,
  type Message,
  MessageId,
  Program,
  type ProgramState,
  Registry,
  Run
} from "@reprise/core/engine"
import * as Attempts from "./Attempts.js"
import * as Metrics from "./Metrics.js"
import * as Pausing from "./Pausing.js"
import * as Telemetry from "./Telemetry.js"
import type { Fact, LiveRun, Result, Worker } from "./State.js"

export interface Draft {
  readonly events: Array<Event.Event>
  readonly delivered: Array<string>
  readonly starts: Array<string>
  readonly cancels: Array<string>
  readonly outputs: Array<ProgramState.Output>
  readonly outgoing: Array<Log.Outgoing>
  readonly facts: Array<Fact>
  fault: Errors.Fault | undefined
  undelivered: ReadonlyArray<Fact>
  continued: boolean
  /** The run begins, and is paused before anything of it may start. */
  readonly beginsPaused: boolean
}

/** Delivers the run's facts in order, until none is left, the run has closed or is paused, or the program is at fault. */
export const draw = (worker: Worker, run: LiveRun): Draft => {
  const facts = Pausing.inOrder(run.state, run.facts)
  run.facts = []
  const draft: Draft = {
    events: [],
    delivered: [],
    starts: [],
    cancels: [],
    outputs: [],
    outgoing: [],
    facts: [],
    fault: undefined,
    undelivered: [],
    continued: false,
    beginsPaused: Pausing.beginsPaused(facts)
  }
  // A process may have died between two generations.
  if (!Pausing.isWord(facts[0])) goOn(worker, run, draft)
  let count = 0
  while (count < facts.length && draft.fault === undefined) {
    const fact = facts[count]!
    if (Run.isClosed(run.state.status)) {
      leave(draft, facts.slice(count))
      return draft
    }
    if (!Pausing.isWord(fact) && (run.state.paused !== undefined || run.state.continuing !== undefined)) break
    take(worker, run, draft, fact)
    if (draft.fault !== undefined) break
    draft.facts.push(fact)
    count += 1
    if (Pausing.isWord(facts[count])) continue
    goOn(worker, run, draft)
    if (draft.fault === undefined) retryHeld(run, facts)
  }
  const rest = facts.slice(count)
  if (draft.fault !== undefined || run.state.paused !== undefined) draft.undelivered = rest
  else run.facts.unshift(...rest)
  return draft
}

/** After the end only messages are left to be marked: nothing can be delivered any more. */
const leave = (draft: Draft, facts: ReadonlyArray<Fact>): void => {
  for (const fact of facts) if (fact._tag === "Message") draft.delivered.push(fact.message.messageId)
}

/** Updates whose handler has been installed meanwhile are delivered next. */
const retryHeld = (run: LiveRun, facts: Array<Fact>): void => {
  if (run.held.length === 0) return
  const ready = run.held.filter((message) => run.program?.updates.has(message.name))
  if (ready.length === 0) return
  run.held = run.held.filter((message) => !ready.includes(message))
  for (const message of ready) facts.push({ _tag: "Message", message })
}

const take = (worker: Worker, run: LiveRun, draft: Draft, fact: Fact): void => {
  switch (fact._tag) {
    case "Message":
      return takeMessage(worker, run, draft, fact.message)
    case "Outcome":
      return takeOutcome(worker, run, draft, fact)
    case "Polled":
      return takePolled(worker, run, fact)
    case "Due":
      return takeDue(worker, run, draft)
  }
}

/** The run's time: the clock's, but never before its last event. */
const timeOf = (worker: Worker, run: LiveRun): number => Math.max(worker.now(), run.state.lastAt)

// ---- messages ----

const takeMessage = (worker: Worker, run: LiveRun, draft: Draft, message: Message.Message): void => {
  const at = timeOf(worker, run)
  switch (message._tag) {
    case "Start": {
      const version = run.workflow?.version ?? run.state.version
      const { workflow } = run.state
      deliver(worker, run, draft, Decide.started(message, { workflow, version, key: run.key }, worker.stamp, at))
      break
    }
    case "Terminate":
      record(run, draft, Decide.received(message, at))
      break
    case "Pause":
      if (run.state.paused === undefined) record(run, draft, Decide.received(message, at))
      break
    case "Resume":
      if (run.state.paused !== undefined) resume(run, draft, Decide.received(message, at))
      break
    case "Update":
      if (!admit(worker, run, message)) return
      deliver(worker, run, draft, Decide.received(message, at))
      break
    case "Outcome":
      takeOutcome(worker, run, draft, message)
      break
    default:
      if (concerns(worker, run, message)) deliver(worker, run, draft, Decide.received(message, at))
  }
  if (draft.fault === undefined) draft.delivered.push(message.messageId)
}

/** An attempt that must be recorded before it starts, and did not start because of the pause, starts now. */
const resume = (run: LiveRun, draft: Draft, event: Event.Event): void => {
  record(run, draft, event)
  for (const { attempt, cancelling, id, onUnknown, phase } of run.state.steps.values()) {
    if (phase === "due" && onUnknown !== "retry" && !cancelling) startRetry(run, draft, id, attempt, event.at)
  }
}

/** A settlement or resolution that does not fit, or is for something that is not open (any more), is dropped. */
const concerns = (worker: Worker, run: LiveRun, message: Message.Message): boolean => {
  const refusal = run.program === undefined ? undefined : Program.refusal(run.program, message)
  if (refusal !== undefined) {
    worker.notes.push({ _tag: "Refused", runId: run.runId, messageId: message.messageId, error: refusal.message })
    worker.commitSoon()
    return false
  }
  if (message._tag === "SettleAwakeable") return run.state.awakeables.has(message.id)
  if (message._tag === "ResolveStep") return run.state.steps.get(message.id)?.phase === "asking"
  if (message._tag === "ChildAnswered") return run.state.children.get(message.id)?.phase === "scheduled"
  if (message._tag === "ChildEnded") return run.state.children.has(message.id)
  if (message._tag === "SignalAnswered") return run.state.sent.has(message.id)
  return true
}

/** Whether an update may be delivered: its handler is there and its validator agrees. A refusal leaves no event. */
const admit = (worker: Worker, run: LiveRun, message: Message.Of<"Update">): boolean => {
  const handler = run.program?.updates.get(message.name)
  if (handler === undefined || run.program === undefined) {
    run.held.push(message)
    return false
  }
  const verdict = Program.look(run.program, handler.validate(message.input))
  const reason = verdict === undefined
    ? "the validator waits; it must answer at once"
    : verdict._tag === "Failure"
    ? `the validator died: ${Cause.pretty(verdict.cause).split("\n")[0]}`
    : run.program.trespass === undefined
    ? verdict.value
    : `the validator asked for ${run.program.trespass}; it must not change anything`
  if (reason === undefined) return true
  worker.notes.push({ _tag: "Refused", runId: run.runId, messageId: message.messageId, error: reason })
  run.taken.delete(message.messageId)
  worker.commitSoon()
  return false
}

// ---- outcomes ----

/** An attempt's end, from the attempt itself or from the inbox of a run that was blocked. */
type Ended = { readonly id: string; readonly attempt: number; readonly result: Result }

const takeOutcome = (worker: Worker, run: LiveRun, draft: Draft, outcome: Ended): void => {
  const step = run.state.steps.get(outcome.id)
  if (step === undefined || step.attempt !== outcome.attempt) return
  const at = timeOf(worker, run)
  if (step.cancelling) return deliver(worker, run, draft, Decide.stepCancelled(outcome.id, outcome.attempt, at))
  // Between attempts nothing can settle the step but the program, or the operator whom it asks.
  if (step.phase === "asking" || step.phase === "deciding" || outcome.result._tag === "Aborted") return
  deliver(worker, run, draft, Decide.outcome(outcome.id, outcome.attempt, outcome.result, at))
}

/** A sensor that is not satisfied leaves a note, and changes a column of its run, but leaves no event. */
const takePolled = (worker: Worker, run: LiveRun, { id, nextAt }: Fact & { readonly _tag: "Polled" }): void => {
  if (!run.state.steps.has(id)) return
  const count = (run.polls.get(id)?.count ?? 0) + 1
  run.polls.set(id, { count, nextAt })
  worker.notes.push({ _tag: "Poll", runId: run.runId, id, count, nextAt, wakeAt: Run.wakeAt(run.state, run.polls) })
  worker.commitSoon()
}

// ---- what is due ----

const takeDue = (worker: Worker, run: LiveRun, draft: Draft): void => {
  const now = timeOf(worker, run)
  fireTimers(worker, run, draft, now)
  for (const step of [...run.state.dated]) {
    if (draft.fault !== undefined || hasEnded(run)) return
    if (!run.state.dated.has(step) || step.cancelling) continue
    if (step.deadlineAt !== undefined && step.deadlineAt <= now) passDeadline(worker, run, draft, step, now)
    else if (step.phase === "waiting" && step.dueAt <= now) {
      record(run, draft, Decide.attemptStarted(step.id, step.attempt, now))
      draft.starts.push(step.id)
    } else if (step.sensor && isPollDue(run, step, now)) draft.starts.push(step.id)
  }
  const timeoutAt = run.state.timeoutAt
  if (timeoutAt !== undefined && timeoutAt <= now && draft.fault === undefined && !hasEnded(run)) {
    deliver(worker, run, draft, Decide.runTimedOut(now))
  }
}

/** Nothing more can be told to this program: its run is closed, or another generation is to begin. */
const hasEnded = ({ state }: LiveRun): boolean => Run.isClosed(state.status) || state.continuing !== undefined

/** A check that is under way is not due, even if it will have ended by the time of the commit. */
const isPollDue = (run: LiveRun, step: Run.OpenStep, now: number): boolean => {
  const poll = run.polls.get(step.id)
  return poll !== undefined && poll.nextAt <= now && !run.attempts.has(step.id)
}

const fireTimers = (worker: Worker, run: LiveRun, draft: Draft, now: number): void => {
  const due = [...run.state.timers].filter(([, dueAt]) => dueAt <= now).sort(([, a], [, b]) => a - b)
  for (const [id, dueAt] of due) {
    if (draft.fault !== undefined || hasEnded(run)) return
    // An earlier timer of this round may have cancelled this one.
    if (!run.state.timers.has(id)) continue
    Metrics.timerLateness.unsafeUpdate(Metrics.seconds(now - dueAt), [])
    deliver(worker, run, draft, Decide.timerFired(id, now))
  }
}

const passDeadline = (worker: Worker, run: LiveRun, draft: Draft, step: Run.OpenStep, now: number): void => {
  // A running attempt is interrupted first; its end reports the deadline.
  if (Attempts.abort(run, step.id, "deadline")) return
  const result = Attempts.deadlineResult(step)
  if (result._tag === "Failed" && step.phase !== "deciding") {
    deliver(worker, run, draft, Decide.attemptFailed(step.id, step.attempt, result.failure, now))
  }
}

// ---- generations ----

/**
 * Begins the next generation of a run whose last one has ended, on the newest version; again, if it ends at once. After
 * `generationsMax` of them the draft is long enough: the rest follows its commit if signals that were carried over have
 * been taken, because they run out, and is a fault otherwise.
 */
const goOn = (worker: Worker, run: LiveRun, draft: Draft): void => {
  if (run.state.paused !== undefined || Run.isClosed(run.state.status)) return
  const { generationsMax } = worker.limits
  const unread = carriedCount(run)
  for (let count = 0; run.state.continuing !== undefined && draft.fault === undefined; count++) {
    if (count < generationsMax) beginNext(worker, run, draft)
    else if (carriedCount(run) < unread) return
    else draft.fault = spinning(run, `it has continued as new ${generationsMax} times without waiting`)
  }
}

const carriedCount = ({ state }: LiveRun): number => state.continuing?.carried?.length ?? 0

const spinning = ({ state }: LiveRun, bound: string): Errors.Fault =>
  new Errors.ProgramSpinning({ workflow: state.workflow, bound })

const beginNext = (worker: Worker, run: LiveRun, draft: Draft): void => {
  const { continuing, started } = run.state
  const workflow = Registry.newest(worker.registry, run.state.workflow)
  if (continuing === undefined || started === undefined) return
  if (workflow._tag === "WorkflowUnknown") {
    draft.fault = workflow
    return
  }
  if (run.program !== undefined) Program.drop(run.program)
  run.program = undefined
  run.workflow = workflow
  deliver(worker, run, draft, Decide.restarted(started, continuing, workflow.version, worker.stamp, timeOf(worker, run)))
}

// ---- events ----

/** Delivers an event to the program and adds it to the draft, with the commands of its activation (R1). */
const deliver = (worker: Worker, run: LiveRun, draft: Draft, event: Event.Event): void => {
  const program = run.program ??= makeProgram(worker, run, event)
  const changes = event._tag !== "RunStarted" && program.workflow.version !== run.state.version
  Program.activate(program, event, run.state.seq + (changes ? 2 : 1), undefined)
  const fault = program.fault ?? unknownChild(worker, program.commands)
  if (fault !== undefined) {
    draft.fault = fault
    return
  }
  record(run, draft, event)
  for (const command of program.commands) takeCommand(run, draft, command, event.at)
  for (const output of program.outputs) draft.outputs.push(output)
}

const takeCommand = (run: LiveRun, draft: Draft, command: Command.Command, at: number): void => {
  // A child that is to end is known by its event, which the end of its run would take from the fold.
  if (command._tag === "CancelChild") draft.outgoing.push(endChild(run, command.id))
  record(run, draft, Decide.commanded(command, at))
  switch (command._tag) {
    case "RunStep":
      draft.starts.push(command.id)
      if (command.onUnknown !== "retry" && !draft.beginsPaused) record(run, draft, Decide.attemptStarted(command.id, 1, at))
      return
    case "RetryStep":
      if (command.delayMillis <= 0) startRetry(run, draft, command.id, command.attempt, at)
      return
    case "CancelStep":
      draft.cancels.push(command.id)
      return
    case "ContinueAsNew":
      draft.continued = true
      return
    case "StartChild":
      draft.outgoing.push(startChild(run, command, at))
      return
    case "SendSignal":
      draft.outgoing.push(sendSignal(run, command))
  }
}

const startChild = (
  run: LiveRun,
  command: Command.Command & { readonly _tag: "StartChild" },
  at: number
): Log.Outgoing => {
  const { id, input, timeoutMillis } = command
  const parent = { runId: run.runId, id }
  return {
    _tag: "StartChild",
    id,
    parentClose: command.parentClose,
    onConflict: command.onConflict,
    start: {
      runId: command.runId,
      workflow: command.workflow,
      version: command.version,
      key: command.key,
      createdAt: at,
      startAt: command.delayMillis === undefined ? undefined : at + command.delayMillis,
      parent,
      forkedFrom: undefined,
      message: {
        _tag: "Start",
        messageId: MessageId.START,
        // Made of its own, so that a start that was not committed is the same when it is asked for again.
        seed: `${run.state.started?.seed}/${id}`,
        ...(input === undefined ? {} : { input }),
        ...(timeoutMillis === undefined ? {} : { timeoutMillis }),
        trace: Telemetry.contextOf(run),
        parent
      }
    }
  }
}

const endChild = (run: LiveRun, id: string): Log.Outgoing => {
  const child = run.state.children.get(id)
  if (child === undefined) throw new Error(`child ${id} is not open`)
  const how = child.parentClose === "terminate" ? "terminate" : "cancel"
  const message = Decide.parentEnded(how, run.runId, id, "its parent asked for it")
  return { _tag: "Send", id, runId: child.runId, message, answered: false }
}

const sendSignal = (run: LiveRun, command: Command.Command & { readonly _tag: "SendSignal" }): Log.Outgoing => {
  const { id, name, payload, runId } = command
  const message: Message.Message = {
    _tag: "Signal",
    messageId: MessageId.signal(run.runId, id),
    by: `run ${run.runId}`,
    name,
    ...(payload === undefined ? {} : { payload })
  }
  return { _tag: "Send", id, runId, message, answered: true }
}

const startRetry = (run: LiveRun, draft: Draft, id: string, attempt: number, at: number): void => {
  record(run, draft, Decide.attemptStarted(id, attempt, at))
  draft.starts.push(id)
}

/** A child that nobody could run is not started: its parent waits for the code. */
const unknownChild = (worker: Worker, commands: ReadonlyArray<Command.Command>): Errors.WorkflowUnknown | undefined => {
  for (const command of commands) {
    if (command._tag !== "StartChild") continue
    const found = Registry.exact(worker.registry, command.workflow, command.version)
    if (found._tag === "WorkflowUnknown") return found
  }
  return undefined
}

/** The first event that another version writes comes with the news of it, so that later processes choose that version. */
const record = (run: LiveRun, draft: Draft, event: Event.Event): void => {
  const version = run.program?.workflow.version ?? run.state.version
  const hasOwn = event._tag === "RunStarted" || event._tag === "RunTerminated"
  if (version !== run.state.version && !hasOwn) add(run, draft, Decide.versionChanged(version, event.at))
  add(run, draft, event)
}

const add = (run: LiveRun, draft: Draft, event: Event.Event): void => {
  Run.evolve(run.state, event)
  draft.events.push(event)
  if ("id" in event && !run.state.steps.has(event.id)) letGo(run, event.id)
}

/** What was noted of a step is of no use once it is settled. */
const letGo = (run: LiveRun, id: string): void => {
  run.polls.delete(id)
  run.progress.delete(id)
}

const makeProgram = (worker: Worker, run: LiveRun, event: Event.Event): ProgramState.ProgramState => {
  if (event._tag !== "RunStarted" || run.workflow === undefined) {
    throw new Error(`${event._tag} for a run without a program`)
  }
  return Program.make(run.workflow, Program.infoOf(run.runId, event), event.seed, worker.host, (fault) => worker.onFault(run, fault))
}
