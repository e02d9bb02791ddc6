/**
 * How a live run advances. Read this first.
 *
 *   facts ──▶ Draft (deliver, drain) ──▶ outbox ──▶ CommitLoop (one transaction) ──▶ `acknowledge`
 *     ▲                                                                                  │
 *     └──── outcomes ◀── Attempts ◀── start, abort ◀────────────── after the commit ◀────┘
 *
 * Talks to: Draft, Attempts, the log (through CommitLoop for writes), Telemetry, Metrics.
 * Invariants:
 * - R1 At most one append of a run is on its way; facts that come meanwhile wait and share the next one.
 * - R2 Attempts start and stop, logs and answers go out only after the commit (I2).
 * - R3 When the store does not say that an append was committed, the run is dropped and rebuilt from the store; outcomes
 *      that were not recorded are delivered again, and count only if their step is still open.
 * - R4 A fault blocks the run: it leaves memory, its history is untouched, and outcomes that can no longer be delivered
 *      wait in its inbox. So does a run that is paused, until it is resumed or ends.
 * - R5 A worker that is told that it has lost the store stops: it begins nothing, reads nothing and delivers nothing any more.
 */
import { Duration, Effect, Schedule, Schema } from "effect"
import {
  Decide,
  Errors,
  type Json,
  type Log,
  type Message,
  MessageId,
  Payload,
  Program,
  Registry,
  Run
} from "@reprise/core/engine"
import * as Attempts from "./Attempts.js"
import * as Draft from "./Draft.js"
import * as Lines from "./Lines.js"
import * as Live from "./Live.js"
import * as Metrics from "./Metrics.js"
import * as ReadRun from "./ReadRun.js"
import * as Telemetry from "./Telemetry.js"
import type { Fact, LiveRun, Pending, Result, Worker } from "./State.js"

/** How long to wait before reading a run again after the store has failed. */
const RELOAD_DELAY = Duration.millis(200)

// ---- live runs ----

/** Begins a run that this process was asked to start: its row, first event and first commands share one transaction. */
export const begin = (
  worker: Worker,
  start: Log.StartRequest,
  answer: (answer: Log.Appended | Errors.LogError) => void
): void => {
  if (worker.fenced) return answer(superseded())
  const workflow = Registry.forRun(worker.registry, start.workflow, start.version)
  const state = Run.pending(start.runId, start.workflow, start.version)
  const run = Live.makeLive(state, start.key, workflow._tag === "Workflow" ? workflow : undefined)
  run.start = start
  run.onStarted = answer
  if (worker.live.has(start.runId) || worker.loading.has(start.runId)) {
    // The store will answer that the id is taken; the live run must not be disturbed.
    return Live.push(worker, run, Live.emptyPending(worker, run))
  }
  worker.live.set(start.runId, run)
  run.facts.push({ _tag: "Message", message: start.message })
  advance(worker, run)
}

/** Tells a run something, reading it from the store first when it is not in memory. */
export const tell = (worker: Worker, runId: string, fact: Fact): void => {
  const run = worker.live.get(runId)
  if (run === undefined) return load(worker, runId, [fact])
  run.facts.push(fact)
  advance(worker, run)
}

/** Looks into a run's inbox, for a run in memory or not. */
export const readMail = (worker: Worker, runId: string): void => {
  const run = worker.live.get(runId)
  const loading = worker.loading.get(runId)
  if (loading !== undefined) loading.mail = true
  if (run !== undefined) {
    run.mail = true
    return fetchMail(worker, run)
  }
  if (loading !== undefined) return
  if (isShelved(worker, runId)) readShelvedMail(worker, runId)
  else load(worker, runId, [])
}

/** Whether a run is out of service: blocked, or paused. */
export const isShelved = (worker: Worker, runId: string): boolean => worker.blocked.has(runId) || worker.paused.has(runId)

