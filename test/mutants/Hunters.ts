/** What looks for bugs, seed after seed. Each says what is wrong with a seed, as it stands. */
import { Effect, FastCheck as fc, Logger, LogLevel } from "effect"
import * as FamilyJudge from "../programs/FamilyJudge.js"
import * as FamilyOracle from "../programs/FamilyOracle.js"
import { familyStory, pausedStory } from "../programs/FamilyProgram.js"
import * as FamilyScenario from "../programs/FamilyScenario.js"
import * as Judge from "../programs/Judge.js"
import { story, type Story } from "../programs/Program.js"
import { NO_FAULTS, observe } from "../programs/Scenario.js"
import * as Seed from "../simulate/Seed.js"
import type { Hunter } from "./mutants.js"

type Complaints = ReadonlyArray<string>

const judged = (effect: Effect.Effect<Complaints>): Promise<Complaints> =>
  Effect.runPromise(Logger.withMinimumLogLevel(effect, LogLevel.None))

/** What `seed` draws. */
const drawn = <A>(values: fc.Arbitrary<A>, seed: number): A => fc.sample(values, { numRuns: 1, seed })[0]!

/** Several runs without faults, in every second seed paused and resumed: all is as their oracle says. */
const ofFamily = (seed: number): Promise<Complaints> => {
  const given: Story = drawn(seed % 2 === 0 ? familyStory : pausedStory, seed)
  const expected = FamilyOracle.outcomes(given)
  return judged(Effect.map(FamilyScenario.observe(given, NO_FAULTS), (seen) => [
    ...(FamilyJudge.isSound(expected) ? FamilyJudge.asTheOracleSays(expected, seen) : []),
    ...FamilyJudge.ofHistories(given, seen)
  ]))
}

/** One run, replayed by programs that were changed in one place each. */
const ofChanges = (seed: number): Promise<Complaints> => {
  const given = drawn(story, seed)
  const picks = drawn(fc.infiniteStream(fc.nat()), seed)
  return judged(Effect.map(observe(given, NO_FAULTS), (seen) => Judge.ofMutants(given, seen, (max) => picks.next().value % (max + 1))))
}

export const hunters: { readonly [H in Hunter]: (seed: number) => Promise<Complaints> } = {
  seeds: Seed.complaints,
  families: ofFamily,
  changes: ofChanges
}
