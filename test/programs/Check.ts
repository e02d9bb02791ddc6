/**
 * Plays random stories until one has a complaint.
 *
 * PROGRAMS is how many, PROGRAMS_SEED where they begin; a failure prints what repeats it.
 */
import { Effect, FastCheck as fc, Logger, LogLevel } from "effect"
import { show, story, type Story } from "./Program.js"

/** How many stories a test that is as fast as a single run should play. */
export const COUNT = Number(process.env["PROGRAMS"] ?? 500)
const SEED = Number(process.env["PROGRAMS_SEED"] ?? 1)
const PATH = process.env["PROGRAMS_PATH"]

/** A number from 0 to `max`, by chance. */
export type Pick = (max: number) => number
export type Property = (story: Story, pick: Pick) => Effect.Effect<ReadonlyArray<string>>

/** The smallest story that was found to have complaints, in words; empty when there is none. */
export const firstFailure = async (count: number, property: Property, stories = story): Promise<string> => {
  const given = fc.asyncProperty(stories, fc.infiniteStream(fc.nat()), async (story, picks) => {
    // A worker logs when a run is blocked, as some of these are meant to be.
    const quiet = Logger.withMinimumLogLevel(property(story, (max) => picks.next().value % (max + 1)), LogLevel.None)
    const complaints = await Effect.runPromise(quiet)
    if (complaints.length > 0) throw new Error(complaints.slice(0, 5).join("\n"))
  })
  const path = PATH === undefined ? {} : { path: PATH }
  const { counterexample, counterexamplePath, errorInstance, numRuns, seed } = await fc.check(given, {
    numRuns: Math.ceil(count),
    seed: SEED,
    ...path
  })
  if (counterexample === null) return ""
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  const again = `PROGRAMS_SEED=${seed} PROGRAMS_PATH=${counterexamplePath} npm test -- test/programs`
  return `After ${numRuns} programs, this one fails:\n${show(counterexample[0])}\n${why}\nTo see it again: ${again}`
}
