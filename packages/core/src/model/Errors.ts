/**
 * Every expected error of core. Each says what happened in `message` and what the operator or author can do in `hint`;
 * docs/errors.md has a heading for each. Errors that may cross the log or HTTP are Schema classes.
 */
import { Data, Schema } from "effect"
import { Failure, Uncompensated } from "./Event.js"

const DOCS = "docs/errors.md"

/** The text that an error shows: what happened, what to do, where to read on. */
const told = (tag: string, what: string, hint: string): string => `${what}\n  hint: ${hint}\n  see: ${DOCS}#${tag.toLowerCase()}`

const nearest = (name: string, known: ReadonlyArray<string>): string => {
  if (known.length === 0) return "None is known here."
  const shown = known.length > 8 ? `${known.slice(0, 8).join(", ")}, …` : known.join(", ")
  const close = known.find((other) => other.toLowerCase() === name.toLowerCase() || other.startsWith(name) || name.startsWith(other))
  return close === undefined ? `Known: ${shown}.` : `Did you mean "${close}"? Known: ${shown}.`
}

// ---- asking for something that cannot be done ----

export class WorkflowUnknown extends Schema.TaggedError<WorkflowUnknown>()("WorkflowUnknown", {
  workflow: Schema.String,
  version: Schema.optional(Schema.String),
  known: Schema.Array(Schema.String),
  /** The versions that are registered, when it is only the version that is not known. */
  versions: Schema.optional(Schema.Array(Schema.String))
}) {
  get hint() {
    if (this.versions !== undefined) return `Registered: ${this.versions.join(", ")}. Register this version, too, or use one of them.`
    return `${nearest(this.workflow, this.known)} Register the workflow with the worker's layer.`
  }
  override get message() {
    const version = this.version === undefined ? "" : ` version ${this.version}`
    return told("WorkflowUnknown", `No workflow "${this.workflow}"${version} is registered.`, this.hint)
  }
}

/** A signal, query or update that the workflow does not declare, or that its program does not handle. */
export class MessageUnknown extends Schema.TaggedError<MessageUnknown>()("MessageUnknown", {
  kind: Schema.Literal("signal", "query", "update"),
  name: Schema.String,
  workflow: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  get hint() {
    return `${nearest(this.name, this.known)} List it in the workflow's \`messages\`, or handle it in the body.`
  }
  override get message() {
    return told("MessageUnknown", `Workflow "${this.workflow}" has no ${this.kind} "${this.name}".`, this.hint)
  }
}

export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", { runId: Schema.String }) {
  get hint() {
    return "Check the run id and the store; a closed run may have been removed by retention."
  }
  override get message() {
    return told("RunNotFound", `There is no run "${this.runId}".`, this.hint)
  }
}

export class RunClosed extends Schema.TaggedError<RunClosed>()("RunClosed", {
  runId: Schema.String,
  status: Schema.String
}) {
  get hint() {
    return "A closed run takes no messages; read its result, or start a new run."
  }
  override get message() {
    return told("RunClosed", `Run "${this.runId}" is ${this.status}.`, this.hint)
  }
}

export class RunExists extends Schema.TaggedError<RunExists>()("RunExists", {
  by: Schema.Literal("id", "key"),
  value: Schema.String,
  runId: Schema.String,
  status: Schema.String
}) {
  get hint() {
    return this.by === "id"
      ? "Use another id; a start may also ask for the run that is there (onConflict)."
      : "Use another key; a start may also ask for the run that is there, or replace it (onConflict)."
  }
  override get message() {
    return told("RunExists", `Run "${this.runId}" (${this.status}) already has the ${this.by} "${this.value}".`, this.hint)
  }
}

/** A value from outside, or one bound for the log, that does not fit its schema or is not JSON. */
export class PayloadInvalid extends Schema.TaggedError<PayloadInvalid>()("PayloadInvalid", {
  what: Schema.String,
  path: Schema.String,
  detail: Schema.String
}) {
  get hint() {
    return "Send a value that fits the schema, or give a schema that encodes this value."
  }
  override get message() {
    const where = this.path === "" ? "" : ` at ${this.path}`
    return told("PayloadInvalid", `The ${this.what} does not fit${where}: ${this.detail}`, this.hint)
  }
}

export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  what: Schema.String,
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  get hint() {
    return "Store the value elsewhere and pass a reference, or raise Limits.payloadBytesMax."
  }
  override get message() {
    return told("PayloadTooLarge", `The ${this.what} has ${this.bytes} bytes; the limit is ${this.bytesMax}.`, this.hint)
  }
}

