// expect: this value is not JSON: use Step.valueOf with a schema
import { Step } from "@reprise/core"
import { Effect } from "effect"

export const now = Step.value("now", Effect.sync(() => new Date())) // <- here