/** A blocked run can do nothing with its messages but end; a paused one can also be resumed. */
const readShelvedMail = (worker: Worker, runId: string): void => {
  const inbox = worker.log.inbox(runId).pipe(
    Effect.tapErrorTag("LogError", (error) => Live.storeFailed(worker, error)),
    Effect.retry({ while: (error) => error._tag === "LogError", schedule: Schedule.spaced(RELOAD_DELAY) })
  )
  Live.fork(worker, Effect.matchEffect(inbox, {
    onSuccess: ({ messages }) =>
      Effect.sync(() => {
        const wakes = messages.some(({ _tag }) => _tag === "Terminate" || (_tag === "Resume" && worker.paused.has(runId)))
        if (wakes) load(worker, runId, [])
      }),
    // Damaged mail is told when the run is tried again.
    onFailure: (error) => Effect.logWarning(error.message)
  }))
}

const fetchMail = (worker: Worker, run: LiveRun): void => {
  if (!run.mail || run.reading || run.gone || run.pending !== undefined) return
  run.mail = false
  run.reading = true
  worker.idle.delete(run)
  Live.fork(worker, Effect.match(worker.log.inbox(run.runId), {
    onSuccess: ({ messages }) => {
      run.reading = false
      letGo(run, messages)
      takeMail(run, messages)
      advance(worker, run)
      // What has come since the inbox was read; if something is on its way to the store, it is looked at after that.
      fetchMail(worker, run)
    },
    onFailure: (error) => {
      run.reading = false
      if (error._tag === "LogError") reload(worker, run, error)
      else block(worker, run, error, [])
    }
  }))
}

/** What is not in the inbox any more has been delivered. */
const letGo = (run: LiveRun, messages: ReadonlyArray<Message.Message>): void => {
  const waiting = new Set(messages.map(({ messageId }) => messageId))
  for (const id of run.taken) if (!waiting.has(id)) run.taken.delete(id)
}

const takeMail = (run: LiveRun, messages: ReadonlyArray<Message.Message>): void => {
  for (const message of messages) {
    if (run.taken.has(message.messageId)) continue
    run.taken.add(message.messageId)
    run.facts.push({ _tag: "Message", message })
  }
}

// ---- advancing ----

/** Delivers what there is to deliver, and sends the outcome on its way to the store (R1). */
export const advance = (worker: Worker, run: LiveRun): void => {
  if (run.gone || run.pending !== undefined) return
  if (worker.draining) return setAside(worker, run)
  if (run.facts.length === 0 && run.state.continuing === undefined) return rest(worker, run)
  worker.idle.delete(run)
  const draft = Draft.draw(worker, run)
  const row = Run.row(run.state, run.polls)
  const closes = Run.isClosed(row.status)
  const changed = run.row === undefined ? draft.events.length > 0 : !Run.sameRow(row, run.row)
  const pending: Pending = {
    append: {
      runId: run.runId,
      epoch: worker.log.epoch,
      expectedSeq: run.state.seq - draft.events.length,
      events: draft.events,
      // An update that never found its handler ends with the run.
      delivered: closes ? [...draft.delivered, ...run.held.map((message) => message.messageId)] : draft.delivered,
      row: changed ? row : undefined,
      start: run.start,
      outgoing: draft.outgoing
    },
    facts: draft.facts,
    starts: draft.starts,
    cancels: draft.cancels,
    outputs: draft.outputs,
    fault: draft.fault,
    undelivered: draft.undelivered,
    continued: draft.continued,
    answer: run.onStarted
  }
  if (isEmpty(pending.append)) return follow(worker, run, pending)
  run.row = changed ? row : run.row
  Live.push(worker, run, pending)
}

const isEmpty = (append: Log.Append): boolean =>
  append.events.length === 0 && append.delivered.length === 0 && append.row === undefined && append.start === undefined