export class NameInvalid extends Schema.TaggedError<NameInvalid>()("NameInvalid", {
  what: Schema.String,
  value: Schema.String,
  detail: Schema.String
}) {
  get hint() {
    return "Use a text that is not empty or too long, without control characters and lone surrogates; docs/operating.md lists the limits."
  }
  override get message() {
    return told("NameInvalid", `The ${this.what} ${JSON.stringify(this.value.slice(0, 80))} ${this.detail}.`, this.hint)
  }
}

export class UpdateRejected extends Schema.TaggedError<UpdateRejected>()("UpdateRejected", {
  runId: Schema.String,
  update: Schema.String,
  reason: Schema.String
}) {
  get hint() {
    return "The run's validator refused it and nothing was recorded; correct the input and send it again."
  }
  override get message() {
    return told("UpdateRejected", `Update "${this.update}" of run "${this.runId}" was rejected: ${this.reason}`, this.hint)
  }
}

/** The handler of an accepted update died; the run goes on without its answer. */
export class UpdateFailed extends Schema.TaggedError<UpdateFailed>()("UpdateFailed", {
  runId: Schema.String,
  update: Schema.String,
  detail: Schema.String
}) {
  get hint() {
    return "Mend the update's handler, or let it end before the run continues as new; the run itself goes on."
  }
  override get message() {
    return told("UpdateFailed", `Update "${this.update}" of run "${this.runId}" died: ${this.detail}`, this.hint)
  }
}

export class QueryFailed extends Schema.TaggedError<QueryFailed>()("QueryFailed", {
  runId: Schema.String,
  query: Schema.String,
  detail: Schema.String
}) {
  get hint() {
    return "A query handler may only read state: no steps, no waiting."
  }
  override get message() {
    return told("QueryFailed", `Query "${this.query}" of run "${this.runId}" failed: ${this.detail}`, this.hint)
  }
}

export class AwakeableUnknown extends Schema.TaggedError<AwakeableUnknown>()("AwakeableUnknown", {
  token: Schema.String
}) {
  get hint() {
    return "Check that the token was copied whole and belongs to this store; a run that continues as new forgets its awakeables."
  }
  override get message() {
    return told("AwakeableUnknown", "No awakeable has this token.", this.hint)
  }
}

export class AwakeableAlreadySettled extends Schema.TaggedError<AwakeableAlreadySettled>()("AwakeableAlreadySettled", {
  token: Schema.String
}) {
  get hint() {
    return "The first settlement counts; nothing more is needed."
  }
  override get message() {
    return told("AwakeableAlreadySettled", "This awakeable was settled before.", this.hint)
  }
}

/** There is no worker in this process to look into the live run. */
export class WorkerMissing extends Schema.TaggedError<WorkerMissing>()("WorkerMissing", { operation: Schema.String }) {
  get hint() {
    return "Provide Worker.layer in this process: only a worker can look into a live program."
  }
  override get message() {
    return told("WorkerMissing", `A ${this.operation} needs a worker in this process.`, this.hint)
  }
}

/** A worker was given workflows or limits that cannot be, or a server an address: raised when its layer is built. */
export class ConfigurationInvalid extends Schema.TaggedError<ConfigurationInvalid>()("ConfigurationInvalid", {
  detail: Schema.String,
  /** What cannot be built. Default: the worker. */
  subject: Schema.optional(Schema.Literal("worker", "server")),
  advice: Schema.optional(Schema.String)
}) {
  get hint() {
    return this.advice ?? "Mend what Worker.layer is given; nothing was started."
  }
  override get message() {
    return told("ConfigurationInvalid", `The ${this.subject ?? "worker"} cannot be built: ${this.detail}.`, this.hint)
  }
}

// ---- how a run ended, seen by whoever awaits it ----

export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  runId: Schema.String,
  name: Schema.String,
  detail: Schema.String,
  stack: Schema.optional(Schema.String)
}) {
  get hint() {
    return "Read the run's history: its last events say which step failed and how."
  }
  override get message() {
    return told("RunFailed", `Run "${this.runId}" failed: ${this.name}: ${this.detail}`, this.hint)
  }
}

export class RunTimedOut extends Schema.TaggedError<RunTimedOut>()("RunTimedOut", {
  runId: Schema.String,
  millis: Schema.Number
}) {
  get hint() {
    return "Start it with a longer timeout, or none."
  }
  override get message() {
    return told("RunTimedOut", `Run "${this.runId}" did not end within ${this.millis} ms.`, this.hint)
  }
}

