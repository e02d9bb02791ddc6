// expect: not assignable
import { Signal } from "@reprise/core"
import { Schema } from "effect"

const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
export const sent = Approve.send("run-1", { by: 7 }) // <- here