/** What follows an append, once the store has answered. */
export const acknowledge = (worker: Worker, run: LiveRun, pending: Pending, answer: Log.Appended | Errors.LogError): void => {
  run.pending = undefined
  const isFenced = answer._tag === "Stale" && answer.fenced === true
  pending.answer?.(isFenced ? superseded() : answer)
  if (isFenced) {
    Metrics.fenceRejections.unsafeUpdate(1, [])
    return stepDown(worker)
  }
  if (answer._tag === "LogError") return reload(worker, run, answer, pending)
  if (answer._tag === "Exists") return giveWay(worker, run)
  if (answer._tag === "MailPending") return reload(worker, run, undefined, pending)
  if (answer._tag === "Stale") return reload(worker, run, overtaken(run), pending)
  run.start = undefined
  run.onStarted = undefined
  // While the inbox is being read, what was just delivered may be in the answer: it must be known until then.
  if (!run.reading) for (const id of pending.append.delivered) run.taken.delete(id)
  Metrics.countEvents(run.state.workflow, pending.append.events)
  const warning = Telemetry.lengthWarning(worker, run, pending.append.events)
  if (warning !== undefined) Live.fork(worker, warning)
  Live.lookAt(worker, pending.append.row?.wakeAt)
  follow(worker, run, pending)
}

/** A run of this id was there before: it is told what has come for it while this one stood in its place. */
const giveWay = (worker: Worker, run: LiveRun): void => {
  Live.forget(worker, run)
  // All at once: a run that is read begins what is open and has no outcome yet. Messages are in the inbox still.
  const facts = run.facts.filter(({ _tag }) => _tag !== "Message")
  if (facts.length > 0) load(worker, run.runId, facts)
  if (run.mail || run.reading || facts.length < run.facts.length) readMail(worker, run.runId)
}

/** Another process owns the store: whatever this one went on to do would be done twice (R5). */
const stepDown = (worker: Worker): void => {
  if (worker.fenced) return
  worker.fenced = true
  worker.stopping = true
  for (const run of worker.live.values()) {
    Live.forget(worker, run)
    stopAttempts(run, () => true)
  }
  for (const attempts of worker.orphans.values()) stopAttempts({ attempts }, () => true)
  worker.loading.clear()
  Live.fork(worker, Effect.logError(superseded().message))
}

const superseded = (): Errors.LogError =>
  new Errors.LogError({
    operation: "append",
    cause: new Error("another process has taken the store over, so this worker has stopped: end this process")
  })

/** Something that was sent to this run before has come only now: wait a little, there may be more. */
const overtaken = (run: LiveRun): Errors.LogError =>
  new Errors.LogError({ operation: "append", cause: `run ${run.runId} was written by somebody else` })

/** After the commit: the world is told, attempts start and stop, and the next facts are taken (R2). */
const follow = (worker: Worker, run: LiveRun, pending: Pending): void => {
  if (pending.outputs.length > 0) {
    Telemetry.emit(worker, run, pending.outputs)
    Lines.takeOutputs(worker, run, pending.outputs)
  }
  if (Run.isClosed(run.state.status)) return close(worker, run)
  if (pending.continued) leaveGeneration(run)
  if (run.state.paused !== undefined) return pause(worker, run, pending.undelivered)
  for (const id of pending.cancels) cancelAttempt(run, id)
  for (const id of pending.starts) startAttempt(worker, run, id)
  if (pending.fault !== undefined) return block(worker, run, pending.fault, pending.undelivered)
  if (run.mail) fetchMail(worker, run)
  Live.answer(run)
  advance(worker, run)
}

const startAttempt = (worker: Worker, run: LiveRun, id: string): void => {
  // A body that ended at once may have blocked the run already; whoever reads it again starts what is open.
  if (run.gone) return
  const step = run.state.steps.get(id)
  // Told twice that it is due, a sensor is polled once.
  if (step?.sensor === true && (run.polls.get(id)?.nextAt ?? 0) > worker.now()) return
  if (step !== undefined && !step.cancelling) Attempts.start(worker, run, step, endsOf(worker))
}

