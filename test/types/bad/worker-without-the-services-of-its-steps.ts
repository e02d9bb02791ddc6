// expect: Mail
import { Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Context, Effect, Layer } from "effect"

class Mail extends Context.Tag("Mail")<Mail, { readonly send: Effect.Effect<void> }>() {}
const Notify = Workflow.make("notify", {}, () => Step.run("send", Effect.flatMap(Mail, (mail) => mail.send)))
const worker = Worker.layer({ workflows: [Notify] }).pipe(Layer.provide(Sqlite.layer({ filename: "runs.db" })))
export const main: Promise<never> = Effect.runPromise(Layer.launch(worker)) // <- here
