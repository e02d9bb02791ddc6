/**
 * What the torture tests run: orders with retries, a timer, parallel steps, a child, signals from several senders, and an
 * undo for those that are refused. Every body first of all says on a ledger outside the engine that it has begun.
 */
import { Child, Compensation, Signal, Step, Workflow } from "@reprise/core"
import { Effect, Schedule, Schema } from "effect"

export const Note = Signal.make("note", { payload: Schema.String })

export const Asked = Schema.Struct({
  /** How many notes the order waits for. */
  notes: Schema.Number,
  refused: Schema.Boolean,
  /** Characters that each step answers with. */
  weight: Schema.Number
})

export type Asked = typeof Asked.Type

/** Names of the steps of an order and of its part, and of the undo. */
export const UNDO = "undo reserve"

/** `begun` is told of each attempt, when its body begins. */
export const workflowsOn = (begun: (runId: string, step: string, attempt: number) => void) => {
  const did = (name: string) => Effect.map(Step.attempt, ({ attempt, runId }) => begun(runId, name, attempt))
  const step = (name: string, weight = 0) => Step.run(name, Effect.as(did(name), "x".repeat(weight)))
  const flaky = Effect.zipRight(
    did("charge"),
    Effect.flatMap(Step.attempt, ({ attempt }) => attempt < 2 ? Effect.fail("declined") : Effect.void)
  )

  const Part = Workflow.make("part", { input: Schema.Number }, (weight) =>
    Effect.gen(function*() {
      yield* step("cut", weight)
      yield* Effect.sleep("2 millis")
      yield* step("glue")
    }))

  const Order = Workflow.make("order", { input: Asked, error: Schema.String, messages: [Note] }, ({ notes, refused, weight }) =>
    Effect.gen(function*() {
      yield* Compensation.add("reserve", () => step(UNDO))
      yield* step("reserve", weight)
      yield* Step.run("charge", flaky, { retry: Schedule.spaced("3 millis").pipe(Schedule.compose(Schedule.recurs(3))) })
      yield* Effect.all([step("pack"), step("label", weight)], { concurrency: "unbounded" })
      yield* Child.run(Part, weight)
      const read: Array<string> = []
      while (read.length < notes) read.push(yield* Note.receive)
      yield* Effect.sleep("3 millis")
      if (refused) return yield* Effect.fail(`refused after ${read.length}`)
      yield* step("ship")
      return read
    }))

  return { Order, all: [Order, Part] }
}
