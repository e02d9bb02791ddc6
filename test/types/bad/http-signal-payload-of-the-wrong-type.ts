// expect: is not assignable to parameter of type 'number'
import { Signal, Workflow } from "@reprise/core"
import { Reprise } from "@reprise/server/client"
import { Effect, Schema } from "effect"

const Raise = Signal.make("raise", { payload: Schema.Number })
const Bid = Workflow.make("bid", { messages: [Raise] }, () => Effect.asVoid(Raise.receive))
const client = Reprise.connect({ url: "http://127.0.0.1:4300" })
export const sent = client.handle(Bid, "bid-1").signal(Raise, "more") // <- here
