/**
 * A server, and a program that starts a run on it over HTTP, answers it and awaits its result. Here both are in one process;
 * the client needs nothing but the address and the definitions, and runs in a browser, too.
 *
 *   npm run example -- 29-client
 */
import { Query, Signal, Step, Workflow } from "@reprise/core"
import { Server } from "@reprise/server"
import { Reprise } from "@reprise/server/client"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"

// ---- what both sides share ----

class Denied extends Schema.TaggedError<Denied>()("Denied", { by: Schema.String }) {}

const Decide = Signal.make("decide", { payload: Schema.Struct({ by: Schema.String, approve: Schema.Boolean }) })
const Amount = Query.make("amount", { output: Schema.Number })

const Expense = Workflow.make(
  "expense",
  { input: Schema.Struct({ day: Schema.Date, amount: Schema.Number }), error: Denied, messages: [Decide, Amount] },
  ({ amount, day }) =>
    Effect.gen(function*() {
      yield* Query.handle(Amount, () => Effect.succeed(amount))
      const { approve, by } = yield* Decide.receive
      if (!approve) return yield* new Denied({ by })
      return yield* Step.run("pay", Effect.succeed(`paid ${amount} for ${day.toDateString()}`))
    })
)

// ---- the server ----

const Live = Server.layer({ port: 0 }).pipe(
  Layer.provide(Worker.layer({ workflows: [Expense] })),
  Layer.provide(Sqlite.layer({ filename: "29-client.db" }))
)

// ---- the program ----

const program = async (url: string): Promise<void> => {
  const client = Reprise.connect({ url })
  const day = new Date("2026-01-31T12:00:00Z")

  const trip = await client.start(Expense, { day, amount: 120 }, { id: "trip-1", key: "trip" })
  console.log("asked about", await trip.query(Amount, undefined))
  await trip.signal(Decide, { by: "Ada", approve: true })
  console.log(await trip.result())

  const feast = await client.start(Expense, { day, amount: 9_000 }, { id: "feast-1", key: "feast" })
  await client.byKey(Expense, "feast").signal(Decide, { by: "Bob", approve: false })
  const outcome = await feast.outcome()
  if (outcome._tag === "Left" && outcome.left._tag === "Denied") console.log("denied by", outcome.left.by)

  for await (const { event, seq } of trip.events()) console.log(seq, event._tag)
  for await (const { runId, status } of client.list({ workflow: Expense.name })) console.log(runId, status)
}

await Effect.runPromise(
  Effect.flatMap(Server.Server, ({ url }) => Effect.promise(() => program(url))).pipe(Effect.provide(Live))
)

/* output:
asked about 120
paid 120 for Sat Jan 31 2026
denied by Bob
1 RunStarted
2 SignalReceived
3 StepScheduled
4 StepCompleted
5 RunCompleted
feast-1 failed
trip-1 completed
*/
