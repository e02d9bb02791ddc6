/** The workflow that the crash tests kill at every event: retries, timers, a race, parallel steps, a signal, an update. */
import { appendFileSync } from "node:fs"
import { Client, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Duration, Effect, Option, Random, Ref, Schedule, Schema } from "effect"

export const RUN_ID = "order-1"

export const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
export const SetAddress = Update.make("set address", { input: Schema.String, output: Schema.String })

/** One line for each time a body runs: what the world has seen. */
const did = (ledger: string, name: string) =>
  Effect.map(Step.attempt, ({ attempt }) => appendFileSync(ledger, `${name} ${attempt}\n`))

export const orderOn = (ledger: string) => {
  const step = (name: string) => Step.run(name, Effect.as(did(ledger, name), name))
  const flaky = Effect.zipRight(
    did(ledger, "charge"),
    Effect.flatMap(Step.attempt, ({ attempt }) => attempt < 3 ? Effect.fail("declined") : Effect.succeed(attempt))
  )
  const never = Effect.zipRight(did(ledger, "slow"), Effect.sleep("1 hour"))
  const options = { input: Schema.Number, error: Schema.String, messages: [Approve, SetAddress] }
  return Workflow.make("order", options, (amount) =>
    Effect.gen(function*() {
      const address = yield* Ref.make("")
      yield* Update.handle(SetAddress, {
        run: (text) =>
          Step.run("check address", Effect.as(did(ledger, "check address"), text.trim())).pipe(
            Effect.tap((checked) => Ref.set(address, checked))
          )
      })
      yield* step("reserve")
      const attempts = yield* Step.run("charge", flaky, {
        retry: Schedule.spaced("15 millis").pipe(Schedule.jittered, Schedule.compose(Schedule.recurs(5)))
      })
      yield* Effect.sleep("20 millis")
      const raced = yield* Step.run("slow", never).pipe(Effect.as("slow"), Effect.timeoutOption("25 millis"))
      const parts = yield* Effect.all([step("pack"), step("label"), step("invoice")], { concurrency: "unbounded" })
      const approval = yield* Approve.receive.pipe(Effect.timeoutOption("1 hour"))
      yield* Workflow.condition(Effect.map(Ref.get(address), (text) => text !== ""))
      const lucky = yield* Random.nextIntBetween(0, 1_000_000)
      yield* step("ship")
      return {
        amount,
        attempts,
        raced: Option.isSome(raced),
        parts,
        by: Option.match(approval, { onNone: () => "nobody", onSome: ({ by }) => by }),
        address: yield* Ref.get(address),
        lucky
      }
    }))
}

/** Waits until the history satisfies `reached`: then the run waits for what the outsider sends next. */
const until = (reached: (events: ReadonlyArray<Event.Event>) => boolean) =>
  Effect.gen(function*() {
    while (!reached(yield* Client.history(RUN_ID))) yield* Effect.sleep(Duration.millis(2))
  })

const count = (events: ReadonlyArray<Event.Event>, tag: Event.EventTag) => events.filter((event) => event._tag === tag).length

/** Everything that the outsider does, idempotent: after a crash it is simply done again. */
export const drive = (ledger: string) =>
  Effect.gen(function*() {
    const order = orderOn(ledger)
    const handle = yield* Client.start(order, 42, { id: RUN_ID, onConflict: "use_existing" })
    // The third timer bounds the wait for the approval.
    yield* until((events) => count(events, "TimerStarted") === 3)
    yield* Effect.ignore(Client.signal(RUN_ID, Approve, { by: "ann" }, { messageId: "approve-1" }))
    yield* until((events) => count(events, "SignalReceived") === 1)
    yield* Effect.ignore(Client.update(RUN_ID, SetAddress, " 1 Main St ", { messageId: "address-1" }))
    return yield* handle.result
  })
