/** One seed: a random program, what happens to it from outside, and what goes wrong. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Sqlite } from "@reprise/sql"
import { Simulation } from "@reprise/testing"
import { Effect, FastCheck as fc, Layer, Logger, LogLevel } from "effect"
import { familyStory, pausedStory } from "../programs/FamilyProgram.js"
import { CYCLE, show, START, type Story, story, tiedStory, unsure } from "../programs/Program.js"
import * as Staged from "./Staged.js"

const { Plan } = Simulation

interface Case {
  readonly story: Story
  readonly isFamily: boolean
  readonly plan: Simulation.Plan.Plan
}

const cases = (
  alone: fc.Arbitrary<Story>,
  families: fc.Arbitrary<Story>,
  plan: fc.Arbitrary<Simulation.Plan.Plan>
): fc.Arbitrary<Case> =>
  fc.oneof(
    { arbitrary: fc.record({ story: alone, isFamily: fc.constant(false), plan }), weight: 2 },
    { arbitrary: fc.record({ story: families, isFamily: fc.constant(true), plan }), weight: 1 }
  )

/** What costs no time leaves the outcome as it is, which an oracle knows. */
const exact = cases(story, familyStory, Plan.arbitrary({ deeds: Plan.TIMELESS, callsMax: 40, faultsMax: 12, millisMax: 0 }))

/** Anything may go wrong, and much happens at once. */
const wild = cases(
  fc.oneof(story, tiedStory).map(unsure),
  fc.oneof({ arbitrary: familyStory, weight: 1 }, { arbitrary: pausedStory, weight: 2 }).map(unsure),
  Plan.arbitrary({ callsMax: 40, faultsMax: 30, millisMax: 2 * CYCLE })
)

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

const judge = (seed: number, { isFamily, plan, story }: Case): Effect.Effect<Judged> =>
  Effect.gen(function*() {
    const { differences, script, violations, workflow } = isFamily ? Staged.family(story) : Staged.single(story)
    const play = (log: object) =>
      Simulation.play({ workflows: [workflow], world: () => ({ startAt: START, ...log }), script }, plan)
    const seen = isOnSqlite(seed) ? yield* withFile((filename) => play({ log: storeIn(filename) })) : yield* play({})
    const complaints = [
      ...Simulation.always([workflow], seen),
      ...(seen.exit._tag === "Failure" ? [seen.exit.cause.toString()] : []),
      ...seen.runs.flatMap(({ blocked, runId, unfinished }) =>
        [...blockedBy(blocked), ...unfinished.filter((what) => !isHeld(what))].map((what) => `run ${runId}: ${what}`)),
      ...violations(seen),
      ...(isExact(seed) ? differences(seen) : [])
    ]
    return { seen, checks: (seen.runs.length + 1) * CHECKS_PER_RUN, complaints }
  })

/** Effect makes defects of errors in some places, and some programs wait for each other: these are the programs' own. */
const blockedBy = (blocked: unknown): ReadonlyArray<string> => {
  const isOwn = blocked === undefined || ["ProgramDefect", "ProgramStuck"].includes((blocked as { readonly _tag: string })._tag)
  return isOwn ? [] : [`blocked: ${JSON.stringify(blocked)}`]
}

/** An update without a handler waits for one. */
const isHeld = (what: string): boolean => what.startsWith("Update ")

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
  const [found] = counterexample
  const { plan, story } = found
  const { seen } = await quiet(judge(seed, found))
  const failure = [
    `Seed ${seed}, made smaller ${numShrinks} times:`,
    show(story),
    ...seen.damage.strikes.flatMap(Simulation.showStrike),
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
