/** Workflows that a client and a server share, as an application would have them. */
import { Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { Effect, Ref, Schema } from "effect"

export class Declined extends Schema.TaggedError<Declined>()("Declined", { at: Schema.Date }) {}
export class Full extends Schema.TaggedError<Full>()("Full", { limit: Schema.Number }) {}

export const Approve = Signal.make("approve", { payload: Schema.Struct({ at: Schema.Date }) })
export const Total = Query.make("total", { input: Schema.Number, output: Schema.Number })
export const Add = Update.make("add", { input: Schema.Number, output: Schema.Number, error: Full })

const LIMIT = 100

/** Adds until it is approved; tells when that was. */
export const Checkout = Workflow.make(
  "checkout",
  { input: Schema.Struct({ since: Schema.Date }), output: Schema.Date, error: Declined, messages: [Approve, Total, Add] },
  ({ since }) =>
    Effect.gen(function*() {
      const total = yield* Ref.make(0)
      yield* Query.handle(Total, (factor) => Effect.map(Ref.get(total), (sum) => sum * factor))
      yield* Update.handle(Add, {
        validate: (price) => (price > 0 ? Effect.void : Effect.fail("a price is above zero")),
        run: (price) => price > LIMIT ? new Full({ limit: LIMIT }) : Ref.updateAndGet(total, (sum) => sum + price)
      })
      const { at } = yield* Approve.receive
      yield* Step.run("charge", Effect.log("charged"))
      return at < since ? yield* new Declined({ at }) : at
    })
)

/** Ends at once. */
export const Double = Workflow.make("double", { input: Schema.Number }, (n) => Effect.succeed(n * 2))

/** Takes `count` steps, one after another, and then waits to be approved. */
export const Walk = Workflow.make("walk", { input: Schema.Number, messages: [Approve] }, (count) =>
  Effect.gen(function*() {
    for (let step = 0; step < count; step++) yield* Step.run(`step ${step}`, Effect.void)
    yield* Approve.receive
  }))

export const WORKFLOWS = [Checkout, Double, Walk]
