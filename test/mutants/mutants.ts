/**
 * Bugs that the engine could have, as edits of its source: each must be noticed by those who look for bugs (Hunters.ts). They
 * are planted in a copy of the project, never in the project.
 */

/** Who looks for a mutant: random programs under faults, families of runs beside an oracle, or replays of changed programs. */
export type Hunter = "seeds" | "families" | "changes"

/** As they are called in docs/reliability.md. */
export type Promised =
  | "a step's outcome"
  | "signals"
  | "timers"
  | "one owner"
  | "fitting code"
  | "one run, one end"
  | "histories"
  | "failures of the store"
  | "cancel and compensation"
  | "pauses"
  | "several runs at once"

export interface Mutant {
  readonly name: string
  readonly breaks: Promised
  readonly file: string
  readonly from: string
  readonly to: string
  /** Default: `seeds`. */
  readonly hunter?: Hunter
}

const CORE = "packages/core/src/"
const WORKER = "packages/worker/src/"
const TESTING = "packages/testing/src/"

export const mutants: ReadonlyArray<Mutant> = [
  // ---- the store ----
  {
    name: "no fencing",
    breaks: "one owner",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (append.epoch !== store.epoch) return FENCED",
    to: ""
  },
  {
    name: "no check of the expected seq",
    breaks: "one owner",
    file: `${TESTING}MemoryLog.ts`,
    from: "entry === undefined || entry.events.length !== append.expectedSeq",
    to: "entry === undefined"
  },
  {
    name: "no dedup of messages",
    breaks: "signals",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (entry.inbox.has(message.messageId)) return \"Duplicate\"",
    to: "entry.inbox.delete(message.messageId)"
  },
  {
    name: "a run may close over its mail",
    breaks: "signals",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (closing !== undefined && mailPending(entry, append.delivered)) return MAIL_PENDING",
    to: ""
  },
  {
    name: "delivered mail is not marked",
    breaks: "signals",
    file: `${TESTING}MemoryLog.ts`,
    from: "for (const messageId of append.delivered) deliver(entry, messageId, undefined)",
    to: ""
  },
  {
    name: "the answer to a child's start is lost",
    breaks: "several runs at once",
    file: `${TESTING}MemoryLog.ts`,
    from: "return answer(store, entry, Decide.answerOfStart(id, { _tag: \"Started\", runId: request.runId }), tell)",
    to: "return"
  },
  {
    name: "the parent's end does not reach its children",
    breaks: "several runs at once",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (parentClose === \"cancel\" || parentClose === \"terminate\") {",
    to: "if (parentClose === \"terminate\") {"
  },
  {
    name: "nobody is told of an end",
    breaks: "several runs at once",
    file: `${TESTING}MemoryLog.ts`,
    from: "answer(store, made.watcher, Decide.endOf(made.id, closing), tell)",
    to: ""
  },
  // ---- the worker ----
  {
    name: "a timer fires a second early",
    breaks: "timers",
    file: `${WORKER}Draft.ts`,
    from: "filter(([, dueAt]) => dueAt <= now)",
    to: "filter(([, dueAt]) => dueAt <= now + 1_000)"
  },
  {
    name: "timers of one moment fire in the order of their making",
    breaks: "timers",
    file: `${WORKER}Draft.ts`,
    from: ".sort(([, a], [, b]) => a - b)",
    to: ""
  },
  {
    name: "timers are forgotten",
    breaks: "timers",
    file: `${CORE}model/Run.ts`,
    from: "for (const dueAt of run.timers.values()) if (dueAt < earliest) earliest = dueAt",
    to: ""
  },
  {
    name: "retries are forgotten",
    breaks: "a step's outcome",
    file: `${CORE}model/Run.ts`,
    from: "if (step.phase === \"waiting\" && step.dueAt < earliest) earliest = step.dueAt",
    to: ""
  },
  {
    name: "work under way is not taken up after a crash",
    breaks: "one run, one end",
    file: `${CORE}model/Run.ts`,
    from: "if (step.phase === \"started\") return true",
    to: ""
  },
  {
    name: "scheduled steps are not taken up after a crash",
    breaks: "one run, one end",
    file: `${WORKER}RunLoop.ts`,
    from: "step.phase === \"started\" || (step.phase === \"due\" && step.onUnknown === \"retry\")",
    to: "step.phase === \"started\""
  },
  {
    name: "outcomes of old attempts count",
    breaks: "a step's outcome",
    file: `${WORKER}Draft.ts`,
    from: "if (step === undefined || step.attempt !== outcome.attempt) return",
    to: "if (step === undefined) return"
  },
  {
    name: "a cancelled step's outcome is delivered",
    breaks: "cancel and compensation",
    file: `${WORKER}Draft.ts`,
    from: "if (step.cancelling) return deliver(worker, run, draft, Decide.stepCancelled(outcome.id, outcome.attempt, at))",
    to: ""
  },
  {
    name: "the order of what is delivered is turned round",
    breaks: "signals",
    file: `${WORKER}Draft.ts`,
    from: "const facts = Pausing.inOrder(run.state, run.facts)",
    to: "const facts = Pausing.inOrder(run.state, run.facts).reverse()"
  },
  {
    name: "an update that waits for its handler counts as delivered",
    breaks: "signals",
    file: `${WORKER}Draft.ts`,
    from: "if (!admit(worker, run, message)) return",
    to: "if (!admit(worker, run, message)) break"
  },
  {
    name: "an unknown outcome of which an operator is to be asked is tried again",
    breaks: "a step's outcome",
    file: `${WORKER}RunLoop.ts`,
    from: "step.phase === \"started\" && step.onUnknown !== \"retry\" && !run.attempts.has(id)",
    to: "step.phase === \"started\" && step.onUnknown === \"fail\" && !run.attempts.has(id)"
  },
  {
    name: "an unknown outcome that is to fail is tried again",
    breaks: "a step's outcome",
    file: `${WORKER}RunLoop.ts`,
    from: "step.phase === \"started\" && step.onUnknown !== \"retry\" && !run.attempts.has(id)",
    to: "step.phase === \"started\" && step.onUnknown === \"ask\" && !run.attempts.has(id)"
  },
  {
    name: "steps start before the commit",
    breaks: "a step's outcome",
    file: `${WORKER}RunLoop.ts`,
    from: "  run.row = changed ? row : run.row\n",
    to: "  run.row = changed ? row : run.row\n  for (const id of draft.starts) startAttempt(worker, run, id)\n"
  },
  {
    name: "mail is not read when a run is read",
    breaks: "signals",
    file: `${WORKER}RunLoop.ts`,
    from: "  takeMail(run, messages)\n  run.facts.push(...facts, { _tag: \"Due\" })",
    to: "  run.facts.push(...facts, { _tag: \"Due\" })"
  },
  {
    name: "a failed append is taken for a commit",
    breaks: "failures of the store",
    file: `${WORKER}RunLoop.ts`,
    from: "if (answer._tag === \"LogError\") return reload(worker, run, answer, pending)",
    to: ""
  },
  {
    name: "a stale append is taken for a commit",
    breaks: "one owner",
    file: `${WORKER}RunLoop.ts`,
    from: "if (answer._tag === \"Stale\") return reload(worker, run, overtaken(run), pending)",
    to: ""
  },
  {
    name: "the run's time goes back with the clock",
    breaks: "histories",
    file: `${WORKER}Draft.ts`,
    from: "Math.max(worker.now(), run.state.lastAt)",
    to: "worker.now()"
  },
  {
    name: "the outcomes of a paused run are lost",
    breaks: "a step's outcome",
    file: `${WORKER}RunLoop.ts`,
    from: "if (worker.draining || isShelved(worker, run.runId)) return keepOutcomes(worker, run, [fact])",
    to: "if (worker.draining || isShelved(worker, run.runId)) return"
  },
  {
    name: "a pause is forgotten",
    breaks: "pauses",
    file: `${CORE}model/Run.ts`,
    from: "      run.paused = event\n",
    to: ""
  },
  {
    name: "the next generation begins without the signals that were left",
    breaks: "signals",
    file: `${CORE}engine/Program.ts`,
    from: "for (const { name, payload } of event.carried ?? []) deliverSignal(signalBox(program, name), payload)",
    to: ""
  },
  {
    name: "ids do not tell generations apart",
    breaks: "histories",
    file: `${CORE}engine/FiberPath.ts`,
    from: "String(program.info.generation)",
    to: "\"0\""
  },
  // ---- the program ----
  {
    name: "signals are taken last first",
    breaks: "signals",
    file: `${CORE}engine/Mail.ts`,
    from: "box.arrived.push(payload)",
    to: "box.arrived.unshift(payload)"
  },
  {
    name: "a signal wakes everybody who waits",
    breaks: "signals",
    file: `${CORE}engine/Mail.ts`,
    from: "    return taker(payload)\n  }\n  box.arrived.push(payload)",
    to: "    taker(payload)\n  }\n  if (box.takers.size === 0) box.arrived.push(payload)"
  },
  {
    name: "a replay asks the world again for recorded values",
    breaks: "fitting code",
    file: `${CORE}engine/Requests.ts`,
    from: "const value = program.recorded === undefined && !program.aside",
    to: "const value = !program.aside"
  },
  {
    name: "a replay decides anew what follows a failure",
    breaks: "a step's outcome",
    file: `${CORE}engine/Requests.ts`,
    from: "const decision = program.recorded === undefined ? request.decision._tag : recordedDecision(program, request.id)",
    to: "const decision = request.decision._tag as \"Retry\" | \"Fail\" | \"Ask\" | undefined",
    hunter: "changes"
  },
  {
    name: "the position in the retry schedule is lost",
    breaks: "a step's outcome",
    file: `${CORE}define/Journal.ts`,
    from: "        position = planned.position\n",
    to: ""
  },
  {
    name: "a replay runs on the clock of the process",
    breaks: "fitting code",
    file: `${CORE}engine/Program.ts`,
    from: "  program.now = event.at\n",
    to: "  program.now = recorded === undefined ? event.at : event.at + 1\n"
  },
  {
    name: "chance is drawn anew on each replay",
    breaks: "fitting code",
    file: `${CORE}engine/Services.ts`,
    from: "Random.make(`${here.program.seed}/${here.path}`)",
    to: "Random.make(`${here.program.seed}${here.program.recorded === undefined ? \"\" : \"again\"}/${here.path}`)"
  },
  {
    name: "an interrupted step is not cancelled",
    breaks: "cancel and compensation",
    file: `${CORE}engine/Requests.ts`,
    from: "if (!issue(program, here.path, { _tag: \"CancelStep\", id })) return parked\n      return Effect.async<void>(",
    to: "return Effect.void\n      return Effect.async<void>("
  },
  {
    name: "an interrupted timer is not cancelled",
    breaks: "timers",
    file: `${CORE}engine/Requests.ts`,
    from: "return issue(program, here.path, { _tag: \"CancelTimer\", id }) ? Effect.void : parked",
    to: "return Effect.void"
  },
  {
    name: "a cancel is not heard",
    breaks: "cancel and compensation",
    file: `${CORE}engine/Program.ts`,
    from: "  program.root?.unsafeInterruptAsFork(FiberId.none)\n",
    to: ""
  },
  {
    name: "conditions are looked at once",
    breaks: "one run, one end",
    file: `${CORE}engine/Program.ts`,
    from: "    settleConditions(program)\n",
    to: ""
  },
  {
    name: "undos run first to last",
    breaks: "cancel and compensation",
    file: `${CORE}define/Undo.ts`,
    from: "const addToRun = (of: Compensations, undo: Undo): Effect.Effect<void> =>\n  Effect.gen(function*() {\n" +
      "    of.undos.add(undo)",
    to: "const addToRun = (of: Compensations, undo: Undo): Effect.Effect<void> =>\n  Effect.gen(function*() {\n" +
      "    of.scope = undefined\n    const before = [...of.undos]\n    of.undos.clear()\n    of.undos.add(undo)\n" +
      "    for (const one of before) of.undos.add(one)",
    hunter: "families"
  },
  {
    name: "undos run twice",
    breaks: "cancel and compensation",
    file: `${CORE}define/Undo.ts`,
    from: "    of.undos.delete(undo)\n    return undo.run(cause)",
    to: "    of.undos.delete(undo)\n    return Effect.zipRight(undo.run(cause), undo.run(cause))"
  },
  {
    name: "the answer of a patch is forgotten",
    breaks: "fitting code",
    file: `${CORE}engine/requests/Patched.ts`,
    from: "  program.patches.set(patch, { taken, seq: program.seq })\n",
    to: ""
  },
  // ---- pauses, and ends ----
  {
    name: "only the first of the signals that were left is carried over",
    breaks: "signals",
    file: `${CORE}engine/Ending.ts`,
    from: "    arrived.map((payload) =>",
    to: "    arrived.slice(0, 1).map((payload) =>"
  },
  {
    name: "a paused run is told news",
    breaks: "pauses",
    file: `${WORKER}Draft.ts`,
    from: "(run.state.paused !== undefined || run.state.continuing !== undefined)",
    to: "run.state.continuing !== undefined"
  },
  {
    name: "a run that begins paused begins its bodies",
    breaks: "pauses",
    file: `${WORKER}RunLoop.ts`,
    from: "  if (run.state.paused !== undefined) return pause(worker, run, pending.undelivered)\n",
    to: "  if (run.state.paused !== undefined) {\n    for (const id of pending.starts) startAttempt(worker, run, id)\n" +
      "    return pause(worker, run, pending.undelivered)\n  }\n"
  },
  {
    name: "what became due while a run was paused is forgotten",
    breaks: "pauses",
    file: `${CORE}model/Run.ts`,
    from: "    case \"RunResumed\":\n      run.paused = undefined\n",
    to: "    case \"RunResumed\":\n      run.paused = undefined\n" +
      "      for (const [id, dueAt] of run.timers) if (dueAt <= event.at) run.timers.delete(id)\n"
  },
  {
    name: "nobody looks at what becomes due in a run that is resumed",
    breaks: "pauses",
    file: `${WORKER}RunLoop.ts`,
    from: "      row: changed ? row : undefined,\n",
    to: "      row: changed && !draft.events.some(({ _tag }) => _tag === \"RunResumed\") ? row : undefined,\n",
    hunter: "families"
  },
  {
    name: "a paused run is recovered",
    breaks: "pauses",
    file: `${CORE}model/Run.ts`,
    from: "  if (run.paused !== undefined) return false\n",
    to: ""
  },
  {
    name: "the next process does not know that a run is paused",
    breaks: "pauses",
    file: `${WORKER}RunLoop.ts`,
    from: "if (run.state.paused !== undefined && !isWoken) return pauseAgain(worker, run, replay.program, facts)",
    to: "if (run.state.paused !== undefined && !isWoken) run.state.paused = undefined"
  },
  {
    name: "a cancel after the end of the body acts",
    breaks: "cancel and compensation",
    file: `${CORE}engine/Program.ts`,
    from: "finish(program, ended ?? exit)",
    to: "finish(program, exit)",
    hunter: "families"
  },
  {
    name: "a signal to a run that has ended counts as delivered",
    breaks: "several runs at once",
    file: `${TESTING}MemoryLog.ts`,
    from: "  const said = typeof outcome === \"string\"\n",
    to: "  const said = outcome !== undefined\n"
  },
  // ---- what the replay check finds ----
  {
    name: "commands are not compared",
    breaks: "fitting code",
    file: `${CORE}engine/Issue.ts`,
    from: "if (expected === undefined || !Determinism.matches(command, expected)) {",
    to: "if (expected === undefined) {",
    hunter: "changes"
  },
  {
    name: "names of steps are not compared",
    breaks: "fitting code",
    file: `${CORE}engine/Determinism.ts`,
    from: "event._tag === \"StepScheduled\" && event.id === command.id && event.name === command.name &&",
    to: "event._tag === \"StepScheduled\" && event.id === command.id &&",
    hunter: "changes"
  },
  {
    name: "lengths of timers are not compared",
    breaks: "fitting code",
    file: `${CORE}engine/Determinism.ts`,
    from: "event._tag === \"TimerStarted\" && event.id === command.id && event.millis === command.millis",
    to: "event._tag === \"TimerStarted\" && event.id === command.id",
    hunter: "changes"
  },
  {
    name: "what is left over is not missed",
    breaks: "fitting code",
    file: `${CORE}engine/Program.ts`,
    from: "  if (left !== undefined) {\n    const path",
    to: "  if (left !== undefined && program.finished) {\n    const path",
    hunter: "changes"
  }
]