const cancelAttempt = (run: LiveRun, id: string): void => {
  const step = run.state.steps.get(id)
  if (step === undefined || Attempts.abort(run, id, "cancel")) return
  // Nothing of it runs: it is cancelled as soon as the run goes on.
  run.facts.push({ _tag: "Outcome", id, attempt: step.attempt, result: { _tag: "Aborted" } })
}

const endsByWorker = new WeakMap<Worker, Attempts.Ends>()

const endsOf = (worker: Worker): Attempts.Ends => {
  let ends = endsByWorker.get(worker)
  if (ends === undefined) {
    ends = {
      onEnd: (run, id, attempt, result) => settle(worker, run, { _tag: "Outcome", id, attempt, result: bounded(worker, result) }),
      onPending: (run, id, nextMillis) => settle(worker, run, { _tag: "Polled", id, nextAt: worker.now() + nextMillis })
    }
    endsByWorker.set(worker, ends)
  }
  return ends
}

const settle = (worker: Worker, run: LiveRun, fact: Fact & { readonly _tag: "Outcome" | "Polled" }): void => {
  if (!run.gone) {
    run.facts.push(fact)
    return advance(worker, run)
  }
  if (worker.draining || isShelved(worker, run.runId)) return keepOutcomes(worker, run, [fact])
  // The run was dropped and rebuilt while the body ran on: its attempt is still the current one, or is refused. That it had ended
  // when it was dropped says nothing: the store may not have taken that. A run that has really ended is not read again.
  tell(worker, run.runId, fact)
}

/** A value above the size limit fails its attempt, for good: it would not fit the next time either. */
const bounded = (worker: Worker, result: Result): Result => {
  const { json, what } = payloadOf(result)
  const bytes = Payload.sizeOf(json, worker.limits.payloadBytesMax)
  if (bytes <= worker.limits.payloadBytesMax) return result
  const message = `the ${what} has ${bytes} bytes; the limit is ${worker.limits.payloadBytesMax}`
  return { _tag: "Failed", failure: { _tag: "Unencodable", message, path: "" } }
}

const payloadOf = (result: Result): { readonly what: string; readonly json: Json.Json | undefined } => {
  if (result._tag === "Completed") return { what: "output", json: result.output }
  const failure = result._tag === "Failed" ? result.failure : undefined
  return { what: "error", json: failure?._tag === "Error" ? failure.error : undefined }
}

// ---- coming to rest ----

/** A run with nothing to do may leave memory after a while (Parking). */
const rest = (worker: Worker, run: LiveRun): void => {
  worker.hooks?.onRest(run)
  // It may have been woken by a clock that has gone back since.
  awaitDue(worker, run)
  if (run.attempts.size === 0 && !run.reading && !run.mail && !worker.idle.has(run)) worker.idle.set(run, worker.now())
}

/** What is due already, and stays so, is looked at by the due loop with each poll. */
const awaitDue = (worker: Worker, { row }: LiveRun): void => {
  if (row?.wakeAt !== undefined && row.wakeAt > worker.now()) Live.lookAt(worker, row.wakeAt)
}

const close = (worker: Worker, run: LiveRun): void => {
  Telemetry.closeRunSpan(worker, run)
  Live.forget(worker, run)
  stopAttempts(run, () => true)
}

/** Nothing of an earlier generation concerns the run any more. */
const leaveGeneration = (run: LiveRun): void => {
  const isOver = (id: string) => !run.state.steps.has(id)
  stopAttempts(run, isOver)
  for (const notes of [run.polls, run.progress]) for (const id of [...notes.keys()]) if (isOver(id)) notes.delete(id)
}

const stopAttempts = (run: Pick<LiveRun, "attempts">, concerns: (id: string) => boolean): void => {
  for (const id of [...run.attempts.keys()]) if (concerns(id)) Attempts.abort(run, id, "stop")
}

// ---- out of service: paused, or at fault (R4) ----

