/** Signals from one run to another: delivered once, or refused for a reason that the sender sees. */
import { Effect, Schema } from "effect"
import { it } from "@effect/vitest"
import { describe, expect } from "vitest"
import { Child, Client, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Doubles, start, statusOf, survives } from "./families.js"

const Word = Signal.make("word", { payload: Schema.String })
const Hears = Workflow.make("hears", {}, () => Effect.zipLeft(Word.receive, Step.run("note", Effect.void)))

const outcomeOf = <E extends { readonly _tag: string }, R>(sent: Effect.Effect<void, E, R>) =>
  Effect.match(sent, {
    onSuccess: () => "delivered",
    onFailure: (error) => ("status" in error ? `${error._tag} ${error.status}` : error._tag)
  })

describe("a signal to another run", () => {
  survives(
    Workflow.make("is delivered once", {}, () =>
      Effect.gen(function*() {
        const child = yield* Child.start(Hears, undefined)
        yield* child.signal(Word, "hello")
        return yield* child.result
      })),
    "hello",
    {
      others: [Hears],
      leaves: [
        ({ histories }) => histories["p/0:0"]?.filter(({ _tag }) => _tag === "SignalReceived"),
        [expect.objectContaining({ by: "run p", messageId: "signal/p/0#1", payload: "hello" })]
      ]
    }
  )

  survives(
    Workflow.make("keeps its place among others of the same sender", {}, () =>
      Effect.gen(function*() {
        yield* Effect.forEach(["a", "b", "c"], (word) => Word.send("ear", word))
        yield* Effect.forEach(["d", "e"], (word) => Word.send("ear", word), { concurrency: "unbounded" })
      })),
    "abcde",
    {
      others: [
        Workflow.make("ear", {}, () => Effect.map(Effect.replicateEffect(Word.receive, 5), (words) => words.join("")))
      ],
      script: (world, workflow) =>
        Effect.gen(function*() {
          const ear = Workflow.make("ear", {}, () => Effect.succeed(""))
          const run = yield* world.start(ear, undefined, { id: "ear" })
          yield* world.execute(workflow, undefined, { id: "p" })
          return yield* world.runToEnd(run)
        })
    }
  )

  survives(
    Workflow.make("that is closed, pending, or none", {}, () =>
      Effect.gen(function*() {
        yield* Child.run(Doubles, 1, { id: "closed" })
        yield* Child.start(Doubles, 1, { id: "pending", delay: "1 day" })
        return yield* Effect.forEach(["closed", "pending", "none"], (id) => outcomeOf(Word.send(id, "?")))
      })),
    ["RunClosed completed", "delivered", "RunNotFound"]
  )

  survives(Workflow.make("that is itself", {}, () => Effect.zipRight(Word.send("p", "echo"), Word.receive)), "echo")

  survives(Workflow.make("that does not exist fails its sender, undeclared", {}, () => Word.send("nobody", "?")), "RunNotFound", {
    script: (world, workflow) => outcomeOf(world.execute(workflow, undefined, { id: "p" }))
  })

  survives(
    Workflow.make("goes out while the sender is being cancelled", {}, () =>
      Effect.onInterrupt(Effect.sleep("1 day"), () => Effect.orDie(Word.send("ear", "bye")))),
    ["bye", "cancelled"],
    {
      others: [Hears],
      script: (world, workflow) =>
        Effect.gen(function*() {
          const ear = yield* world.start(Hears, undefined, { id: "ear" })
          yield* start(world, workflow)
          yield* world.run(Client.cancel("p", { messageId: "m" }))
          return [yield* world.runToEnd(ear), yield* statusOf(world, "p")]
        })
    }
  )
})

describe("a message from outside", () => {
  for (const messageId of ["start", "started/0#0", "ended/0#0", "sent/0#0", "parent/p/0#0", "outcome/0#0/1", "signal/p/0#0"]) {
    it.scoped(`cannot take the place of a run's own ${messageId}`, () =>
      Effect.gen(function*() {
        const world = yield* World.make({ workflows: [Hears] })
        yield* world.start(Hears, undefined, { id: "ear" })
        const error = yield* Effect.flip(world.run(Client.signal("ear", Word, "?", { messageId })))
        expect(error).toMatchObject({ _tag: "NameInvalid", what: "message id", value: messageId })
      }))
  }
})