export class RunCancelled extends Schema.TaggedError<RunCancelled>()("RunCancelled", {
  runId: Schema.String,
  reason: Schema.optional(Schema.String),
  by: Schema.optional(Schema.String)
}) {
  get hint() {
    return "It was cancelled on request; its cleanup has run."
  }
  override get message() {
    return told("RunCancelled", `Run "${this.runId}" was cancelled${asked(this)}.`, this.hint)
  }
}

export class RunTerminated extends Schema.TaggedError<RunTerminated>()("RunTerminated", {
  runId: Schema.String,
  reason: Schema.optional(Schema.String),
  by: Schema.optional(Schema.String)
}) {
  get hint() {
    return "It was terminated on request; none of its cleanup has run."
  }
  override get message() {
    return told("RunTerminated", `Run "${this.runId}" was terminated${asked(this)}.`, this.hint)
  }
}

/** A value for those who hold the error itself: it does not cross the log. */
const Held = Schema.transform(Schema.Undefined, Schema.Unknown, { strict: true, decode: () => undefined, encode: () => undefined })

/** The run failed or was cancelled, and some of its compensations failed for good: not everything was undone. */
export class CompensationFailed extends Schema.TaggedError<CompensationFailed>()("CompensationFailed", {
  runId: Schema.String,
  /** What the run failed with, as recorded. `Interrupted` with `cancelled` when it was cancelled. */
  failure: Failure,
  /** The same as an error: the workflow's own, or `RunFailed`, `RunTimedOut`, `RunCancelled`. */
  error: Schema.optional(Held),
  uncompensated: Schema.Array(Uncompensated)
}) {
  get hint() {
    return "Undo by hand what stands here; the run will not. Its history says what was done."
  }
  override get message() {
    const undos = this.uncompensated.map(({ failure, name }) => `\n  not undone: "${name}": ${inWords(failure)}`)
    const how = this.failure._tag === "Error" || this.failure._tag === "Defect" ? "failed with " : ""
    const what = `Run "${this.runId}" ${how}${inWords(this.failure)}, and not all of it was undone.${undos.join("")}`
    return told("CompensationFailed", what, this.hint)
  }
}

/** A recorded failure on one line. */
const inWords = (failure: Failure): string => {
  switch (failure._tag) {
    case "Error":
      return short(JSON.stringify(failure.error) ?? "no error was given")
    case "Defect":
      return short(`${failure.name}: ${failure.message}`)
    case "TimedOut":
      return `passed its ${failure.scope === "deadline" ? "deadline" : "timeout"} of ${failure.millis} ms`
    case "Unencodable":
      return short(failure.message)
    case "OutcomeUnknown":
      return "may or may not have happened"
    case "Interrupted":
      return failure.cancelled === undefined ? "interrupted itself" : `was cancelled${asked(failure.cancelled)}`
  }
}

const SHORT_MAX = 300
const short = (text: string): string => {
  const line = text.split("\n")[0] ?? ""
  return line.length > SHORT_MAX ? `${line.slice(0, SHORT_MAX)}…` : line
}

const asked = (who: { readonly by?: string | undefined; readonly reason?: string | undefined }): string =>
  `${who.by === undefined ? "" : ` by ${who.by}`}${who.reason === undefined ? "" : `: ${who.reason}`}`

// ---- errors that a program can catch ----

/** A step's attempts ran out of time (`timeout`), or the whole step did (`deadline`), or a sensor's `timeout` passed. */
export class StepTimedOut extends Schema.TaggedError<StepTimedOut>()("StepTimedOut", {
  step: Schema.String,
  scope: Schema.Literal("attempt", "deadline"),
  millis: Schema.Number
}) {
  get hint() {
    return "Allow more time, retry, or catch StepTimedOut."
  }
  override get message() {
    const bound = this.scope === "attempt" ? "timeout" : "deadline"
    return told("StepTimedOut", `"${this.step}" passed its ${bound} of ${this.millis} ms.`, this.hint)
  }
}

/** The process died during an attempt of a step with `onUnknown: "fail"`, or an operator said that it failed. */
export class StepOutcomeUnknown extends Schema.TaggedError<StepOutcomeUnknown>()("StepOutcomeUnknown", {
  step: Schema.String,
  attempt: Schema.Number
}) {
  get hint() {
    return "Look outside whether the attempt took effect, then start again or compensate."
  }
  override get message() {
    return told("StepOutcomeUnknown", `Attempt ${this.attempt} of "${this.step}" may or may not have happened.`, this.hint)
  }
}

