/** The table of edits in docs/guide/changing-a-workflow.md, row by row. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { PLACES, trial } from "./Edit.js"
import { edits } from "./edits.js"

describe("an edit under open runs", () => {
  for (const edit of edits) {
    it.effect(edit.id, () =>
      Effect.gen(function*() {
        const seen = yield* Effect.forEach(PLACES, (place) => Effect.map(trial(edit, place), (verdict) => [place, verdict]))
        expect(Object.fromEntries(seen)).toEqual(edit.verdicts)
      }))
  }
})
