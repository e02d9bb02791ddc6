/**
 * An agent: a model plans, a human approves, the agent acts, until the goal is reached. Plan and act are steps, so a crash
 * pays for no token twice; the human answers by a signal, in a minute or in a month. What the agent remembers and what it
 * may still spend is the state of the loop; a rejection with its comment is part of the next plan.
 *
 *   npm run example -- 25-agent
 */
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Context, Effect, Layer, Option, Queue, Schedule, Schema } from "effect"

type Plan = { readonly action: string; readonly tokens: number; readonly isLast: boolean }
class Model extends Context.Tag("Model")<Model, { readonly plan: (memory: ReadonlyArray<string>) => Effect.Effect<Plan> }>() {}
class Desk extends Context.Tag("Desk")<Desk, { readonly put: (question: string) => Effect.Effect<void> }>() {}

const Verdict = Signal.make("verdict", { payload: Schema.Struct({ approved: Schema.Boolean, comment: Schema.String }) })
const Budget = Signal.make("budget", { payload: Schema.Number })
const State = Schema.Struct({ memory: Schema.Array(Schema.String), tokensLeft: Schema.Number })

const ask = (question: string) => Step.run("ask", Effect.flatMap(Desk, (desk) => desk.put(question)))

const Agent = Workflow.loop("agent", { input: State, messages: [Verdict, Budget] }, ({ memory, tokensLeft }) =>
  Effect.gen(function*() {
    if (tokensLeft <= 0) {
      yield* ask("more tokens?")
      const more = yield* Budget.receive.pipe(Effect.timeoutOption("7 days"))
      if (Option.isNone(more)) return Workflow.done("given up: the budget is used up")
      return Workflow.next({ memory, tokensLeft: more.value })
    }
    const plan = yield* Step.run("plan", Effect.flatMap(Model, (model) => model.plan(memory)), {
      retry: Schedule.exponential("1 second").pipe(Schedule.upTo("1 hour"))
    })
    const learned = (line: string) => ({ memory: [...memory, line], tokensLeft: tokensLeft - plan.tokens })
    yield* ask(`${plan.action}?`)
    const { approved, comment } = yield* Verdict.receive
    if (!approved) return Workflow.next(learned(`rejected, ${comment}: ${plan.action}`))
    yield* Step.run("act", Effect.sync(() => console.log(`agent: I ${plan.action}`)))
    return plan.isLast ? Workflow.done("reached the goal") : Workflow.next(learned(`done: ${plan.action}`))
  }))

/** A model that says the same whenever it remembers the same. */
const plan = (memory: ReadonlyArray<string>): Plan => {
  if (memory.some((line) => line.startsWith("done: book"))) return { action: "send the ticket to Ada", tokens: 300, isLast: true }
  const seat = memory.some((line) => line.includes("too expensive")) ? "second" : "first"
  return { action: `book a seat in ${seat} class`, tokens: 400, isLast: false }
}

/** The human, who reads what is on the desk. */
const answer = (runId: string, question: string) => {
  console.log(`agent: ${question}`)
  if (question === "more tokens?") return Client.signal(runId, Budget, 1_000)
  const approved = !question.includes("first class")
  return Client.signal(runId, Verdict, { approved, comment: approved ? "" : "too expensive" })
}

const main = Effect.gen(function*() {
  const desk = yield* Queue.unbounded<string>()
  const human = Layer.succeed(Desk, { put: (question) => Effect.asVoid(desk.offer(question)) })
  const model = Layer.succeed(Model, { plan: (memory) => Effect.succeed(plan(memory)) })
  const Live = Worker.layer({ workflows: [Agent] }).pipe(Layer.provide([human, model, Sqlite.layer({ filename: "25-agent.db" })]))
  yield* Effect.gen(function*() {
    const run = yield* Client.start(Agent, { memory: [], tokensLeft: 700 })
    yield* Effect.fork(Effect.forever(Effect.flatMap(desk.take, (question) => answer(run.runId, question))))
    console.log(`agent: I have ${yield* run.result}`)
  }).pipe(Effect.provide(Live))
})

await Effect.runPromise(main)

/* output:
agent: book a seat in first class?
agent: book a seat in second class?
agent: I book a seat in second class
agent: more tokens?
agent: send the ticket to Ada?
agent: I send the ticket to Ada
agent: I have reached the goal
*/
