/**
 * What steps and bodies of workflows log and print, on its way to the store (core's ports/RunLogs.ts).
 *
 * Talks to: Attempts, whose bodies run on the runtime made here; RunLoop, which hands on what a program said in a committed
 * activation. Owns the lines that wait for the store.
 * Invariants:
 * - R1 Everything goes to the ordinary loggers and the console as well, whatever becomes of it here.
 * - R2 Memory is bounded: of an attempt, or of a run's body, nothing is taken beyond its bounds but the one line by which the
 *      store sees that there is more; and at most HELD_MAX lines wait for the store.
 * - R3 A store that does not take lines loses them, which is logged once until it takes some again. Nobody waits for it, and no
 *      attempt fails by it or by a value that cannot be shown.
 */
import { format, inspect } from "node:util"
import {
  Cause,
  Console,
  Context,
  DefaultServices,
  Effect,
  FiberId,
  FiberRef,
  FiberRefs,
  HashMap,
  HashSet,
  List,
  Logger,
  type LogLevel,
  Runtime
} from "effect"
import { Step } from "@reprise/core"
import { type Activation, type Json, LogLine, type ProgramState, type RunLogs } from "@reprise/core/engine"
import * as Live from "./Live.js"
import type { Lines, LiveRun, Worker } from "./State.js"

/** Lines are written when the oldest has waited so long, or when there are so many. */
const WAIT_MILLIS = 100
const BATCH_COUNT = 500
/** Enough for a second of a store that is busy otherwise. */
const HELD_MAX = 20_000

export const make = (runLogs: RunLogs.RunLogsShape): Lines => ({
  runLogs,
  held: [],
  tallies: new WeakMap(),
  isPumping: false,
  hasLost: false,
  full: () => {}
})

// ---- what is taken ----

/** The runtime of bodies: its loggers and its console keep what an attempt says. Made once, so that silence costs nothing. */
export const runtimeOf = (worker: () => Worker, runtime: Runtime.Runtime<unknown>): Runtime.Runtime<unknown> => {
  const { fiberRefs } = runtime
  const loggers = HashSet.add(FiberRefs.getOrDefault(fiberRefs, FiberRef.currentLoggers), keeper(worker))
  const services = FiberRefs.getOrDefault(fiberRefs, DefaultServices.currentServices)
  const console = keepingConsole(worker, Context.get(services, Console.Console))
  return Runtime.make({
    context: runtime.context,
    runtimeFlags: runtime.runtimeFlags,
    fiberRefs: fiberRefs.pipe(
      FiberRefs.updateAs({ fiberId: FiberId.none, fiberRef: FiberRef.currentLoggers, value: loggers }),
      FiberRefs.updateAs({
        fiberId: FiberId.none,
        fiberRef: DefaultServices.currentServices,
        value: Context.add(services, Console.Console, console)
      })
    )
  })
}

const keeper = (worker: () => Worker): Logger.Logger<unknown, void> =>
  Logger.make((options) => {
    const context = FiberRefs.getOrDefault(options.context, FiberRef.currentContext)
    const attempt = Context.getOrElse(context, Step.CurrentAttempt, () => undefined)
    if (attempt !== undefined) take(worker(), attempt, () => ofAttempt(attempt, logged(worker(), options)))
  })

/** What a body has said in a committed activation. */
export const takeOutputs = (worker: Worker, run: LiveRun, outputs: ReadonlyArray<ProgramState.Output>): void => {
  const ofBody = (said: Said): LogLine.Line => ({ runId: run.runId, stepId: undefined, stepName: undefined, attempt: undefined, ...said })
  for (const output of outputs) {
    if (output._tag === "Log") take(worker, run, () => ofBody(logged(worker, output.options)))
    else if (output._tag === "Console") takePrinted(worker, run, output.method, output.args, ofBody)
  }
}

type Said = Pick<LogLine.Line, "at" | "level" | "text" | "fields">

