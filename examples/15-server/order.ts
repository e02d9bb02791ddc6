/**
 * An entry: a module that exports its workflows, and does nothing else when it is loaded.
 *
 *   npx reprise dev examples/15-server/order.ts
 */
import { Signal, Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

const Pay = Signal.make("pay", { payload: Schema.Struct({ by: Schema.String }) })

const Order = Workflow.make(
  "order",
  {
    input: Schema.Struct({ item: Schema.String, packingSeconds: Schema.Number }),
    output: Schema.String,
    messages: [Pay]
  },
  ({ item, packingSeconds }) =>
    Effect.gen(function*() {
      yield* Step.run("reserve", Effect.log(`one ${item} is reserved`))
      const { by } = yield* Pay.receive
      yield* Effect.sleep(`${packingSeconds} seconds`)
      yield* Step.run("ship", Effect.log(`the ${item} is on its way`))
      return `a ${item} for ${by}`
    })
)

export const workflows = [Order]
