/** A release that nobody should make while orders are open: the charge has another name. */
import { Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"
import { Delivered } from "./v1.js"

export const Order = Workflow.make("order", { version: "3", input: Schema.String }, () =>
  Effect.zipRight(Step.run("bill", Effect.void), Delivered.receive))
