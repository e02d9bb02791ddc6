/** Random families of runs, played on the engine and by an oracle, with crashes everywhere, replayed whole and in part. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as Check from "./Check.js"
import * as FamilyJudge from "./FamilyJudge.js"
import * as FamilyOracle from "./FamilyOracle.js"
import { observe } from "./FamilyScenario.js"
import * as Judge from "./Judge.js"
import { familyStory, pausedStory } from "./FamilyProgram.js"
import { NO_FAULTS } from "./Scenario.js"

/** For more programs than usual, too. */
const PATIENCE = 3_600_000

const asTheOracleSays: Check.Property = (story) =>
  Effect.suspend(() => {
    const expected = FamilyOracle.outcomes(story)
    const isSound = FamilyJudge.isSound(expected)
    return Effect.map(observe(story, NO_FAULTS), (seen) => [
      ...(isSound ? FamilyJudge.asTheOracleSays(expected, seen) : []),
      ...FamilyJudge.ofHistories(story, seen)
    ])
  })

describe("a random family of runs", () => {
  it("does what it does without an engine, and its histories replay", async () => {
    expect(await Check.firstFailure(Check.COUNT / 8, asTheOracleSays, familyStory)).toBe("")
  }, PATIENCE)

  it("does so when its runs are paused and resumed", async () => {
    expect(await Check.firstFailure(Check.COUNT / 12, asTheOracleSays, pausedStory)).toBe("")
  }, PATIENCE)

  it("leaves histories that replay, whenever its worker crashes while runs are paused, and whatever comes at one go", async () => {
    const failure = await Check.firstFailure(Check.COUNT / 25, (story, pick) =>
      Effect.gen(function*() {
        const { appendCount } = yield* observe(story, NO_FAULTS)
        const faults = Judge.faultsOf(appendCount, pick)
        const some = [1, 2].map(() => faults[pick(faults.length - 1)]!)
        return (yield* Effect.forEach(some, (fault) => FamilyJudge.ofAnyFamily(story, fault, 1 + pick(3)))).flat()
      }), pausedStory)
    expect(failure).toBe("")
  }, PATIENCE)

  it("does not notice crashes, nor whether it is kept in memory, nor that somebody asks why it does not go on", async () => {
    const failure = await Check.firstFailure(Check.COUNT / 40, (story, pick) =>
      Effect.gen(function*() {
        if (!FamilyJudge.isSound(FamilyOracle.outcomes(story))) return []
        const expected = yield* observe(story, NO_FAULTS)
        const complaints = yield* Effect.forEach(Judge.faultsOf(expected.appendCount, pick), (faults) =>
          FamilyJudge.survives(story, expected, faults))
        return [...complaints.flat(), ...yield* FamilyJudge.survives(story, expected, NO_FAULTS, FamilyJudge.asks(story))]
      }), familyStory)
    expect(failure).toBe("")
  }, PATIENCE)
})
