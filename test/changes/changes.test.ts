/** The table of edits in docs/guide/changing-a-workflow.md, row by row. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect } from "vitest"
import { root } from "../harness/compiler.js"
import { isBlocked, PLACES, trial } from "./Edit.js"
import { edits } from "./edits.js"

const PAGE = "docs/guide/changing-a-workflow.md"

describe("an edit under open runs", () => {
  for (const edit of edits) {
    it.effect(edit.id, () =>
      Effect.gen(function*() {
        const seen = yield* Effect.forEach(PLACES, (place) => Effect.map(trial(edit, place), (verdict) => [place, verdict]))
        expect(Object.fromEntries(seen)).toEqual(edit.verdicts)
      }))
  }
})

/** The rows of the page: the id of the edit, and what it says of the three places. */
const rowsOf = (page: string): ReadonlyArray<readonly [id: string, ...says: ReadonlyArray<string>]> =>
  [...page.matchAll(/^\| `([\w-]+)`: [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \|/gm)].map(([, id = "", ...says]) => [id, ...says])

it(`${PAGE} has a row for each edit, and says what happens`, () => {
  const rows = rowsOf(readFileSync(resolve(root, PAGE), "utf8"))
  const expected = edits.map(({ id, verdicts }) =>
    [id, ...PLACES.map((place) => isBlocked(verdicts[place]) ? "**blocked**" : "goes on")] as const)
  const sorted = (table: ReadonlyArray<readonly [string, ...ReadonlyArray<string>]>) => table.toSorted(([a], [b]) => a < b ? -1 : 1)
  expect(sorted(rows)).toEqual(sorted(expected))
})
