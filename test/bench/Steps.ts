/** Workflows of trivial steps: what is measured is the engine, not the work. */
import { Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

const one = (i: number) => Step.run("step", Effect.succeed(i))

/** One step after another; answers the sum of 0 … count - 1. */
export const Sequential = Workflow.make("sequential", { input: Schema.Number }, (count) =>
  Effect.gen(function*() {
    let sum = 0
    for (let i = 0; i < count; i++) sum += yield* one(i)
    return sum
  }))

/** All steps at once; answers the same. */
export const Parallel = Workflow.make("parallel", { input: Schema.Number }, (count) =>
  Effect.map(
    Effect.all(Array.from({ length: count }, (_, i) => one(i)), { concurrency: "unbounded" }),
    (outputs) => outputs.reduce((a, b) => a + b, 0)
  ))

export const sumTo = (count: number): number => (count * (count - 1)) / 2

/** RunStarted, two for each step, RunCompleted. */
export const eventsOf = (steps: number): number => 2 * steps + 2
