/**
 * Awakeables: a promise that somebody outside settles. The run hands out a token, in a link in a mail or as
 * the callback of an API, and waits; whoever has the token settles it, once, with a value or an error.
 *
 *   npm run example -- 17-awakeable
 */
import { Awakeable, Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Queue, Schema } from "effect"

class Refused extends Schema.TaggedError<Refused>()("Refused", { reason: Schema.String }) {}

const Signature = Schema.Struct({ name: Schema.String, signedAt: Schema.DateFromString })

/** What is sent to the customer; a mailbox of this process, for the example. */
const mailbox = Effect.runSync(Queue.unbounded<string>())

const Contract = Workflow.make("contract", { input: Schema.String, error: Refused }, (customer) =>
  Effect.gen(function*() {
    const signature = yield* Awakeable.make("signature", { value: Signature, error: Refused })
    yield* Step.run(`mail to ${customer}`, Queue.offer(mailbox, signature.token))
    const { name, signedAt } = yield* signature.await
    return `signed by ${name} in ${signedAt.getUTCFullYear()}`
  }))

const Store = Sqlite.layer({ filename: "17-awakeable.db" })
const Live = Worker.layer({ workflows: [Contract] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const first = yield* Client.start(Contract, "Ada")
  const token = yield* Queue.take(mailbox)
  yield* Client.resolveAwakeable(token, { name: "Ada Lovelace", signedAt: "1843-09-01T00:00:00.000Z" })
  console.log(yield* first.result)

  const second = yield* Client.start(Contract, "Bob")
  yield* Client.rejectAwakeable(yield* Queue.take(mailbox), { _tag: "Refused", reason: "too expensive" })
  const refusal = yield* Effect.flip(second.result)
  console.log(refusal._tag === "Refused" ? `refused: ${refusal.reason}` : refusal.message)

  const unknown = yield* Effect.flip(Client.resolveAwakeable("awk_guessed_token"))
  console.log(`a guessed token: ${unknown._tag}`)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
signed by Ada Lovelace in 1843
refused: too expensive
a guessed token: AwakeableUnknown
*/