/** A defect of a step body, raised in the program as a defect: the body threw, or its value could not be encoded. */
export class StepDefect extends Schema.TaggedError<StepDefect>()("StepDefect", {
  step: Schema.String,
  name: Schema.String,
  detail: Schema.String,
  stack: Schema.optional(Schema.String)
}) {
  get hint() {
    return "Mend the step's body; give it typed errors for what callers can handle."
  }
  override get message() {
    return told("StepDefect", `"${this.step}" died: ${this.name}: ${this.detail}`, this.hint)
  }
}

/** What a workflow may fail with without declaring it: errors of its steps, of its children, and of the runs that it signals. */
export const EngineError = Schema.Union(
  StepTimedOut,
  StepOutcomeUnknown,
  RunExists,
  RunFailed,
  RunTimedOut,
  RunCancelled,
  RunTerminated,
  CompensationFailed,
  RunNotFound,
  RunClosed
)
export type EngineError = typeof EngineError.Type

// ---- why a run cannot go on until its code is mended; its history is untouched ----

/** What was changed in the code, as far as a divergence shows it (engine/Explain.ts). */
export const Change = Schema.Literal("missing", "extra", "order", "replaced", "length", "value", "fiber")
export type Change = typeof Change.Type

const CHANGES: { readonly [C in Change]: string } = {
  missing: "The code does not ask any more for what is expected here: it was removed, or comes behind a wait now.",
  extra: "The code asks for something that this run's history does not have: it was added.",
  order: "The order has changed, or what stood before it was removed.",
  replaced: "What is expected has another name now, or something was added before it.",
  length: "The sleep or timeout has another length now.",
  value: "It comes to another value than the one that is recorded, and that others may know.",
  fiber: "It runs in another fiber now: a race, a timeout, a fork or concurrency was added or removed around it, or before it."
}

/** The program asked for something else than its history holds at this point. */
export class Divergence extends Schema.TaggedError<Divergence>()("Divergence", {
  workflow: Schema.String,
  seq: Schema.Number,
  expected: Schema.String,
  actual: Schema.String,
  fiberPath: Schema.String,
  source: Schema.optional(Schema.String),
  change: Schema.optional(Change),
  /** The recorded command that is the same as the one that the code asks for now, but stands elsewhere. */
  nearest: Schema.optional(Schema.Struct({ seq: Schema.Number, what: Schema.String }))
}) {
  get hint() {
    const change = this.change === undefined ? "The code has changed under this run." : CHANGES[this.change]
    return `${change} Put the change behind Workflow.patched, or register the old code under its version beside the new one ` +
      "(docs/guide/changing-a-workflow.md)."
  }
  override get message() {
    const where = this.source === undefined ? "" : ` (${this.source})`
    const near = this.nearest === undefined ? "" : `\n  nearest:  event ${this.nearest.seq} is ${this.nearest.what}`
    return told(
      "Divergence",
      `Workflow "${this.workflow}" diverged from its history at event ${this.seq}, fiber ${this.fiberPath}${where}:\n` +
        `  expected: ${this.expected}\n  actual:   ${this.actual}${near}`,
      this.hint
    )
  }
}

/** The program asks for a patch at another place than the one where its history holds it: one id, two changes. */
export class PatchUsed extends Schema.TaggedError<PatchUsed>()("PatchUsed", {
  workflow: Schema.String,
  patch: Schema.String,
  seq: Schema.Number,
  askedSeq: Schema.Number
}) {
  get hint() {
    return "Choose another id for this change. The place that asks for a patch first must stay the first, until the patch is " +
      "removed everywhere."
  }
  override get message() {
    return told(
      "PatchUsed",
      `Workflow "${this.workflow}" asks for patch "${this.patch}" when event ${this.askedSeq} is delivered, ` +
        `but its history holds that patch at event ${this.seq}: it stands for another change.`,
      this.hint
    )
  }
}

/** The program was woken by something that the log does not know: a promise, a callback, a foreign timer. */
export class ForeignAsync extends Schema.TaggedError<ForeignAsync>()("ForeignAsync", {
  workflow: Schema.String,
  detail: Schema.String,
  stack: Schema.optional(Schema.String)
}) {
  get hint() {
    return "Move the asynchronous work into Step.run."
  }
  override get message() {
    return told("ForeignAsync", `Workflow "${this.workflow}" awaits work outside its log: ${this.detail}`, this.hint)
  }
}

