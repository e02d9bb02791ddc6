/**
 * Plants every mutant in a copy and lets the checks look for it:
 *
 *   npm run mutants -- [--lanes 2] [--only PART_OF_A_NAME]
 *
 * Prints what became of each; exits with 1 when one survived.
 */
import { parseArgs } from "node:util"
import * as Hunt from "./Hunt.js"
import { mutants } from "./mutants.js"

const { values } = parseArgs({ options: { lanes: { type: "string", default: "2" }, only: { type: "string", default: "" } } })
const chosen = mutants.filter(({ name }) => name.includes(values.only))
const results = await Hunt.hunt(chosen, Number(values.lanes), (caught) => console.log(Hunt.show(caught)))
const survivors = results.filter(({ isCaught }) => !isCaught)
console.log(`${results.length} planted, ${results.length - survivors.length} caught`)
process.exitCode = survivors.length === 0 && results.length > 0 ? 0 : 1
