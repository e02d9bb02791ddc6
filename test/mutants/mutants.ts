/**
 * Bugs that the engine could have, as edits of its source: each must be caught by the simulator, or by the mutation corpus
 * of the replay check. They are planted in a copy of the project, never in the project.
 */

/** Who looks for a mutant: random programs under faults, families of runs, or the mutation corpus of the replay check. */
export type Hunter = "seeds" | "families" | "corpus"

export interface Mutant {
  readonly name: string
  /** Which promise it breaks; see docs/reliability.md. */
  readonly breaks: string
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
    breaks: "G4",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (append.epoch !== store.epoch) return FENCED",
    to: ""
  },
  {
    name: "no check of the expected seq",
    breaks: "G4",
    file: `${TESTING}MemoryLog.ts`,
    from: "entry === undefined || entry.events.length !== append.expectedSeq",
    to: "entry === undefined"
  },
  {
    name: "no dedup of messages",
    breaks: "G2",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (entry.inbox.has(message.messageId)) return \"Duplicate\"",
    to: "entry.inbox.delete(message.messageId)"
  },
  {
    name: "a run may close over its mail",
    breaks: "G2",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (closing !== undefined && mailPending(entry, append.delivered)) return MAIL_PENDING",
    to: ""
  },
  {
    name: "delivered mail is not marked",
    breaks: "G2",
    file: `${TESTING}MemoryLog.ts`,
    from: "for (const messageId of append.delivered) deliver(entry, messageId, undefined)",
    to: ""
  },
  {
    name: "the answer to a child's start is lost",
    breaks: "G7",
    file: `${TESTING}MemoryLog.ts`,
    from: "return answer(store, entry, Decide.answerOfStart(id, { _tag: \"Started\", runId: request.runId }), tell)",
    to: "return",
    hunter: "families"
  },
  {
    name: "the parent's end does not reach its children",
    breaks: "G7",
    file: `${TESTING}MemoryLog.ts`,
    from: "if (parentClose === \"cancel\" || parentClose === \"terminate\") {",
    to: "if (parentClose === \"terminate\") {",
    hunter: "families"
  },
  {
    name: "nobody is told of an end",
    breaks: "G7",
    file: `${TESTING}MemoryLog.ts`,
    from: "answer(store, made.watcher, Decide.endOf(made.id, closing), tell)",
    to: "",
    hunter: "families"
  },
  // ---- the worker ----
  {
    name: "a timer fires a second early",
    breaks: "G3",
    file: `${WORKER}Draft.ts`,
    from: "filter(([, dueAt]) => dueAt <= now)",
    to: "filter(([, dueAt]) => dueAt <= now + 1_000)"
  },
  {
    name: "timers of one moment fire in the order of their making",
    breaks: "G3",
    file: `${WORKER}Draft.ts`,
    from: ".sort(([, a], [, b]) => a - b)",
    to: ""
  },
  {
    name: "timers are forgotten",
    breaks: "G3",
    file: `${CORE}model/Run.ts`,
    from: "for (const dueAt of run.timers.values()) if (dueAt < earliest) earliest = dueAt",
    to: ""
  },
  {
    name: "retries are forgotten",
    breaks: "G1",
    file: `${CORE}model/Run.ts`,
    from: "if (step.phase === \"waiting\" && step.dueAt < earliest) earliest = step.dueAt",
    to: ""
  },
  {
    name: "work under way is not taken up after a crash",
    breaks: "G7",
    file: `${CORE}model/Run.ts`,
    from: "if (step.phase === \"started\") return true",
    to: ""
  },
  {
    name: "scheduled steps are not taken up after a crash",
    breaks: "G7",
    file: `${WORKER}RunLoop.ts`,
    from: "step.phase === \"started\" || (step.phase === \"due\" && step.onUnknown === \"retry\")",
    to: "step.phase === \"started\""
  },
  {
    name: "outcomes of old attempts count",
    breaks: "G1",
    file: `${WORKER}Draft.ts`,
    from: "if (step === undefined || step.attempt !== outcome.attempt) return",
    to: "if (step === undefined) return"
  },
  {
    name: "a cancelled step's outcome is delivered",
    breaks: "G13",
    file: `${WORKER}Draft.ts`,
    from: "if (step.cancelling) return deliver(worker, run, draft, Decide.stepCancelled(outcome.id, outcome.attempt, at))",
    to: ""
  },
  {
    name: "the order of what is delivered is turned round",
    breaks: "G2",
    file: `${WORKER}Draft.ts`,
    from: "const facts = Pausing.inOrder(run.state, run.facts)",
    to: "const facts = Pausing.inOrder(run.state, run.facts).reverse()"
  },
  {
    name: "an update that waits for its handler is forgotten",
    breaks: "G2",
    file: `${WORKER}Draft.ts`,
    from: "run.held.push(message)",
    to: ""
  },
  {
    name: "an unknown outcome is tried again",
    breaks: "G1",
    file: `${WORKER}RunLoop.ts`,
    from: "step.phase === \"started\" && step.onUnknown !== \"retry\" && !run.attempts.has(id)",
    to: "step.phase === \"started\" && step.onUnknown === \"fail\" && !run.attempts.has(id)"
  },
  {
    name: "steps start before the commit",
    breaks: "G1",
    file: `${WORKER}RunLoop.ts`,
    from: "  run.row = changed ? row : run.row\n",
    to: "  run.row = changed ? row : run.row\n  for (const id of draft.starts) startAttempt(worker, run, id)\n"
  },
  {
    name: "mail is not read when a run is read",
    breaks: "G2",
    file: `${WORKER}RunLoop.ts`,
    from: "  takeMail(run, messages)\n  run.facts.push(...facts, { _tag: \"Due\" })",
    to: "  run.facts.push(...facts, { _tag: \"Due\" })"
  },
  {
    name: "a failed append is taken for a commit",
    breaks: "G11",
    file: `${WORKER}RunLoop.ts`,
    from: "if (answer._tag === \"LogError\") return reload(worker, run, answer, pending)",
    to: ""
  },
  {
    name: "a stale append is taken for a commit",
    breaks: "G4",
    file: `${WORKER}RunLoop.ts`,
    from: "if (answer._tag === \"Stale\") return reload(worker, run, overtaken(run), pending)",
    to: ""
  },
  {
    name: "the run's time goes back with the clock",
    breaks: "G9",
    file: `${WORKER}Draft.ts`,
    from: "Math.max(worker.now(), run.state.lastAt)",
    to: "worker.now()"
  },
  {
    name: "the outcomes of a paused run are lost",
    breaks: "G1",
    file: `${WORKER}RunLoop.ts`,
    from: "if (isShelved(worker, run.runId)) return keepOutcomes(worker, run, [fact])",
    to: "if (isShelved(worker, run.runId)) return",
    hunter: "families"
  },
  {
    name: "a pause is forgotten",
    breaks: "G13",
    file: `${CORE}model/Run.ts`,
    from: "      run.paused = event\n",
    to: "",
    hunter: "families"
  },
  {
    name: "the next generation begins without the signals that were left",
    breaks: "G2",
    file: `${CORE}engine/Program.ts`,
    from: "for (const { name, payload } of event.carried ?? []) deliverSignal(signalBox(program, name), payload)",
    to: "",
    hunter: "families"
  },
  {
    name: "ids do not tell generations apart",
    breaks: "G9",
    file: `${CORE}engine/FiberPath.ts`,
    from: "String(program.info.generation)",
    to: "\"0\"",
    hunter: "families"
  },
  // ---- the program ----
  {
    name: "signals are taken last first",
    breaks: "G2",
    file: `${CORE}engine/Mail.ts`,
    from: "box.arrived.push(payload)",
    to: "box.arrived.unshift(payload)"
  },
  {
    name: "a signal wakes everybody who waits",
    breaks: "G2",
    file: `${CORE}engine/Mail.ts`,
    from: "    return taker(payload)\n  }\n  box.arrived.push(payload)",
    to: "    taker(payload)\n  }\n  if (box.takers.size === 0) box.arrived.push(payload)"
  },
  {
    name: "a replay asks the world again for recorded values",
    breaks: "G6",
    file: `${CORE}engine/Requests.ts`,
    from: "const value = program.recorded === undefined && !program.aside",
    to: "const value = !program.aside"
  },
  {
    name: "a replay decides anew what follows a failure",
    breaks: "G1",
    file: `${CORE}engine/Requests.ts`,
    from: "const decision = program.recorded === undefined ? request.decision._tag : recordedDecision(program, request.id)",
    to: "const decision = request.decision._tag as \"Retry\" | \"Fail\" | \"Ask\" | undefined"
  },
  {
    name: "the position in the retry schedule is lost",
    breaks: "G1",
    file: `${CORE}define/Journal.ts`,
    from: "        position = planned.position\n",
    to: ""
  },
  {
    name: "a replay runs on the clock of the process",
    breaks: "G6",
    file: `${CORE}engine/Program.ts`,
    from: "  program.now = event.at\n",
    to: "  program.now = recorded === undefined ? event.at : event.at + 1\n"
  },
  {
    name: "chance is drawn anew on each replay",
    breaks: "G6",
    file: `${CORE}engine/Services.ts`,
    from: "Random.make(`${here.program.seed}/${here.path}`)",
    to: "Random.make(`${Math.random()}/${here.path}`)"
  },
  {
    name: "an interrupted step is not cancelled",
    breaks: "G13",
    file: `${CORE}engine/Requests.ts`,
    from: "if (!issue(program, here.path, { _tag: \"CancelStep\", id })) return parked\n      return Effect.async<void>(",
    to: "return Effect.void\n      return Effect.async<void>("
  },
  {
    name: "an interrupted timer is not cancelled",
    breaks: "G3",
    file: `${CORE}engine/Requests.ts`,
    from: "return issue(program, here.path, { _tag: \"CancelTimer\", id }) ? Effect.void : parked",
    to: "return Effect.void"
  },
  {
    name: "a cancel is not heard",
    breaks: "G13",
    file: `${CORE}engine/Program.ts`,
    from: "  program.root?.unsafeInterruptAsFork(FiberId.none)\n",
    to: ""
  },
  {
    name: "conditions are looked at once",
    breaks: "G7",
    file: `${CORE}engine/Program.ts`,
    from: "    settleConditions(program)\n",
    to: ""
  },
  {
    name: "undos run first to last",
    breaks: "G13",
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
    breaks: "G13",
    file: `${CORE}define/Undo.ts`,
    from: "    of.undos.delete(undo)\n    return undo.run(cause)",
    to: "    of.undos.delete(undo)\n    return Effect.zipRight(undo.run(cause), undo.run(cause))",
    hunter: "families"
  },
  {
    name: "the answer of a patch is forgotten",
    breaks: "G6",
    file: `${CORE}engine/requests/Patched.ts`,
    from: "  program.patches.set(patch, { taken, seq: program.seq })\n",
    to: "",
    hunter: "families"
  },
  // ---- what the replay check finds ----
  {
    name: "commands are not compared",
    breaks: "G6",
    file: `${CORE}engine/Issue.ts`,
    from: "if (expected === undefined || !Determinism.matches(command, expected)) {",
    to: "if (expected === undefined) {",
    hunter: "corpus"
  },
  {
    name: "names of steps are not compared",
    breaks: "G6",
    file: `${CORE}engine/Determinism.ts`,
    from: "event._tag === \"StepScheduled\" && event.id === command.id && event.name === command.name &&",
    to: "event._tag === \"StepScheduled\" && event.id === command.id &&",
    hunter: "corpus"
  },
  {
    name: "lengths of timers are not compared",
    breaks: "G6",
    file: `${CORE}engine/Determinism.ts`,
    from: "event._tag === \"TimerStarted\" && event.id === command.id && event.millis === command.millis",
    to: "event._tag === \"TimerStarted\" && event.id === command.id",
    hunter: "corpus"
  },
  {
    name: "what is left over is not missed",
    breaks: "G6",
    file: `${CORE}engine/Program.ts`,
    from: "  if (left !== undefined) {\n    const path",
    to: "  if (left !== undefined && program.finished) {\n    const path",
    hunter: "corpus"
  }
]
