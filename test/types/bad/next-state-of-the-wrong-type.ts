// expect: the next state does not fit the workflow's `input` schema
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

const State = Schema.Struct({ plan: Schema.Literal("basic", "pro") })

export const Subscribe = Workflow.loop("subscribe", { input: State }, () =>
  Effect.as(Effect.sleep("1 day"), Workflow.next({ plan: "gold" }))) // <- here
