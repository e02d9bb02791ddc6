/** The first release: an order is charged, waits for its parcel, and is closed. */
import { Signal, Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Delivered = Signal.make("delivered")
export const say = (line: string) => Step.run(line, Effect.sync(() => console.log(`  ${line}`)))

export const Order = Workflow.make("order", { version: "1", input: Schema.String }, (id) =>
  Effect.gen(function*() {
    yield* say(`charge ${id}`)
    yield* Delivered.receive
    yield* say(`close ${id}`)
  }))
