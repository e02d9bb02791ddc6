/**
 * The walls around a program while it drains. A drain is synchronous, so for its length, and only then:
 *
 * - R1 `current()` is the program that drains; services find it there.
 * - R2 The runtime's set of root fibers is the program's own. Effect keeps every root fiber reachable from a global set
 *      until it ends, children of `Effect.all` included; a dropped program never ends, so its fibers must not stand there.
 *      Dropping the program then frees all of it, and nothing is interrupted: finalizers do not run on a crash either.
 * - R3 Ambient time answers from the run's clock: `Date`, `Date.now`, `performance.now`.
 * - R4 Ambient randomness, timers, `fetch` and child processes are refused: the call throws `GlobalForbidden`, and the run
 *      is blocked even when the program catches it (docs/decisions/0002-ambient-randomness.md says why randomness is
 *      refused rather than seeded).
 * - R5 Objects without a hash of their own get one by count, so that hash maps and sets iterate in the same order again.
 * - R6 `console` stays silent: what programs print goes through Effect's Console, which is replay-safe.
 *
 * This is the only file that names or replaces those globals.
 */
import { GlobalValue, Hash } from "effect"
import { GlobalForbidden } from "../model/Errors.js"
import type { ProgramState } from "./ProgramState.js"

let active: ProgramState | undefined

/** The program that drains now (R1). */
export const current = (): ProgramState => {
  if (active === undefined) throw new Error("a workflow's service was used outside its program")
  return active
}

// Effect's own registry of root fibers, found under the key that its fiberScope module uses (effect 3.22).
const globalScope = GlobalValue.globalValue(
  Symbol.for("effect/FiberScope/Global"),
  (): { roots: Set<unknown> } => {
    throw new Error("this version of effect keeps its root fibers elsewhere; Reprise supports effect 3.22")
  }
)

// Effect gives an object its hash by chance and remembers it here (effect 3.22, Hash.random); R5 makes it a count.
const hashes = GlobalValue.globalValue(Symbol.for("effect/Hash/randomHashCache"), () => new WeakMap<object, number>())

const isHashed = hashes.has
hashes.has = (key) => {
  if (active !== undefined && !isHashed.call(hashes, key)) hashes.set(key, Hash.number(++active.hashCount * 2_654_435_761))
  return isHashed.call(hashes, key)
}

/** Runs `body` inside the walls. */
export const within = <A>(program: ProgramState, body: () => A): A => {
  const rootsOutside = globalScope.roots
  const outer = active
  if (outer === undefined) remember()
  active = program
  globalScope.roots = program.roots
  replaceGlobals()
  try {
    return body()
  } finally {
    restoreGlobals()
    globalScope.roots = rootsOutside
    active = outer
    if (outer !== undefined) replaceGlobals()
  }
}

/** Runs `body` outside the walls of the program that drains: for effects whose value is recorded. */
export const outside = <A>(body: () => A): A => {
  const inner = active
  if (inner === undefined) return body()
  const roots = globalScope.roots
  active = undefined
  globalScope.roots = new Set()
  restoreGlobals()
  try {
    return body()
  } finally {
    replaceGlobals()
    globalScope.roots = roots
    active = inner
  }
}

const RealDate = Date

/** What the globals were when the walls went up: a test may have put its own there. */
const real = {
  date: globalThis.Date,
  performanceNow: performance.now,
  random: Math.random,
  randomUUID: crypto.randomUUID,
  getRandomValues: crypto.getRandomValues,
  fetch: globalThis.fetch,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  console: globalThis.console
}

const remember = (): void => {
  real.date = globalThis.Date
  real.performanceNow = performance.now
  real.random = Math.random
  real.randomUUID = crypto.randomUUID
  real.getRandomValues = crypto.getRandomValues
  real.fetch = globalThis.fetch
  real.setTimeout = globalThis.setTimeout
  real.setInterval = globalThis.setInterval
  real.setImmediate = globalThis.setImmediate
  real.console = globalThis.console
}