const ofAttempt = ({ attempt, runId, stepId, stepName }: Activation.Attempt, said: Said): LogLine.Line =>
  ({ runId, stepId, stepName, attempt, ...said })

const takePrinted = (
  worker: Worker,
  owner: object,
  method: string,
  args: ReadonlyArray<unknown>,
  lineOf: (said: Said) => LogLine.Line
): void => {
  const level = PRINTED[method]
  if (level === undefined || (method === "assert" && args[0] === true)) return
  take(worker, owner, () => {
    const shown = method === "assert" ? ["Assertion failed:", ...args.slice(1)] : method === "dir" ? args.slice(0, 1) : args
    return lineOf({ at: worker.now(), level, text: cut(format(...shown), worker.limits.logLineBytesMax), fields: undefined })
  })
}

/** Methods of the console that print something of their own. */
const PRINTED: { readonly [method: string]: LogLine.Level | undefined } = {
  assert: "error",
  debug: "debug",
  dir: "info",
  dirxml: "info",
  error: "error",
  info: "info",
  log: "info",
  table: "info",
  trace: "trace",
  warn: "warn"
}

/** R2, R3. `owner` is the attempt, or the run in memory, whose lines are counted. */
const take = (worker: Worker, owner: object, lineOf: () => LogLine.Line): void => {
  const { lines } = worker
  if (lines === undefined || worker.fenced || lines.held.length >= HELD_MAX) return
  const tally = lines.tallies.get(owner) ?? LogLine.emptyTally()
  if (tally.full) return
  lines.tallies.set(owner, tally)
  try {
    const line = lineOf()
    if (LogLine.admit(tally, line, worker.limits) === undefined) return
    lines.held.push(line)
  } catch {
    return
  }
  if (!lines.isPumping) {
    lines.isPumping = true
    Live.fork(worker, pump(worker, lines))
  } else if (lines.held.length >= BATCH_COUNT) lines.full()
}

// ---- as text and JSON ----

const LEVELS: { readonly [tag in LogLevel.LogLevel["_tag"]]: LogLine.Level } = {
  All: "trace",
  Trace: "trace",
  Debug: "debug",
  Info: "info",
  Warning: "warn",
  Error: "error",
  Fatal: "fatal",
  None: "info"
}

const logged = (worker: Worker, { annotations, cause, date, logLevel, message, spans }: Logger.Logger.Options<unknown>): Said => {
  const { logLineBytesMax } = worker.limits
  const parts = (Array.isArray(message) ? message : [message]).map((part) => (typeof part === "string" ? part : inspect(part)))
  if (!Cause.isEmpty(cause)) parts.push(Cause.pretty(cause, { renderErrorCause: true }))
  const at = date.getTime()
  const fields = Object.fromEntries(HashMap.toEntries(annotations).map(([name, value]) => [name, jsonOf(value)]))
  if (List.isCons(spans)) {
    fields["spans"] = Object.fromEntries(List.toArray(spans).map(({ label, startTime }) => [label, at - startTime]))
  }
  const hasFields = Object.keys(fields).length > 0
  const fits = !hasFields || JSON.stringify(fields).length <= logLineBytesMax
  const text = cut(fits ? parts.join(" ") : `${parts.join(" ")} [its annotations are too large]`, logLineBytesMax)
  return { at, level: LEVELS[logLevel._tag], text, fields: hasFields && fits ? fields : undefined }
}

/** As `toJSON` of the value says, which keeps what is redacted; otherwise as it is shown. */
const jsonOf = (value: unknown): Json.Json => {
  const text = typeof value === "bigint" ? undefined : JSON.stringify(value)
  return text === undefined ? String(value) : JSON.parse(text)
}

const MORE = "…"

