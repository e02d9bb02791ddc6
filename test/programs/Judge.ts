/** The properties that every story must have. Each answers what is wrong, in words. */
import { Effect } from "effect"
import type { Event } from "@reprise/core/engine"
import type { World } from "@reprise/testing"
import * as Invariants from "./Invariants.js"
import * as Mutation from "./Mutation.js"
import type * as Oracle from "./Oracle.js"
import type { Node, Story } from "./Program.js"
import * as Replays from "./Replays.js"
import { type Faults, NO_FAULTS, type Observed, observe } from "./Scenario.js"

type Complaints = ReadonlyArray<string>

/** In one instant, what is cancelled may end in any order; between instants the order is part of the outcome. */
const inOrder = (notes: ReadonlyArray<string>): ReadonlyArray<string> => notes.toSorted()

export const differ = (what: string, expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): Complaints => {
  const [wanted, found] = [inOrder(expected), inOrder(actual)]
  const at = wanted.findIndex((item, i) => item !== found[i])
  if (at < 0 && wanted.length === found.length) return []
  const from = at < 0 ? wanted.length : at
  const shown = (items: ReadonlyArray<string>) => JSON.stringify(items.slice(from, from + 5))
  return [`${what} differ: expected ${shown(wanted)}, but got ${shown(found)}`]
}

const statusDiffers = (expected: { readonly status: string }, { blocked, status }: Observed): Complaints =>
  expected.status === status ? [] : [`the status is ${status} instead of ${expected.status}: ${JSON.stringify(blocked)}`]

const bodiesOf = ({ played: { premature }, repeated }: Observed): Complaints => [
  ...(repeated.length === 0 ? [] : [`bodies ran again: ${JSON.stringify(repeated)}`]),
  ...(premature.length === 0 ? [] : [`bodies began before they were scheduled: ${premature.join(" ")}`])
]

/** P0: the outcome is the oracle's. */
export const asTheOracleSays = (expected: Oracle.Outcome, seen: Observed): Complaints => [
  ...statusDiffers(expected, seen),
  ...bodiesOf(seen),
  ...differ("notes", expected.notes, seen.notes),
  ...differ("bodies", expected.calls, seen.calls)
]

/** P2, P3 and P6, of one history. */
export const ofHistory = ({ program }: Story, { blocked, history, notes }: Observed): Complaints => {
  const wrong = Invariants.violations(history)
  if (wrong.length > 0) return wrong
  const replayed = Replays.replay(program, history)
  return [
    ...Replays.faults(Replays.single(program), history),
    ...Replays.prefixFaults(Replays.single(program), history),
    // What blocked a run is not in its history.
    ...(blocked === undefined ? differ("notes of the replay", notes, replayed.played.trace().notes) : [])
  ]
}

/**
 * P5: with a program that has been changed where the run has been, the replay diverges; a change further on is not
 * noticed. `pick` chooses at which activation the history is cut.
 */
export const ofMutants = ({ program }: Story, { history }: Observed, pick: (max: number) => number): Complaints => {
  const cuts = Replays.cuts(history)
  const past = history.slice(0, cuts[pick(cuts.length)] ?? history.length)
  if (past.length === 0) return []
  const { notes } = Replays.replay(program, past).played.trace()
  return Mutation.mutants(program, past, notes).flatMap(({ isReached, program, what }) => {
    const { fault } = Replays.replay(program, past).replay
    if ((fault === undefined) !== isReached && (fault === undefined || fault._tag === "Divergence")) return []
    return [`${what}: ${isReached ? "expected a divergence" : "expected nothing"}, but got ${fault?._tag}: ${fault?.message}`]
  })
}

/** What chance gives to one fiber is left alone by what another one draws. */
export const chanceIsApart = (story: Story): Effect.Effect<Complaints> =>
  Effect.gen(function*() {
    const beside = (draws: number): Story => {
      const node = (kind: "draw" | "seq", id: number, children: ReadonlyArray<Node>): Node => ({ kind, id, rank: 0, slot: id, children })
      const drawing = node("seq", 101, Array.from({ length: draws }, (_, i) => node("draw", 102 + i, [])))
      const children = [drawing, story.program]
      return { ...story, program: { kind: "all", id: 100, rank: 0, slot: 100, concurrency: 0, either: true, children } }
    }
    const drawn = (draws: number) =>
      Effect.map(observe(beside(draws), NO_FAULTS), ({ played }) => played.trace().chance.filter((chance) => !/ 10\d /.test(chance)))
    return differ("draws", yield* drawn(1), yield* drawn(2))
  })

