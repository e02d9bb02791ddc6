/** Planted bugs: that each is still noticed, by the seed that has noticed it before, and by nobody when it is not there. */
import { describe, expect, it } from "vitest"
import * as Copy from "./Copy.js"
import * as Hunt from "./Hunt.js"
import { type Hunter, type Mutant, mutants } from "./mutants.js"
import * as Table from "./Table.js"

/** Many processes, one after the other, beside every other test. */
const PATIENCE = 900_000
const MUTANTS_MIN = 40
const LANES = 2

/**
 * Where each is looked for. A change of the engine moves what happens in a seed, and another one may be the first: what the
 * known one does not notice, those after it may.
 */
const BEFORE = 2
const AFTER = 60

const caught = Table.read()

const searchOf = (mutant: Mutant): Hunt.Search => {
  const seed = caught[mutant.name] ?? 1
  return { mutant, first: Math.max(1, seed - BEFORE), last: seed + AFTER }
}

/** The seeds of a hunter that were played, as ranges. */
const playedBy = (hunter: Hunter, found: ReadonlyArray<Hunt.Found>): string =>
  found.filter(({ mutant }) => Hunt.hunterOf(mutant) === hunter)
    .map(({ mutant, seed }) => `${searchOf(mutant).first}-${seed ?? searchOf(mutant).last}`).join(",")

describe("planted bugs", () => {
  it("are many, each of its own, with a place and a seed that has noticed it", () => {
    expect(mutants.length).toBeGreaterThanOrEqual(MUTANTS_MIN)
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
    expect(mutants.flatMap((mutant) => Copy.misplaced(mutant) ?? [])).toEqual([])
    expect(Object.keys(caught)).toEqual(mutants.map(({ name }) => name))
    for (const [name, seed] of Object.entries(caught)) expect(seed, name).toBeLessThanOrEqual(Hunt.SEEDS_MAX)
  })

  it("stand in the docs, with the promise that each breaks", () => {
    const docs = Table.docs()
    expect(Table.shownIn(docs), "npm run mutants -- --write renews it").toBe(Table.shown(caught))
    for (const { breaks } of mutants) expect(docs).toContain(`\n| ${breaks} | `)
  })

  it("are noticed; and the same seeds have nothing to say where nothing is planted", async () => {
    const found = await Hunt.hunt(mutants.map(searchOf), LANES)
    expect(found.filter(({ seed }) => seed === undefined).map(Hunt.show), "npm run mutants -- --write looks for them again").toEqual([])
    const alarms = []
    for (const hunter of ["seeds", "families", "changes"] as const) alarms.push(await Hunt.falseAlarm(hunter, playedBy(hunter, found)))
    expect(alarms.filter((alarm) => alarm !== "")).toEqual([])
  }, PATIENCE)
})