/** Leaves a run alone until it is resumed. Attempts that run go on; those that wait for a slot do not begin. */
const pause = (worker: Worker, run: LiveRun, undelivered: ReadonlyArray<Fact>): void => {
  worker.paused.add(run.runId)
  Attempts.hold(run)
  shelve(worker, run, undelivered)
  // A resume may have come meanwhile, in the same breath.
  readMail(worker, run.runId)
}

/** Drops a run from memory, and keeps what its attempts have said and will say. */
const shelve = (worker: Worker, run: LiveRun, undelivered: ReadonlyArray<Fact>): void => {
  Live.forget(worker, run)
  // They go on, and their outcomes are kept; should the run be terminated, they are found here.
  if (run.attempts.size > 0) worker.orphans.set(run.runId, run.attempts)
  keepOutcomes(worker, run, [...undelivered, ...run.facts])
}

/** Takes a run out of service until its code is mended; `undelivered` are the facts that it could not take. */
export const block = (
  worker: Worker,
  run: LiveRun,
  fault: Errors.Fault,
  undelivered: ReadonlyArray<Fact>
): void => {
  worker.blocked.add(run.runId)
  shelve(worker, run, undelivered)
  Metrics.runsBlocked.unsafeUpdate(1, [])
  worker.notes.push({ _tag: "Blocked", runId: run.runId, reason: encodeFault(fault) })
  worker.commitSoon()
  const terminate = [...undelivered, ...run.facts].some((fact) => fact._tag === "Message" && fact.message._tag === "Terminate")
  // What is being read now will find the run gone.
  if (terminate || run.mail || run.reading) readMail(worker, run.runId)
  Live.fork(worker, Effect.logError(`run ${run.runId} is blocked: ${fault.message}`))
}

const encodeFault = (fault: Errors.Fault): Json.Json => ({
  ...(Schema.encodeSync(Errors.Fault)(fault) as unknown as Record<string, Json.Json>),
  message: fault.message,
  hint: fault.hint
})

/** Outcomes of a run that is out of service wait in its inbox, so that finished steps need not run again. */
const keepOutcomes = (worker: Worker, run: LiveRun, facts: ReadonlyArray<Fact>): void => {
  for (const fact of facts) {
    if (fact._tag !== "Outcome" || fact.result._tag === "Aborted") continue
    const { attempt, id, result } = fact
    const message: Message.Message = { _tag: "Outcome", messageId: MessageId.outcome(id, attempt), id, attempt, result }
    // Until it is there, the attempt counts as running: a run that is resumed meanwhile must not begin it again.
    run.attempts.set(id, { stepId: id, attempt, fiber: undefined, abort: undefined, ending: "stop" })
    worker.orphans.set(run.runId, run.attempts)
    Live.fork(worker, Effect.ensuring(keep(worker, run.runId, message), Effect.sync(() => void run.attempts.delete(id))))
  }
}

/** While the worker drains nothing is delivered any more; what attempts have said waits in the inbox for the next worker. */
const setAside = (worker: Worker, run: LiveRun): void => {
  const { facts } = run
  run.facts = []
  keepOutcomes(worker, run, facts)
}

const keep = (worker: Worker, runId: string, message: Message.Message): Effect.Effect<void> =>
  worker.log.send(runId, message).pipe(
    Effect.tapErrorTag("LogError", (error) => Live.storeFailed(worker, error)),
    Effect.retry({ while: (error) => error._tag === "LogError", schedule: Schedule.spaced(RELOAD_DELAY) }),
    // A run that has closed meanwhile needs nothing more.
    Effect.ignore
  )

// ---- reading runs from the store ----

/** Reads a run from the store and tells it `facts`. Calls that come while it is being read join in. */
export const load = (worker: Worker, runId: string, facts: ReadonlyArray<Fact>): void => {
  if (worker.fenced || worker.draining) return
  const joined = worker.loading.get(runId)
  if (joined !== undefined) {
    joined.facts.push(...facts)
    return
  }
  worker.loading.set(runId, { facts: [...facts], mail: false })
  Live.fork(worker, loading(worker, runId))
}

