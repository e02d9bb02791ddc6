// expect: this service may only be used inside a step
import { Compensation, Workflow } from "@reprise/core"
import { Context, Effect } from "effect"

class Bank extends Context.Tag("Bank")<Bank, { readonly refund: Effect.Effect<void> }>() {}

export const Pay = Workflow.make("pay", {}, () => Compensation.add("payment", () => Effect.flatMap(Bank, (bank) => bank.refund))) // <- here
