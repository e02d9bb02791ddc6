// expect: 'number' is not assignable to type 'string'
import { Step } from "@reprise/core"
import { Effect } from "effect"

declare const refund: (payment: string) => Effect.Effect<void>

export const charge = Step.run("charge", Effect.succeed(1), { compensate: refund }) // <- here
