/** What must compile: the counterpart of bad/. It is never run; the type check of the repository covers it. */
import { Child, Compensation, type Json, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { Context, Effect, Schedule, Schema } from "effect"

export const payload: Json = { order: ["a", 1, true, null] }

/** Messages of every sort can be declared, also an update that cannot fail. */
const messages = [
  Signal.make("go"),
  Query.make("total", { output: Schema.Number }),
  Update.make("add", { input: Schema.Number }),
  Update.make("add within limits", { input: Schema.Number, output: Schema.Number, error: Schema.String })
]
export const withMessages = Workflow.make("with messages", { messages }, () => Effect.void)

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
class Down extends Schema.TaggedError<Down>()("Down", {}) {}

/** A schema may be wider than what it encodes: a read-only list for a list, several errors for one of them. */
const dates: Effect.Effect<Array<Date>, Busy> = Effect.succeed([])
export const wider: Effect.Effect<ReadonlyArray<Date>, Busy, unknown> = Step.run("dates", dates, {
  output: Schema.Array(Schema.DateFromString),
  error: Schema.Union(Busy, Down),
  nonRetryable: ["Busy"]
})

class Mail extends Context.Tag("Mail")<Mail, { readonly send: (text: string) => Effect.Effect<void, Down> }>() {}
class Order extends Schema.Class<Order>("Order")({ id: Schema.String, at: Schema.Date }) {}

/** Everything at once: services inside steps, listed errors, errors of the engine that need no listing, a scope. */
export const Ship = Workflow.make("ship", { input: Order, output: Order, error: Busy }, (order) =>
  Effect.gen(function*() {
    yield* Effect.addFinalizer(() => Effect.log("done"))
    yield* Step.run("tell", Effect.flatMap(Mail, (mail) => mail.send(order.id)), {
      error: Down,
      timeout: "5 seconds",
      retry: Schedule.exponential("1 second").pipe(Schedule.jittered)
    }).pipe(Effect.catchTag("Down", () => new Busy()))
    yield* Effect.sleep("1 day")
    return order
  }))

/** Inference: the input, the output, the errors and the services of a workflow are those of its body and schemas. */
export const exactly: Workflow.Workflow<Order, Order, Busy, Mail> = Ship
export const inferred: Workflow.Workflow<void, { readonly n: number }, never, never> = Workflow.make("n", {}, () =>
  Effect.succeed({ n: 1 }))

/** The errors that the options can raise are in the type, and only those. */
export const timed = Step.run("timed", Effect.succeed(1), { timeout: "1 second" }).pipe(
  Effect.catchTag("StepTimedOut", () => Effect.succeed(0))
)
export const certain: Effect.Effect<number, never, unknown> = Step.run("certain", Effect.succeed(1))
export const asked = Step.run("asked", Effect.succeed(1), { onUnknown: "fail" }).pipe(
  Effect.catchTag("StepOutcomeUnknown", () => Effect.succeed(0))
)

/** Interfaces, optional fields, unions and tuples of JSON are JSON. */
interface Line {
  readonly sku: string
  readonly count?: number
  readonly kind: "a" | "b" | null
  readonly pair: readonly [number, string]
}
const line: Line = { sku: "x", kind: null, pair: [1, "y"] }
export const lines: Effect.Effect<ReadonlyArray<Line>, never, unknown> = Step.run("lines", Effect.succeed([line]))

/** A child has its workflow's types; its services are no business of its parent, and the engine's errors need no listing. */
export const Fleet = Workflow.make("fleet", { input: Schema.Array(Order), error: Busy }, (orders) =>
  Effect.gen(function*() {
    const all: ReadonlyArray<Order> = yield* Effect.forEach(orders, (order) => Child.run(Ship, order), { concurrency: 3 })
    const child = yield* Child.start(withMessages, undefined, { parentClose: "abandon" })
    yield* child.signal(Signal.make("go"), undefined)
    yield* Signal.make("done", { payload: Schema.Date }).send("somebody", new Date(0))
    return all.length
  }))
export const fleet: Workflow.Workflow<ReadonlyArray<Order>, number, Busy, never> = Fleet
export const handled = Child.run(Ship, new Order({ id: "1", at: new Date(0) })).pipe(
  Effect.catchTags({ Busy: () => Effect.void, RunCancelled: () => Effect.void, RunTimedOut: () => Effect.void })
)

class Bank extends Context.Tag("Bank")<Bank, { readonly refund: (payment: number) => Effect.Effect<void, Down> }>() {}

/** An undo knows the step's value as the log gives it back; its services are those of the run, its errors nobody's. */
export const undone = Step.run("charge", Effect.succeed(1), {
  compensate: (payment) => Effect.flatMap(Bank, (bank) => bank.refund(payment))
})
const released = Step.run("dates", dates, {
  output: Schema.Array(Schema.DateFromString),
  error: Busy,
  compensate: {
    run: (held: ReadonlyArray<Date>, cause) => Effect.flatMap(Mail, (mail) => mail.send(`${held.length} ${cause}`)),
    retry: Schedule.spaced("1 second"),
    nonRetryable: ["Down"],
    deadline: "1 hour"
  }
})
const Pay = Workflow.make("pay", { output: Schema.Number, error: Busy }, () =>
  Effect.gen(function*() {
    yield* Compensation.add("all", () => Effect.scoped(Effect.zipRight(Effect.scope, undone)))
    yield* Compensation.within(released)
    return yield* undone
  }))
export const withServices: Workflow.Workflow<void, number, Busy, Bank | Mail> = Pay
/** Should a service get lost, this is refused no longer. */
// @ts-expect-error
export const withoutServices: Workflow.Workflow<void, number, Busy, Mail> = Pay
// @ts-expect-error
export const withoutOthers: Workflow.Workflow<void, number, Busy, Bank> = Pay

const Seat = Schema.Struct({ class: Schema.Literal("first", "second"), tags: Schema.Array(Schema.String) })

/** A literal stays one in the next state, which may have more than the schema asks for; a loop has the types of its turns. */
export const Loop: Workflow.Workflow<typeof Seat.Type, number, never, Mail> = Workflow.loop("loop", { input: Seat }, (seat) =>
  Effect.gen(function*() {
    yield* Step.run("tell", Effect.orDie(Effect.flatMap(Mail, (mail) => mail.send(seat.class))))
    if (seat.tags.length > 9) return yield* Workflow.continueAsNew({ class: "first", tags: [] })
    return seat.class === "first" ? Workflow.next({ ...seat, class: "second", tags: [...seat.tags, "x"] }) : Workflow.done(1)
  }))
export const endless: Workflow.Workflow<void, never, never, never> = Workflow.loop("endless", {}, () =>
  Effect.as(Effect.sleep("1 day"), Workflow.next()))
export const again: Workflow.Workflow<void, never, never, never> = Workflow.make("again", {}, () =>
  Effect.zipRight(Effect.sleep("1 day"), Workflow.continueAsNew()))
