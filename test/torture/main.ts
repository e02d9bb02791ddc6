/**
 * `npm run torture -- --minutes 30 --seed 5 --only damage`: the parts that the tests sample, each for its share of the time
 * and wherever possible in whole. Prints what was done and seen.
 */
import { Effect } from "effect"
import { parseArgs } from "node:util"
import * as Budget from "./Budget.js"
import { full } from "./full.js"
import { jumps, kills, stops } from "./kills.js"
import * as Server from "./Server.js"
import { damage } from "./damage.js"
import { disk } from "./disk.js"
import { syscalls } from "./syscalls.js"

const parts = { syscalls, disk, kills, stops, jumps, damage, full }

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string" }, only: { type: "string" } }
})
const seed = values.seed === undefined ? Budget.seedOfNow() : Number(values.seed)
const chosen = Object.entries(parts).filter(([name]) => values.only === undefined || values.only === name)
if (chosen.length === 0) throw new Error(`there is no part ${values.only}; there are ${Object.keys(parts).join(", ")}`)

const { remove, root } = Server.workshop()
for (const [name, part] of chosen) {
  const before = performance.now()
  const figures: Budget.Figures = {}
  const exit = await Effect.runPromiseExit(part(root, Budget.minutes(seed, Number(values.minutes) / chosen.length), figures))
  const seconds = Math.round((performance.now() - before) / 1_000)
  console.log(`\n${name}, seed ${seed}, ${seconds} s: ${exit._tag === "Success" ? "nothing wrong" : exit.cause}`)
  for (const [what, number] of Object.entries(figures)) console.log(`${String(number).padStart(10)}  ${what}`)
  if (exit._tag === "Failure") process.exitCode = 1
}
remove()
