/**
 * Notes each start of a step's body in a text file that neither the engine nor the warehouse knows. It is
 * the witness of this demo: what is in it did happen, in whichever process.
 */
import { Step } from "@reprise/core"
import { Context, Effect, Layer } from "effect"
import { appendFileSync, readFileSync } from "node:fs"

export class Ledger extends Context.Tag("demo/Ledger")<Ledger, {
  readonly started: (stepId: string) => Effect.Effect<void>
}>() {}

/** Each body is slowed down a little, so that a human can watch it. */
export const layer = (filename: string, process: string, paceMillis: number): Layer.Layer<Ledger> =>
  Layer.succeed(Ledger, {
    started: (stepId) =>
      Effect.zipRight(
        Effect.sync(() => appendFileSync(filename, `${process}\t${stepId}\n`)),
        Effect.sleep(paceMillis)
      )
  })

/** Notes that the body has started, and runs it. */
export const counted = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { stepId } = yield* Step.attempt
    const { started } = yield* Ledger
    yield* started(stepId)
    return yield* body
  })

export interface Entry {
  readonly process: string
  readonly stepId: string
}

export const read = (filename: string): ReadonlyArray<Entry> =>
  readFileSync(filename, "utf8").trimEnd().split("\n").map((line) => {
    const [process = "", stepId = ""] = line.split("\t")
    return { process, stepId }
  })
