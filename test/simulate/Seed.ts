/** One seed: a random program, what happens to it from outside, and what goes wrong. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Sqlite } from "@reprise/sql"
import { Simulation } from "@reprise/testing"
import { Effect, FastCheck as fc, Layer, Logger, LogLevel } from "effect"
import * as Durable from "../programs/Durable.js"
import * as Oracle from "../programs/Oracle.js"
import { CYCLE, moments, show, START, type Story, story, tiedStory } from "../programs/Program.js"
import { RUN_ID, sendAll, statusOf } from "../programs/Scenario.js"

const { Plan } = Simulation

interface Case {
  readonly story: Story
  readonly plan: Simulation.Plan.Plan
}

/** What costs no time leaves the outcome as it is, which an oracle knows. */
const exact: fc.Arbitrary<Case> = fc.record({
  story,
  plan: Plan.arbitrary({ deeds: Plan.TIMELESS, callsMax: 40, faultsMax: 12, millisMax: 0 })
})

/** Anything may go wrong, and much happens at once. */
const wild: fc.Arbitrary<Case> = fc.record({
  story: fc.oneof(story, tiedStory),
  plan: Plan.arbitrary({ callsMax: 40, faultsMax: 30, millisMax: 2 * CYCLE })
})

/** Each kind of case has its share of the seeds; on SQLite every fiftieth. */
const isExact = (seed: number): boolean => seed % 3 === 0
export const isOnSqlite = (seed: number): boolean => seed % 50 === 7

export interface Judged {
  readonly seen: Simulation.Seen
  readonly checks: number
  readonly complaints: ReadonlyArray<string>
}

/** Runs, and what else must not be there when they are at rest. */
const CHECKS_PER_RUN = 12

const judge = (seed: number, { plan, story }: Case): Effect.Effect<Judged> =>
  Effect.gen(function*() {
    const played = Durable.make(story.program)
    const workflows = [played.workflow]
    const world = { startAt: START }
    const script: Simulation.Scene["script"] = (world) =>
      Effect.zipRight(world.start(played.workflow, undefined, { id: RUN_ID }), sendAll(world, story, moments(story)))
    const play = (log: object) => Simulation.play({ workflows, world: () => ({ ...world, ...log }), script }, plan)
    const seen = isOnSqlite(seed) ? yield* withFile((filename) => play({ log: storeIn(filename) })) : yield* play({})
    const complaints = [
      ...Simulation.always(workflows, seen),
      ...(seen.exit._tag === "Failure" ? [seen.exit.cause.toString()] : []),
      ...seen.runs.flatMap(({ blocked, unfinished }) => [...blockedBy(blocked), ...unfinished.filter((what) => !isHeld(what))]),
      ...(isExact(seed) ? asTheOracleSays(story, seen, played.trace().notes) : [])
    ]
    return { seen, checks: (seen.runs.length + 1) * CHECKS_PER_RUN, complaints }
  })

/** Effect makes defects of errors in some places; they are the program's own. */
const blockedBy = (blocked: unknown): ReadonlyArray<string> =>
  blocked === undefined || (blocked as { readonly _tag: string })._tag === "ProgramDefect" ? [] : [`blocked: ${JSON.stringify(blocked)}`]

/** An update without a handler waits for one. */
const isHeld = (what: string): boolean => what.startsWith("Update ")

const asTheOracleSays = (story: Story, { runs }: Simulation.Seen, notes: ReadonlyArray<string>): ReadonlyArray<string> => {
  const expected = Oracle.outcome(story)
  const [run] = runs
  const status = statusOf(run?.history ?? [], run?.blocked)
  const wrong = status === expected.status ? [] : [`the status is ${status} instead of ${expected.status}`]
  const [wanted, found] = [expected.notes.toSorted(), notes.toSorted()]
  const at = wanted.findIndex((note, i) => note !== found[i])
  if (at < 0 && wanted.length === found.length) return wrong
  return [...wrong, `it should note "${wanted[at < 0 ? wanted.length : at]}", not "${found[at < 0 ? wanted.length : at]}"`]
}

const withFile = <A>(use: (filename: string) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-simulate-"))),
    (directory) => use(join(directory, "store.db")),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )

const storeIn = (filename: string) => Layer.orDie(Sqlite.layer({ filename, durability: "normal" }))

const quiet = <A>(effect: Effect.Effect<A>): Promise<A> => Effect.runPromise(Logger.withMinimumLogLevel(effect, LogLevel.None))

export interface Result {
  readonly judged: Judged
  /** The smallest case with complaints, in words; empty when there is none. */
  readonly failure: string
}

/** Plays a seed; one that fails is made smaller. */
export const play = async (seed: number): Promise<Result> => {
  let first: Judged | undefined
  const property = fc.asyncProperty(isExact(seed) ? exact : wild, async (given) => {
    const judged = await quiet(judge(seed, given))
    first ??= judged
    if (judged.complaints.length > 0) throw new Error(judged.complaints.slice(0, 5).join("\n"))
  })
  const { counterexample, errorInstance, numShrinks } = await fc.check(property, { numRuns: 1, seed })
  if (first === undefined) throw new Error(`seed ${seed} was not played`)
  if (counterexample === null) return { judged: first, failure: "" }
  const [{ plan, story }] = counterexample
  const { seen } = await quiet(judge(seed, { plan, story }))
  const failure = [
    `Seed ${seed}, made smaller ${numShrinks} times:`,
    show(story),
    ...seen.damage.strikes.map(({ fault, phase, process }) => `- ${Plan.showFault(fault)} (process ${process}, ${phase})`),
    `order ${plan.order}, ${plan.evict} of 100 leave memory${isOnSqlite(seed) ? ", on SQLite" : ""}`,
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    `To see it again: npm run simulate -- --seeds 1 --seed ${seed}`
  ]
  return { judged: first, failure: failure.join("\n") }
}

/** What is wrong with a seed, as it stands. */
export const complaints = (seed: number): Promise<ReadonlyArray<string>> => {
  const [given] = fc.sample(isExact(seed) ? exact : wild, { numRuns: 1, seed })
  return quiet(Effect.map(judge(seed, given!), (judged) => judged.complaints))
}
