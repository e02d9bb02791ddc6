/** Errors of the disk, at the N-th system call: once, or from then on. And writes that are cut short by a limit. */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { type Budget, count, dice, type Figures, Wrong } from "./Budget.js"
import * as Judge from "./Judge.js"
import * as Orders from "./Orders.js"
import * as Story from "./Story.js"
import * as Strace from "./Strace.js"

const WANTED = { orders: 3, senders: 2, notes: 2 }

interface Fault {
  readonly call: Strace.Call
  readonly error: string
  readonly when: "once" | "on"
}

const FAULTS: ReadonlyArray<Fault> = [
  { call: "fsync", error: "EIO", when: "once" },
  { call: "fsync", error: "EIO", when: "on" },
  { call: "pwrite64", error: "EIO", when: "once" },
  { call: "pwrite64", error: "ENOSPC", when: "once" },
  { call: "pwrite64", error: "EINTR", when: "once" },
  { call: "ftruncate", error: "EIO", when: "once" },
  { call: "pwrite64", error: "EIO", when: "on" },
  { call: "pwrite64", error: "ENOSPC", when: "on" }
]

/** A disk that fails from now on is given that long before its process is told to close. */
const HOPELESS = "500 millis"

/** Whoever may end in which way: served to the end, not opened with a named error, or stopped by a failed flush and saying so. */
const wrongEnds = ({ call, error, when }: Fault, lived: Story.Lived, book: Orders.Book): ReadonlyArray<string> => {
  const { code, notOpened, said, signal } = lived
  const { errors } = book
  const told = `${call} ${error} ${when}: ended with ${code ?? signal}, ${errors} errors, ${notOpened ?? "opened"}: ${said}`
  if (signal !== null) return [told]
  if (notOpened !== undefined) return /^Store(Unavailable|Damaged|ReadOnly)$/.test(notOpened) ? [] : [told]
  // Only the flush at the very end, when the file is closed, may fail without a word: what it is for is flushed already.
  if (call === "fsync") return (code === 1 && isStopped(lived)) || (code === 0 && Orders.isSettled(book)) ? [] : [told]
  if (error === "EINTR" && errors > 0) return [told]
  return code === 0 ? [] : [told]
}

const isStopped = ({ said }: Story.Lived): boolean => /^StoreFailed: /m.test(said)

const outcomeOf = (lived: Story.Lived, { errors }: Orders.Book): string => {
  if (lived.notOpened !== undefined) return "not opened"
  if (isStopped(lived)) return "stopped"
  return errors > 0 || lived.said.includes("The store failed") ? "tried again" : "not noticed"
}

const failing = (root: string, name: string, fault: Fault, point: number, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    const story = Story.begin(root, name, WANTED)
    const wrapper = Strace.failAt(fault.call, fault.error, point, fault.when)
    // After a failed flush it ends by itself.
    const isHopeless = fault.when === "on" && fault.call !== "fsync"
    const lived = yield* Story.live(story, "0", wrapper, (server) =>
      isHopeless ? Effect.zipRight(Effect.ignore(server.opened), Effect.delay(Effect.asVoid(server.close), HOPELESS)) : Effect.void)
    const wrongs = wrongEnds(fault, lived, story.book)
    count(figures, `${fault.call} ${fault.error} ${fault.when}: ${outcomeOf(lived, story.book)}`)
    yield* ending(story, wrongs, `${name} at ${point}`, seed, figures)
  })

const ending = (story: Story.Story, wrongs: ReadonlyArray<string>, told: string, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    const all = [...wrongs, ...yield* Judge.afterFault(story.place, story.book), ...yield* Story.end(story)]
    if (all.length > 0) return yield* Effect.fail(new Wrong(told, all, seed))
    count(figures, "attempts that ran again", Judge.repeats(story.place))
    Story.forget(story)
  })

/** A write that reaches the limit is cut short there, and the next one fails with EFBIG, until the limit is lifted. */
const short = (root: string, name: string, bytes: number, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    const story = Story.begin(root, name, WANTED)
    const lift = ({ pid }: { readonly pid: number }) =>
      Effect.delay(Effect.sync(() => void execFileSync("prlimit", ["--pid", String(pid), "--fsize=unlimited"])), HOPELESS)
    const lived = yield* Story.live(story, "0", ["prlimit", `--fsize=${bytes}:unlimited`], lift)
    const isRight = lived.code === 0 || lived.notOpened === "StoreUnavailable"
    const wrongs = isRight ? [] : [`ended with ${lived.code ?? lived.signal}: ${lived.said}`]
    count(figures, `short writes: ${outcomeOf(lived, story.book)}`)
    yield* ending(story, wrongs, `${name} at ${bytes}`, seed, figures)
  })

/** Has no divisor in common with the numbers of calls. */
const STEP = 7_919

export const disk = (root: string, { isEnough, seed, whole }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const roll = dice(seed)
    for (let done = 0; !isEnough(done); done++) {
      const kinds = FAULTS.length + 1
      const fault = FAULTS[done % kinds]
      const name = `disk-${done}`
      // Everywhere in a life before long, and at every call in the end.
      const point = whole ? Math.floor(done / kinds) * STEP : roll(1_000)
      if (fault === undefined) yield* short(root, name, 4_096 + roll(600_000), seed, figures)
      else yield* failing(root, name, fault, 1 + point % Strace.CALLS[fault.call], seed, figures)
    }
  })