class RunDate extends RealDate {
  constructor(...args: ReadonlyArray<unknown>) {
    // Dates with arguments are as elsewhere; only "now" is the run's.
    if (args.length === 0) super(current().now)
    else super(...(args as []))
  }
  static override now(): number {
    return current().now
  }
  // A date made outside the program is a Date inside it, too.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof RealDate
  }
}

const refuse = (call: string, instead: string) => (): never => {
  const error = new GlobalForbidden({ call, instead })
  const program = current()
  program.fault ??= error
  program.scheduler.stop()
  throw error
}

const IN_STEP = "Move it into a step: Step.run(name, …)."
const refused = {
  random: refuse("Math.random", "Use Random.next from effect, or record a value with Step.value."),
  randomUUID: refuse("crypto.randomUUID", "Record an id with Step.value."),
  getRandomValues: refuse("crypto.getRandomValues", "Use Random from effect, or record a value with Step.value."),
  fetch: refuse("fetch", IN_STEP),
  setTimeout: refuse("setTimeout", "Use Effect.sleep, which is durable."),
  setInterval: refuse("setInterval", "Use Effect.sleep or Schedule.spaced; instead of Effect.never await a signal."),
  setImmediate: refuse("setImmediate", "Use Effect.yieldNow."),
  childProcess: refuse("child_process", IN_STEP)
}

const silence = () => undefined
const silentConsole = new Proxy(real.console, { get: () => silence })

const runPerformanceNow = (): number => current().now

// Globals are typed as what they are; inside the walls they are stand-ins.
const globals = globalThis as unknown as Record<string, unknown>
const randomSource = crypto as unknown as Record<string, unknown>

const replaceGlobals = (): void => {
  globals["Date"] = RunDate
  performance.now = runPerformanceNow
  Math.random = refused.random
  randomSource["randomUUID"] = refused.randomUUID
  randomSource["getRandomValues"] = refused.getRandomValues
  globals["fetch"] = refused.fetch
  globals["setTimeout"] = refused.setTimeout
  globals["setInterval"] = refused.setInterval
  globals["setImmediate"] = refused.setImmediate
  globals["console"] = silentConsole
}

const restoreGlobals = (): void => {
  globals["Date"] = real.date
  performance.now = real.performanceNow
  Math.random = real.random
  randomSource["randomUUID"] = real.randomUUID
  randomSource["getRandomValues"] = real.getRandomValues
  globals["fetch"] = real.fetch
  globals["setTimeout"] = real.setTimeout
  globals["setInterval"] = real.setInterval
  globals["setImmediate"] = real.setImmediate
  globals["console"] = real.console
}

/**
 * What programs may import from Node instead of finding it in a global: wrapped once for the process, and passed through
 * whenever no program drains. Called when a host is made. Does nothing where there is no Node.
 */
export const guardBuiltins = (): void => {
  const builtin = (name: string) => globalThis.process?.getBuiltinModule?.(name) as Builtin | undefined
  const children = builtin("node:child_process")
  if (children === undefined || guarded.has(children)) return
  // Every asynchronous way to start a process ends here.
  guard((children["ChildProcess"] as { readonly prototype: Builtin } | undefined)?.prototype, ["spawn"], refused.childProcess)
  guard(children, ["spawnSync", "execSync", "execFileSync"], refused.childProcess)
  guard(builtin("node:crypto"), ["randomUUID", "randomBytes", "randomInt"], refused.randomUUID)
  // Named imports are copies of what a module exported; this brings them up to date.
  const modules = builtin("node:module") as { readonly syncBuiltinESMExports?: () => void } | undefined
  modules?.syncBuiltinESMExports?.()
}

type Builtin = Record<string, unknown>
const guarded = new WeakSet<object>()

const guard = (owner: Builtin | undefined, names: ReadonlyArray<string>, refusal: () => never): void => {
  if (owner === undefined || guarded.has(owner)) return
  guarded.add(owner)
  for (const name of names) {
    const original = owner[name] as (this: unknown, ...args: ReadonlyArray<unknown>) => unknown
    owner[name] = function(...args: ReadonlyArray<unknown>) {
      return active === undefined ? original.apply(this, args as Array<unknown>) : refusal()
    }
  }
}
