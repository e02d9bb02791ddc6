// expect: not assignable
import { Client, Signal } from "@reprise/core"
import { Schema } from "effect"

const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
export const sent = Client.signal("run-1", Approve, { by: 7 }) // <- here
