/**
 * A plan of faults: plain data that says what goes wrong in a world, and when. The same plan does the same each time, can
 * be written down, and shrinks to a short story.
 */
import { FastCheck as fc } from "effect"

/** The calls by which a worker uses the store. */
export const CALLS = ["append", "send", "read", "inbox", "runnable", "find", "note"] as const
export type Call = typeof CALLS[number]

/**
 * Where a fault strikes: at a worker's call of the store, when the store wakes the worker, when a client sends a message,
 * or when a process begins.
 */
export type Site = Call | "wake-up" | "message" | "boot"

/** What a fault does; the sites that it is for are in `DEEDS`. */
export type Deed =
  /** The process dies before the store hears of the call, or once the store has done it. */
  | "crash before"
  | "crash after"
  /** Nothing is applied, and the caller is told of a failure. */
  | "refused"
  /** Everything is applied, and the caller is told of a failure all the same; a client sends its message again. */
  | "answer lost"
  /** The call reaches the store later, or its answer comes later. */
  | "slow"
  | "slow answer"
  /** The caller is told of a failure at once, but the call reaches the store later. */
  | "late"
  /** The call is applied, and reaches the store once more later, when another process may own the run. */
  | "repeated"
  /** Nothing of the process moves for a while. */
  | "pause"
  /** Meanwhile another process takes over; then the old one goes on for a while, not knowing of it. */
  | "takeover"
  /** The clock of the process jumps. */
  | "clock jump"
  | "dropped"
  | "doubled"
  | "delayed"
  /** The clock of the process is wrong from its beginning. */
  | "clock skew"
  /** The process has the workflows of another deployment. */
  | "deployment"

/** Strikes once: at the `nth` call at its site in the whole world, from 1. `amount` is in milliseconds, or says which. */
export interface Fault {
  readonly at: Site
  readonly nth: number
  readonly does: Deed
  readonly amount: number
}

export interface Plan {
  readonly faults: ReadonlyArray<Fault>
  /** In which order the ready tasks of a process run: as they came (0), or drawn by this seed. */
  readonly order: number
  /** How many of 100 runs that come to rest are dropped from memory at once. */
  readonly evict: number
}

export const NONE: Plan = { faults: [], order: 0, evict: 0 }

const ON_CALL = ["crash before", "crash after", "refused", "answer lost", "slow", "slow answer", "pause", "takeover", "clock jump"] as const

/** What can be done where. A read is not repeated: nothing would come of it. */
export const DEEDS: Readonly<Record<Site, ReadonlyArray<Deed>>> = {
  append: [...ON_CALL, "late", "repeated"],
  send: [...ON_CALL, "late", "repeated"],
  read: ON_CALL,
  inbox: ON_CALL,
  runnable: ON_CALL,
  find: ON_CALL,
  note: ON_CALL,
  "wake-up": ["dropped", "doubled", "delayed"],
  message: ["doubled", "answer lost", "delayed"],
  boot: ["clock skew", "deployment"]
}

/** Those that cost no time: what does not depend on time comes out the same with them. */
export const TIMELESS: ReadonlyArray<Deed> = ["crash before", "crash after", "doubled"]

// ---- generating ----

export interface Bounds {
  /** Which faults there may be. Default: all, without deployments. */
  readonly deeds?: ReadonlyArray<Deed>
  /** How many calls at a site are reached by faults. */
  readonly callsMax: number
  /** How many faults there are at most. */
  readonly faultsMax: number
  /** The longest delay, in milliseconds. */
  readonly millisMax: number
}

/** All but deployments, which need some. */
export const ALL: ReadonlyArray<Deed> = [...new Set(Object.values(DEEDS).flat())].filter((deed) => deed !== "deployment")

/**
 * Each sort of fault is switched off in half of the plans, so that every mixture of them is met. Trouble comes in a row: the
 * call after the one that is struck may be struck, too.
 */
export const arbitrary = (bounds: Bounds): fc.Arbitrary<Plan> => {
  const sorts = sortsOf(bounds.deeds ?? ALL)
  const amount = fc.oneof(fc.nat({ max: bounds.millisMax }), fc.nat({ max: Math.min(SHORT_MILLIS, bounds.millisMax) }))
  const fault: fc.Arbitrary<Drawn> = fc.record({
    sort: fc.nat({ max: sorts.length - 1 }),
    nth: nth(bounds.callsMax),
    amount,
    next: fc.oneof(fc.constant(undefined), fc.record({ sort: fc.nat({ max: 99 }), amount }))
  })
  return fc.record({
    on: fc.array(fc.boolean(), { minLength: sorts.length, maxLength: sorts.length, size: "max" }),
    drawn: fc.array(fault, { maxLength: bounds.faultsMax, size: "max" }),
    order: fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })),
    evict: fc.constantFrom(0, 50, 100)
  }).map(({ drawn, evict, on, order }) => ({
    faults: drawn.flatMap((one) => (on[one.sort] ? faultsOf(one, sorts) : [])),
    order,
    evict
  }))
}

/** About as long as a worker waits before it asks again. */
const SHORT_MILLIS = 1_000

interface Drawn {
  readonly sort: number
  readonly nth: number
  readonly amount: number
  /** What strikes the next call at the same site. */
  readonly next: { readonly sort: number; readonly amount: number } | undefined
}

const faultsOf = ({ amount, next, nth, sort }: Drawn, sorts: ReadonlyArray<Pick<Fault, "at" | "does">>): ReadonlyArray<Fault> => {
  const first: Fault = { ...sorts[sort]!, nth, amount }
  if (next === undefined) return [first]
  const same = sorts.filter(({ at }) => at === first.at)
  // What arrives late comes before what was asked for in its place, if that is slow.
  const slow = first.does === "late" ? same.find(({ does }) => does === "slow") : undefined
  if (slow !== undefined) return [first, { ...slow, nth: nth + 1, amount: amount + next.amount }]
  return [first, { ...same[next.sort % same.length]!, nth: nth + 1, amount: next.amount }]
}

/** Most runs have few calls, and what comes early is as interesting as what comes late. */
const nth = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: Math.min(8, max) }), weight: 4 },
    { arbitrary: fc.integer({ min: 1, max }), weight: 1 }
  )

/** Appends are where most can go wrong, and wake-ups and messages are few: they come up more often than other calls. */
const sortsOf = (deeds: ReadonlyArray<Deed>): ReadonlyArray<Pick<Fault, "at" | "does">> => {
  const often = ["append", "append", "wake-up", "wake-up", "wake-up", "message", "message"] as const
  const sites = [...CALLS, ...often, "boot"] as const
  return sites.flatMap((at) => DEEDS[at].filter((does) => deeds.includes(does)).map((does) => ({ at, does })))
}

// ---- showing ----

const TIMED: ReadonlySet<Deed> = new Set([
  "slow",
  "slow answer",
  "late",
  "repeated",
  "pause",
  "takeover",
  "clock jump",
  "delayed",
  "clock skew"
])

/** A fault in words: "append 3: crash after". */
export const showFault = ({ amount, at, does, nth }: Fault): string => {
  const how = TIMED.has(does) ? `, ${amount} ms` : does === "deployment" ? ` ${amount}` : ""
  return `${at} ${nth}: ${does}${how}`
}
