// expect: StepTimedOut
import { type Activation } from "@reprise/core/engine"
import { Step } from "@reprise/core"
import { Effect } from "effect"

type Body = Effect.Effect<number, never, Activation.Activation | Activation.InStep<never>>
export const quick: Body = Step.run("quick", Effect.succeed(1), { timeout: "1 second" }) // <- here
