/**
 * The second release: fraud is checked before the charge, and a review is asked for at the end. The first change is behind
 * runs that wait for their parcel, so it is a patch; the second lies before them, so nothing is needed.
 */
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"
import { Delivered, say } from "./v1.js"

export const Order = Workflow.make("order", { version: "2", input: Schema.String }, (id) =>
  Effect.gen(function*() {
    if (yield* Workflow.patched("check-fraud")) yield* say(`check fraud of ${id}`)
    yield* say(`charge ${id}`)
    yield* Delivered.receive
    yield* say(`close ${id}`)
    yield* say(`ask for a review of ${id}`)
  }))
