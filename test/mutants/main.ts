/**
 * Plants every mutant in a copy and lets the checks look for it, from the first seed on:
 *
 *   npm run mutants -- [--lanes 2] [--only PART_OF_A_NAME] [--seeds 1000] [--write]
 *
 * Prints what became of each; exits with 1 when one survived. `--write` keeps which seeds have noticed them (caught.json, and
 * the table in docs/reliability.md).
 */
import { parseArgs } from "node:util"
import * as Hunt from "./Hunt.js"
import { mutants } from "./mutants.js"
import * as Table from "./Table.js"

const { values } = parseArgs({
  options: {
    lanes: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    seeds: { type: "string", default: String(Hunt.SEEDS_MAX) },
    write: { type: "boolean", default: false }
  }
})
const chosen = mutants.filter(({ name }) => name.includes(values.only))
const searches = chosen.map((mutant) => ({ mutant, first: 1, last: Number(values.seeds) }))
const results = await Hunt.hunt(searches, Number(values.lanes), (found) => console.log(Hunt.show(found)))
const caught = results.flatMap(({ mutant, seed }) => (seed === undefined ? [] : [[mutant.name, seed] as const]))
console.log(`${results.length} planted, ${caught.length} caught`)
if (values.write) Table.write({ ...Table.read(), ...Object.fromEntries(caught) })
process.exitCode = caught.length === results.length && results.length > 0 ? 0 : 1
