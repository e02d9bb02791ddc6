/** Random programs, played on the engine and by an oracle, with crashes everywhere, replayed whole and in part. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as Check from "./Check.js"
import * as Forks from "./Forks.js"
import * as Judge from "./Judge.js"
import * as Oracle from "./Oracle.js"
import { CYCLE, tiedStory } from "./Program.js"
import { NO_FAULTS, observe } from "./Scenario.js"
import * as Whys from "./Whys.js"

/** For more programs than usual, too. */
const PATIENCE = 3_600_000

describe("a random program", () => {
  it("does what it does without an engine, and its history replays", async () => {
    const failure = await Check.firstFailure(Check.COUNT, (story) =>
      Effect.map(observe(story, NO_FAULTS), (seen) => [
        ...Judge.asTheOracleSays(Oracle.outcome(story), seen),
        ...Judge.ofHistory(story, seen)
      ]))
    expect(failure).toBe("")
  }, PATIENCE)

  it("leaves a history that replays, whatever happens at once and whenever its worker crashes", async () => {
    const failure = await Check.firstFailure(Check.COUNT / 8, (story, pick) =>
      Effect.gen(function*() {
        const { appendCount } = yield* observe(story, NO_FAULTS)
        const faults = Judge.faultsOf(appendCount, pick)
        const outages = [1, 2].map(() => ({ after: pick(story.script.length), millis: pick(4 * CYCLE) }))
        const some = [NO_FAULTS, faults[pick(faults.length - 1)]!, ...outages.map((outage) => ({ ...NO_FAULTS, outage }))]
        return (yield* Effect.forEach(some, (fault) => Judge.ofAnyRun(story, fault))).flat()
      }), tiedStory)
    expect(failure).toBe("")
  }, PATIENCE)

  it("that was changed does not fit its history, if it was changed where the run has been", async () => {
    const failure = await Check.firstFailure(Check.COUNT / 4, (story, pick) =>
      Effect.map(observe(story, NO_FAULTS), (seen) => Judge.ofMutants(story, seen, pick)))
    expect(failure).toBe("")
  }, PATIENCE)

  it("draws its chance for each fiber apart", async () => {
    expect(await Check.firstFailure(Check.COUNT / 8, Judge.chanceIsApart)).toBe("")
  }, PATIENCE)

  it("does not notice crashes, nor whether it is kept in memory", async () => {
    const failure = await Check.firstFailure(Check.COUNT / 16, (story, pick) =>
      Effect.gen(function*() {
        const expected = yield* observe(story, NO_FAULTS)
        const complaints = yield* Effect.forEach(Judge.faultsOf(expected.appendCount, pick), (faults) =>
          Judge.survives(story, expected, faults))
        return complaints.flat()
      }))
    expect(failure).toBe("")
  }, PATIENCE)

  it("goes on from any of its events as it did", async () => {
    expect(await Check.firstFailure(Check.COUNT / 8, Forks.goOnAlike)).toBe("")
  }, PATIENCE)

  it("says what it waits for, at any time", async () => {
    expect(await Check.firstFailure(Check.COUNT / 8, Whys.tellAll)).toBe("")
  }, PATIENCE)
})
