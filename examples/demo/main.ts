/**
 * The demo: a workflow over a real and dirty data set, killed with SIGKILL in the middle of a step, started
 * again, approved by a signal, and checked from outside. Three processes take part: two of process.ts, one
 * after the other, and this one.
 *
 *   npm run demo
 */
import { Client } from "@reprise/core"
import { Effect } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, rmSync } from "node:fs"
import { relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Approve, ImportMovies } from "./ImportMovies.js"
import * as Ledger from "./Ledger.js"
import { files, layer, readerLayer, RUN_ID } from "./Setup.js"
import { byName, finished, type StepStory, stepsOf } from "./Story.js"
import { aside, bold, check, line, section, table } from "./Terminal.js"
import { recount } from "./Warehouse.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folder = resolve(process.argv[2] ?? `${root}/.demo`)
const paths = files(folder)
const startedAt = Date.now()

/** Starts process.ts, kills it when it says that it is in the middle, and waits for its end. */
const runProcess = async (name: string) => {
  const child = fork(fileURLToPath(new URL("process.ts", import.meta.url)), [folder, name])
  child.on("message", () => child.kill("SIGKILL"))
  const [code, signal] = await once(child, "exit")
  return { pid: child.pid, end: signal === null ? `exit code ${code}` : String(signal) }
}

const expectEnd = (actual: string, expected: string): void => {
  if (actual !== expected) throw new Error(`the process ended with ${actual} instead of ${expected}`)
}

const readHistory = () => Effect.runPromise(Effect.provide(Client.history(RUN_ID), readerLayer(folder)))

const steps = async () => stepsOf(await readHistory(), Ledger.read(paths.bodies))

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
console.log(bold("A workflow that survives kill -9: movies.json, checked, cleaned, loaded, approved, published"))

section("The first process starts the run")
const first = await runProcess("first")

section("kill -9")
expectEnd(first.end, "SIGKILL")
const before = await steps()
const interrupted = before.filter(({ millis }) => millis === undefined)
const titles = (of: ReadonlyArray<StepStory>) => of.map(({ title }) => title).join(", ")
line(`process ${first.pid} was killed with ${first.end}, in the middle of: ${titles(interrupted)}`)
line(`the warehouse has ${recount(paths.warehouse).movies} movies, that batch included`)
line(`the log has ${finished(before).length} finished steps, that one not included`)

section("A second process goes on")
const second = await runProcess("second")
expectEnd(second.end, "exit code 0")
const after = await steps()
const startedAgain = new Set(after.filter(({ startedIn }) => startedIn.includes("second")).map(({ id }) => id))
const repeated = finished(before).filter(({ id }) => startedAgain.has(id))
const twice = after.filter(({ startedIn }) => startedIn.length > 1)
aside("it ended by itself: a run that waits for a signal needs no process")
line(`${finished(before).length} steps were finished before, and ${repeated.length} of them were run again`)
line(`run twice: ${titles(twice)}; its rows were written once`)

section("The signal")
const summary = await Effect.runPromise(
  Effect.gen(function*() {
    yield* Client.signal(RUN_ID, Approve, { by: "Ada" }, { messageId: "approval-of-ada" })
    return yield* Client.result(ImportMovies, RUN_ID)
  }).pipe(Effect.provide(layer(folder, "third", () => Effect.void)))
)

section("The summary")
line(`${summary.totals.movies} movies, approved by ${summary.approvedBy}`)
console.log()
const reasons = summary.totals.reasons.map(({ field, problem, rows }) => [`${field}: ${problem}`, rows])
table([["in quarantine", "rows"], ...reasons])
console.log()
const genres = summary.totals.genres.map(({ genre, grossMillions, movies }) => [genre, movies, grossMillions])
table([["genre", "movies", "gross in millions"], ...genres])
console.log()
const bargains = summary.totals.bargains.map(({ times, title, year }) => [title, year, times])
table([["bargain", "year", "gross / budget"], ...bargains])
console.log()
const story = await steps()
table([["step", "steps", "bodies run", "mean ms", "longest ms"], ...byName(story)])
aside("the longest load is the one that was killed: from its scheduling to its completion in the next process")

section("The checks")
const counts = recount(paths.warehouse)
const loaded = `${counts.movies} movies are in the warehouse, ${summary.validated} rows were valid`
check(counts.movies === summary.validated, loaded)
check(counts.movies === counts.distinctMovies, "no movie is there twice")
check(counts.quarantined === summary.rejected, `${counts.quarantined} rows are in quarantine, with their reasons`)
check(repeated.length === 0, "no finished step was run again")
check(twice.length === 1 && twice[0]?.id === interrupted[0]?.id, "one body was run twice: the one that was killed")
check(story.every(({ millis }) => millis !== undefined), `all ${story.length} steps are finished`)

section("See for yourself")
const shown = (path: string) => relative(process.cwd(), path)
line(`sqlite3 ${shown(paths.warehouse)} "SELECT * FROM quarantine LIMIT 20"`)
line(`sqlite3 ${shown(paths.log)} "SELECT seq, type, data FROM events LIMIT 20"`)
line(`${shown(paths.bodies)} has a line for each body that was started`)
line(`${shown(paths.summary)} is what was published`)
aside(`done in ${((Date.now() - startedAt) / 1000).toFixed(1)} seconds`)