/** Drops a run whose memory may be ahead of the store, and reads it again (R3). */
const reload = (worker: Worker, run: LiveRun, error: Errors.LogError | undefined, pending?: Pending): void => {
  Live.forget(worker, run)
  // A start beside the run that has its id: that one has not been ahead of the store.
  if (worker.live.has(run.runId)) return
  const drawn = [...(pending?.facts ?? []), ...(pending?.undelivered ?? [])]
  const outcomes = [
    ...drawn.filter((fact) => fact._tag === "Outcome"),
    ...run.facts.filter((fact) => fact._tag === "Outcome" || fact._tag === "Polled")
  ]
  if (run.attempts.size > 0) worker.orphans.set(run.runId, run.attempts)
  if (worker.draining) return keepOutcomes(worker, run, outcomes)
  if (error === undefined) return load(worker, run.runId, outcomes)
  const joined = worker.loading.get(run.runId)
  if (joined !== undefined) return void joined.facts.push(...outcomes)
  // Entered at once: whoever else reads the run meanwhile must not miss what its attempts have said.
  worker.loading.set(run.runId, { facts: outcomes, mail: false })
  const again = Effect.zipRight(Effect.sleep(RELOAD_DELAY), loading(worker, run.runId))
  Live.fork(worker, Effect.zipRight(Live.storeFailed(worker, error), again))
}

const loading = (worker: Worker, runId: string): Effect.Effect<void> =>
  Effect.matchEffect(ReadRun.read(worker, runId), {
    onSuccess: (loaded) =>
      Effect.sync(() => {
        const { facts, mail } = worker.loading.get(runId) ?? { facts: [], mail: false }
        worker.loading.delete(runId)
        if (loaded !== undefined && !worker.fenced) resume(worker, loaded, facts)
        if (mail) readMail(worker, runId)
      }),
    onFailure: (error) => {
      const again = Effect.zipRight(Effect.sleep(RELOAD_DELAY), Effect.suspend(() => loading(worker, runId)))
      return Effect.zipRight(Live.storeFailed(worker, error), again)
    }
  })

/** Puts a run that was read into service: messages first, then the outcomes carried over, then what is open or due. */
const resume = (worker: Worker, loaded: ReadRun.Loaded, facts: ReadonlyArray<Fact>): void => {
  const { damage, messages, notes, replay, summary } = loaded
  const workflow = replay.program?.workflow ?? Registry.forRun(worker.registry, summary.workflow, summary.version)
  const orphans = worker.orphans.get(summary.runId)
  worker.orphans.delete(summary.runId)
  const run = Live.makeLive(replay.state, summary.key, workflow._tag === "Workflow" ? workflow : undefined, orphans)
  const terminate = messages.find((message) => message._tag === "Terminate")
  if (summary.status === "pending" && (summary.startAt ?? 0) > worker.now()) {
    const end = terminate ?? messages.find((message) => message._tag === "Cancel")
    return end === undefined ? Live.lookAt(worker, summary.startAt) : closeUnrun(worker, run, loaded, end)
  }
  const fault = damage ?? replay.fault ?? (workflow._tag === "Workflow" ? undefined : workflow)
  if (fault !== undefined) {
    if (replay.program !== undefined) Program.drop(replay.program)
    if (terminate !== undefined) return closeUnrun(worker, run, loaded, terminate)
    return block(worker, run, fault, facts)
  }
  // Its history replays, but what it is told next brings the fault again: it must not be told before it is ended.
  const blocked = worker.blocked.has(run.runId) || summary.blocked !== undefined
  if (terminate !== undefined && blocked) return closeUnrun(worker, run, loaded, terminate)
  if (blocked) {
    worker.blocked.delete(run.runId)
    worker.notes.push({ _tag: "Blocked", runId: run.runId, reason: undefined })
    worker.commitSoon()
  }
  const isWoken = terminate !== undefined || messages.some((message) => message._tag === "Resume")
  if (run.state.paused !== undefined && !isWoken) return pauseAgain(worker, run, replay.program, facts)
  worker.paused.delete(run.runId)
  worker.live.set(run.runId, run)
  run.program = replay.program
  // What is not open any more ended while this process did not listen, or belongs to an earlier generation.
  const isOpen = (id: string) => run.state.steps.has(id)
  for (const [id, poll] of notes.polls) if (isOpen(id)) run.polls.set(id, poll)
  for (const [id, details] of notes.progress) if (isOpen(id)) run.progress.set(id, details)
  stopAttempts(run, (id) => !isOpen(id))
  run.row = replay.state.seq === 0 ? undefined : Run.row(run.state, run.polls)
  // What was written without an answer may be due before anything that the due loop knows of. What is due is told below.
  awaitDue(worker, run)
  const recovered = [...run.state.steps.values()]
  takeMail(run, messages)
  run.facts.push(...facts, { _tag: "Due" })
  recover(run, recovered, Attempts.unhold(run))
  // An attempt that begins with what is delivered now starts after its commit, like any other (R2).
  const begun = recovered.filter(isBegun).map((step) => ({ step, attempt: step.attempt }))
  advance(worker, run)
  for (const { attempt, step } of begun) {
    if (run.state.steps.get(step.id) === step && step.attempt === attempt) restart(worker, run, step)
  }
  rest(worker, run)
}

