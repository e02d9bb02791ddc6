// expect: Bank
import { Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Context, Effect, Layer } from "effect"

class Bank extends Context.Tag("Bank")<Bank, { readonly refund: (payment: string) => Effect.Effect<void> }>() {}
const refund = (payment: string) => Effect.flatMap(Bank, (bank) => bank.refund(payment))
const Pay = Workflow.make("pay", {}, () => Step.run("charge", Effect.succeed("payment"), { compensate: refund }))
const worker = Worker.layer({ workflows: [Pay] }).pipe(Layer.provide(Sqlite.layer({ filename: "runs.db" })))
export const main: Promise<never> = Effect.runPromise(Layer.launch(worker)) // <- here
