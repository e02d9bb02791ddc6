/**
 * Run inside a copy of the project: plays seeds until something is noticed. Prints the seed, and what was seen first, as
 * JSON; nothing when all of them were played in vain.
 *
 *   catch.ts HUNTER FIRST-LAST[,FIRST-LAST...]
 */
import { hunters } from "./Hunters.js"
import type { Hunter } from "./mutants.js"

const [hunter, ranges = ""] = process.argv.slice(2)
const complaints = hunters[hunter as Hunter]

const seeds = ranges.split(",").flatMap((range) => {
  const [first = 0, last = first] = range.split("-").map(Number)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
})

/** A play that cannot be finished is a complaint, too: in a project without bugs each can. */
const seenIn = (seed: number): Promise<ReadonlyArray<string>> =>
  complaints(seed).catch((error: unknown) => [`the play broke off: ${error instanceof Error ? error.message : String(error)}`])

for (const seed of seeds) {
  const [seen] = await seenIn(seed)
  if (seen === undefined) continue
  console.log(JSON.stringify({ seed, seen }))
  break
}
// Fibers of broken plays may still wait for real time.
process.exit(0)