/** A paused run that was read for nothing, or at the start of the process, rests again. */
const pauseAgain = (
  worker: Worker,
  run: LiveRun,
  program: LiveRun["program"],
  facts: ReadonlyArray<Fact>
): void => {
  run.program = program
  worker.paused.add(run.runId)
  shelve(worker, run, facts)
}

/** Facts about attempts that died with their process. Those with an outcome on its way have already been told. */
const recover = (run: LiveRun, steps: ReadonlyArray<Run.OpenStep>, held: ReadonlySet<string>): void => {
  for (const step of steps) {
    const { attempt, id } = step
    if (step.cancelling) cancelAttempt(run, id)
    else if (step.phase === "started" && step.onUnknown !== "retry" && !run.attempts.has(id) && !held.has(id)) {
      const failure = { _tag: "OutcomeUnknown" } as const
      run.facts.push({ _tag: "Outcome", id, attempt, result: { _tag: "Failed", failure } })
    }
  }
}

/** One that must be recorded before it starts is not begun while it is only due: then its run was paused. */
const isBegun = (step: Run.OpenStep): boolean => step.phase === "started" || (step.phase === "due" && step.onUnknown === "retry")

const restart = (worker: Worker, run: LiveRun, step: Run.OpenStep): void => {
  if (run.gone || run.state.paused !== undefined || step.cancelling || !isBegun(step)) return
  // A sensor between polls is due later.
  if (step.sensor && run.polls.has(step.id)) return
  Attempts.start(worker, run, step, endsOf(worker))
}

/** Ends a run without its program: it has not begun, or cannot be replayed. All its messages go with it. */
const closeUnrun = (
  worker: Worker,
  run: LiveRun,
  { messages, summary }: ReadRun.Loaded,
  message: Message.Of<"Cancel" | "Terminate">
): void => {
  const event = Decide.closedUnrun(message, Math.max(worker.now(), summary.startedAt ?? 0))
  const closed = Run.pending(run.runId, summary.workflow, summary.version, summary.generationSeq)
  Run.evolve(closed, event)
  Object.assign(run.state, { status: closed.status, closedAt: closed.closedAt, closing: event })
  const row: Run.RunRow = { ...Run.row(closed, run.polls), startedAt: summary.startedAt }
  const empty = Live.emptyPending(worker, run)
  const delivered = messages.map((other) => other.messageId)
  const append = { ...empty.append, expectedSeq: summary.eventCount, events: [event], delivered, row }
  worker.blocked.delete(run.runId)
  worker.paused.delete(run.runId)
  Live.push(worker, run, { ...empty, append })
}
