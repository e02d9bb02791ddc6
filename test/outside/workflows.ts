/** What the server of these tests runs. */
import { Query, Signal, Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
const Stage = Query.make("stage", { output: Schema.String })

/** Packs, waits to be approved, waits a moment, and ships. */
export const Order = Workflow.make(
  "order",
  { input: Schema.Struct({ item: Schema.String, count: Schema.Number }), output: Schema.String, messages: [Approve, Stage] },
  ({ count, item }) =>
    Effect.gen(function*() {
      let stage = "packing"
      yield* Query.handle(Stage, () => Effect.succeed(stage))
      yield* Step.run("pack", Effect.succeed(count))
      stage = "waits for approval"
      const { by } = yield* Approve.receive
      stage = "leaves soon"
      yield* Effect.sleep("50 millis")
      yield* Step.run("ship", Effect.void)
      return `${count} ${item}, approved by ${by}`
    })
)

const Tick = Signal.make("tick", { payload: Schema.Number })

/** Takes signals for ever, and counts them in steps, so that there is something under way at any time. */
const Collect = Workflow.make("collect", { messages: [Tick] }, () =>
  Effect.forever(Effect.flatMap(Tick.receive, (n) => Step.run("count", Effect.succeed(n)))))

/** Goes through steps for ever, one every few milliseconds: a history that does not stop growing until it is signalled. */
export const Busy = Workflow.make("busy", { messages: [Approve] }, () =>
  Effect.race(
    Effect.forever(Effect.zipRight(Step.run("work", Effect.void), Effect.sleep("10 millis"))),
    Effect.map(Approve.receive, ({ by }) => `ended by ${by}`)
  ))

export const workflows = [Order, Collect, Busy]
