/**
 * Run inside a copy of the project with a bug planted: plays seed after seed until something is noticed. Prints how many
 * it took and what was seen first, as JSON; exits with 1 when the bug was caught, with 0 when it was not.
 *
 *   catch.ts SEEDS
 */
import * as Seed from "../simulate/Seed.js"

const seedsMax = Number(process.argv[2])

const search = async (): Promise<{ readonly seeds: number; readonly seen: string }> => {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const complaints = await Seed.complaints(seed)
    if (complaints.length > 0) return { seeds: seed, seen: complaints[0] ?? "" }
  }
  return { seeds: seedsMax, seen: "" }
}

const caught = await search()
console.log(JSON.stringify(caught))
process.exit(caught.seen === "" ? 0 : 1)