/** At most so many bytes of UTF-8. */
const cut = (text: string, bytesMax: number): string => {
  const bytes = Buffer.from(text.slice(0, bytesMax + 1))
  if (bytes.length <= bytesMax) return text
  const kept = bytes.subarray(0, Math.max(0, bytesMax - Buffer.byteLength(MORE))).toString()
  // A character that was cut in two is shown as another one.
  return `${kept.replace(/\uFFFD+$/u, "")}${MORE}`
}

// ---- the console of bodies ----

/** What loggers print with `unsafe` has been logged: that is no line of its own. */
const keepingConsole = (worker: () => Worker, outside: Console.Console): Console.Console => {
  const keep = (method: string, args: ReadonlyArray<unknown>) =>
    Effect.map(Effect.serviceOption(Step.CurrentAttempt), (found) => {
      if (found._tag === "None") return
      takePrinted(worker(), found.value, method, args, (said) => ofAttempt(found.value, said))
    })
  const keeping = (method: "debug" | "dirxml" | "error" | "info" | "log" | "trace" | "warn") => (...args: ReadonlyArray<unknown>) =>
    Effect.zipRight(keep(method, args), outside[method](...args))
  return {
    [Console.TypeId]: Console.TypeId,
    assert: (condition, ...args) => Effect.zipRight(keep("assert", [condition, ...args]), outside.assert(condition, ...args)),
    clear: outside.clear,
    count: (label) => outside.count(label),
    countReset: (label) => outside.countReset(label),
    debug: keeping("debug"),
    dir: (item, options) => Effect.zipRight(keep("dir", [item]), outside.dir(item, options)),
    dirxml: keeping("dirxml"),
    error: keeping("error"),
    group: (options) => outside.group(options),
    groupEnd: outside.groupEnd,
    info: keeping("info"),
    log: keeping("log"),
    table: (data, properties) => Effect.zipRight(keep("table", [data]), outside.table(data, properties)),
    time: (label) => outside.time(label),
    timeEnd: (label) => outside.timeEnd(label),
    timeLog: (label, ...args) => outside.timeLog(label, ...args),
    trace: keeping("trace"),
    warn: keeping("warn"),
    unsafe: outside.unsafe
  }
}

// ---- to the store ----

/** One at a time, so that lines keep their order; ends when none are left. */
const pump = (worker: Worker, lines: Lines): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (lines.held.length === 0) {
      lines.isPumping = false
      return Effect.void
    }
    return Effect.zipRight(untilWorthIt(worker, lines), Effect.zipRight(writeBatch(worker, lines), pump(worker, lines)))
  })

const untilWorthIt = (worker: Worker, lines: Lines): Effect.Effect<void> => {
  const millis = worker.hooks?.lineWaitMillis ?? WAIT_MILLIS
  if (millis === 0 || lines.held.length >= BATCH_COUNT) return Effect.void
  const full = Effect.async<void>((resume) => {
    lines.full = () => resume(Effect.void)
    // They may have come while this fiber began.
    if (lines.held.length >= BATCH_COUNT) lines.full()
  })
  return Effect.raceFirst(Effect.sleep(millis), full)
}

/** Writes everything that waits now. */
export const flush = (worker: Worker): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { lines } = worker
    if (lines === undefined || lines.held.length === 0) return Effect.void
    return Effect.zipRight(writeBatch(worker, lines), flush(worker))
  })

/** R3. */
const writeBatch = (worker: Worker, lines: Lines): Effect.Effect<void> =>
  Effect.suspend(() => {
    const batch = lines.held.splice(0, BATCH_COUNT)
    if (batch.length === 0) return Effect.void
    return Effect.matchCauseEffect(lines.runLogs.write(batch, worker.limits), {
      onSuccess: () => Effect.sync(() => void (lines.hasLost = false)),
      onFailure: (cause) => {
        if (lines.hasLost) return Effect.void
        lines.hasLost = true
        return Effect.logWarning("The store does not take log lines; they are lost until it does", cause)
      }
    })
  })
