// expect: this service may only be used inside a step
import { Workflow } from "@reprise/core"
import { Context, Effect } from "effect"

class Mail extends Context.Tag("Mail")<Mail, { readonly send: Effect.Effect<void> }>() {}

export const Notify = Workflow.make("notify", {}, () => Effect.flatMap(Mail, (mail) => mail.send)) // <- here
