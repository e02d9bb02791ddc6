// expect: the output is not JSON: give the workflow an `output` schema
import { Workflow } from "@reprise/core"
import { Effect } from "effect"

export const Today = Workflow.make("today", {}, () => Effect.succeed(new Map([["day", 1]]))) // <- here
