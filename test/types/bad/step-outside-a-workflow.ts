// expect: Activation
import { Step } from "@reprise/core"
import { Effect } from "effect"

export const main: Promise<number> = Effect.runPromise(Step.run("a", Effect.succeed(1))) // <- here
