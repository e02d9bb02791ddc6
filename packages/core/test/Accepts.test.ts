/** What outsiders send is judged by the program's schemas before it is accepted. */
import { expect, it } from "@effect/vitest"
import { Awakeable, Client, Query, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Effect, Schema } from "effect"

const Token = Query.make("token", { output: Schema.String })

const Waits = Workflow.make("waits", {}, () =>
  Effect.gen(function*() {
    const answer = yield* Awakeable.make("answer", { value: Schema.Number, error: Schema.String })
    yield* Query.handle(Token, () => Effect.succeed(answer.token))
    return yield* answer.await.pipe(Effect.catchAll((why) => Effect.succeed(why)))
  }))

it.scoped("a settlement that does not fit is refused, and a fitting one is still taken", () =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Waits] })
    const run = yield* world.start(Waits, undefined)
    const token = yield* world.run(Client.query(run.runId, Token, undefined))
    const refused = yield* Effect.flip(world.run(Client.resolveAwakeable(token, "seven")))
    expect(refused._tag).toBe("PayloadInvalid")
    expect(refused.message).toContain("awakeable \"answer\"")
    expect((yield* Effect.flip(world.run(Client.rejectAwakeable(token, 7))))._tag).toBe("PayloadInvalid")
    yield* world.run(Client.resolveAwakeable(token, 7))
    expect(yield* world.runToEnd(run)).toBe(7)
  }))

const Asks = Workflow.make("asks", {}, () => Step.run("pay", Effect.succeed(1), { output: Schema.Number, onUnknown: "ask" }))

it.scoped("an operator's output that does not fit the step is refused", () =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Asks] })
    // The process dies when the body has run and its completion is on its way.
    yield* world.crashAt({ append: 2, moment: "before" })
    const run = yield* world.start(Asks, undefined)
    yield* world.idle
    const history = yield* world.history(run.runId)
    const asked = history.find((event) => event._tag === "StepAsked")
    const stepId = asked?._tag === "StepAsked" ? asked.id : "none"
    const complete = (output: number | string) =>
      world.run(Client.resolveStep(run.runId, stepId, { _tag: "Complete", output }))
    expect((yield* Effect.flip(complete("paid")))._tag).toBe("PayloadInvalid")
    yield* complete(42)
    expect(yield* world.runToEnd(run)).toBe(42)
  }))
