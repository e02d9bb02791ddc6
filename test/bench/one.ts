/** Runs one bench in a process of its own: `one.ts NAME FOLDER`. The result goes to the parent. */
import { Wrong } from "./Bench.js"
import { benches } from "./benches.js"

const [name, folder = ""] = process.argv.slice(2)
const bench = benches.find((other) => other.name === name)
if (bench === undefined) throw new Wrong(`there is no bench "${name}"`)
const measured = await bench.measure(folder)
process.send?.(measured, () => process.exit(0))
