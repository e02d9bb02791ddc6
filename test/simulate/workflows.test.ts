/** Every crash point of hand-written workflows, alone and in pairs, and plans of faults that chance draws. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { all } from "./workflows.js"

/** No workflow here has so many pairs of crash points. */
const EVERY_PAIR = 10_000

describe("a workflow with", () => {
  for (const [name, check] of all) {
    it.effect(`${name} does not notice crashes, two of them neither, nor any other fault`, () =>
      Effect.gen(function*() {
        const report = yield* check({ pairs: EVERY_PAIR, plans: 100 })
        expect(report.plays).toBeGreaterThan(150)
      }), 120_000)
  }
})