/** What holds whatever happens at once: the history is one that can be, and it replays. */
export const ofAnyRun = (story: Story, faults: Faults): Effect.Effect<Complaints> =>
  Effect.map(observe(story, faults), (seen) => {
    const complaints = [
      ...ofHistory(story, seen),
      ...(seen.blocked === undefined || isOwnDefect(seen.blocked) ? [] : [`blocked: ${JSON.stringify(seen.blocked)}`]),
      ...bodiesOf(seen)
    ]
    return complaints.map((what) => `with ${JSON.stringify(faults)}: ${what}`)
  })

/** Effect makes defects of errors in some places; they are the program's own. */
const isOwnDefect = (blocked: unknown): boolean => (blocked as { readonly _tag: string })._tag === "ProgramDefect"

/** P1 and P4: with these faults everything is as without them. */
export const survives = (story: Story, expected: Observed, faults: Faults): Effect.Effect<Complaints> =>
  Effect.map(observe(story, faults), (seen) => {
    const complaints = [
      ...statusDiffers(expected, seen),
      ...differ("notes", expected.notes, seen.notes),
      ...differ("bodies", lasting(expected.calls, expected.history), lasting(seen.calls, seen.history)),
      ...differ("events", timeless(expected.history), timeless(seen.history)),
      ...bodiesOf(seen),
      ...Invariants.violations(seen.history)
    ]
    return complaints.map((what) => `with ${JSON.stringify(faults)}: ${what}`)
  })

/** Each body once, without those of steps that were cancelled at the instant of their beginning: they may begin, or not. */
export const lasting = (calls: ReadonlyArray<string>, history: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const began = new Map<string, { readonly name: string; readonly at: number }>()
  const fleeting = new Set<string>()
  for (const event of history) {
    if (event._tag === "StepScheduled") began.set(event.id, event)
    else if (event._tag === "StepRetryScheduled") began.set(event.id, { name: began.get(event.id)!.name, at: event.dueAt })
    else if (event._tag === "StepCancelRequested" && began.get(event.id)?.at === event.at) fleeting.add(began.get(event.id)!.name)
  }
  return [...new Set(calls)].filter((call) => !fleeting.has(call.split(" ")[0]!))
}

/**
 * Recorded values are drawn anew when they were not committed. A run that ends at the instant of a cancel may do so before
 * or after it hears of it: not every fiber is waited for.
 */
export const timeless = (history: ReadonlyArray<Event.Event>): ReadonlyArray<string> =>
  history.filter(({ _tag, at }) => _tag !== "StepCancelled" || at !== history.at(-1)?.at).map((event) =>
    JSON.stringify(event, (key, value: unknown) =>
      key === "token" || key === "value" || key === "chance" || key === "notes" || key === "stack" ? undefined : value))

/** Every single crash of a short run, and some of a long one; then pairs, and runs that are never kept in memory. */
export const faultsOf = (appendCount: number, pick: (max: number) => number): ReadonlyArray<Faults> => {
  const all = Array.from({ length: appendCount }, (_, i) => i + 1).flatMap((append): Array<World.CrashPoint> => [
    { append, moment: "before" },
    { append, moment: "after" }
  ])
  const singles = all.length <= SINGLES_MAX ? all : Array.from({ length: SINGLES_MAX }, () => all[pick(all.length - 1)]!)
  const pairs = Array.from({ length: PAIRS }, () => [all[pick(all.length - 1)]!, all[pick(all.length - 1)]!])
  return [
    { ...NO_FAULTS, alwaysReplay: true },
    ...[...singles.map((crash) => [crash]), ...pairs].map((crashes) => ({ crashes, alwaysReplay: pick(1) === 1 }))
  ]
}
const SINGLES_MAX = 12
const PAIRS = 2