/** The program waits, and nothing that Reprise knows of can ever wake it. */
export class ProgramStuck extends Schema.TaggedError<ProgramStuck>()("ProgramStuck", {
  workflow: Schema.String,
  detail: Schema.String
}) {
  get hint() {
    return "Look for a promise outside a step, a Deferred that nobody completes, or a queue that nobody fills."
  }
  override get message() {
    return told("ProgramStuck", `Workflow "${this.workflow}" waits for nothing that could happen: ${this.detail}`, this.hint)
  }
}

export class ProgramSpinning extends Schema.TaggedError<ProgramSpinning>()("ProgramSpinning", {
  workflow: Schema.String,
  bound: Schema.String
}) {
  get hint() {
    return "Look for an endless loop without a step, sleep or message in it; or raise the bound in Limits."
  }
  override get message() {
    return told("ProgramSpinning", `Workflow "${this.workflow}" does not come to rest: ${this.bound}.`, this.hint)
  }
}

/** The program called something that a replay cannot repeat. */
export class GlobalForbidden extends Schema.TaggedError<GlobalForbidden>()("GlobalForbidden", {
  call: Schema.String,
  instead: Schema.String
}) {
  get hint() {
    return this.instead
  }
  override get message() {
    return told("GlobalForbidden", `${this.call} was called in a workflow body.`, this.hint)
  }
}

/** The program threw, or died with a defect of its own. */
export class ProgramDefect extends Schema.TaggedError<ProgramDefect>()("ProgramDefect", {
  workflow: Schema.String,
  detail: Schema.String,
  stack: Schema.optional(Schema.String)
}) {
  get hint() {
    return "Mend the workflow's code and restart the worker: the run goes on from its history."
  }
  override get message() {
    return told("ProgramDefect", `Workflow "${this.workflow}" died: ${this.detail}`, this.hint)
  }
}

/** A value cannot be written or read back: an output, a declared error, a recorded value, a name, a payload. */
export class ProgramValueInvalid extends Schema.TaggedError<ProgramValueInvalid>()("ProgramValueInvalid", {
  workflow: Schema.String,
  what: Schema.String,
  detail: Schema.String
}) {
  get hint() {
    return "Give a schema that fits the value, or mend the value."
  }
  override get message() {
    return told("ProgramValueInvalid", `Workflow "${this.workflow}" cannot use the ${this.what}: ${this.detail}`, this.hint)
  }
}

/** A stored event does not match its checksum, is missing, or cannot stand where it stands. */
export class HistoryDamaged extends Schema.TaggedError<HistoryDamaged>()("HistoryDamaged", {
  runId: Schema.String,
  seq: Schema.Number,
  detail: Schema.String
}) {
  get hint() {
    return "Restore the run from a backup; other runs are not affected."
  }
  override get message() {
    return told("HistoryDamaged", `The history of run "${this.runId}" is damaged at event ${this.seq}: ${this.detail}`, this.hint)
  }
}

/** Why a run is blocked: a fault in its code, its values or its history. */
export const Fault = Schema.Union(
  Divergence,
  PatchUsed,
  ForeignAsync,
  ProgramStuck,
  ProgramSpinning,
  GlobalForbidden,
  ProgramDefect,
  ProgramValueInvalid,
  HistoryDamaged,
  WorkflowUnknown
)
export type Fault = typeof Fault.Type

/** A run cannot be forked like this. Nothing was made. */
export class ForkInvalid extends Schema.TaggedError<ForkInvalid>()("ForkInvalid", {
  runId: Schema.String,
  seq: Schema.Number,
  detail: Schema.String,
  /** The nearest events at which the run can be forked. */
  before: Schema.optional(Schema.Number),
  after: Schema.optional(Schema.Number),
  /** Why the fork would be blocked at once. */
  fault: Schema.optional(Fault)
}) {
  get hint() {
    if (this.fault !== undefined) return this.fault.hint
    const near = [this.before, this.after].filter((seq) => seq !== undefined)
    return near.length === 0 ? "Choose another event, or mend `replace`." : `Fork at event ${near.join(" or ")}.`
  }
  override get message() {
    return told("ForkInvalid", `Run "${this.runId}" cannot be forked at event ${this.seq}: ${this.detail}.`, this.hint)
  }
}

/** The store failed. Whether the write was applied is not known: read before acting (ports/Log.ts, L5). */
export class LogError extends Data.TaggedError("LogError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  get hint() {
    return "See the cause; the worker reloads the runs concerned and goes on when the store answers again."
  }
  override get message() {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return told("LogError", `The store failed to ${this.operation}: ${cause}`, this.hint)
  }
}
