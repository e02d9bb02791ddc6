/**
 * Testing: a world has a store, a worker and a clock of its own, and time stands still until the test moves
 * it. Weeks pass in no time, services and steps are replaced, and a script is run again with a crash at
 * every append to the log. Use it from any test runner; here, the tests are plain Effects.
 *
 *   npm run example -- 14-testing
 */
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"
import { Context, Effect, Layer, Option, Schedule, type Scope } from "effect"
import { deepStrictEqual, strictEqual } from "node:assert"

class Mail extends Context.Tag("Mail")<Mail, { readonly send: (text: string) => Effect.Effect<void> }>() {}
const send = (text: string) => Effect.flatMap(Mail, (mail) => mail.send(text))

const Paid = Signal.make("paid")

const Invoice = Workflow.make("invoice", { messages: [Paid] }, () =>
  Effect.gen(function*() {
    yield* Step.run("send invoice", send("invoice"), { retry: Schedule.spaced("1 minute") })
    const paid = yield* Paid.receive.pipe(Effect.timeoutOption("14 days"))
    if (Option.isSome(paid)) return "paid"
    yield* Step.run("send reminder", send("reminder"))
    yield* Paid.receive
    return "paid late"
  }))

/** The outside world of a test: the mails that were sent. */
const sent: Array<string> = []
const options = () => ({
  workflows: [Invoice],
  services: Layer.succeed(Mail, { send: (text: string) => Effect.sync(() => void sent.push(text)) })
})

const remindsAfterTwoWeeks = Effect.gen(function*() {
  const world = yield* World.make(options())
  const run = yield* world.start(Invoice, undefined)
  yield* world.advance("13 days")
  deepStrictEqual(sent, ["invoice"])
  yield* world.advance("1 day")
  deepStrictEqual(sent, ["invoice", "reminder"])
  yield* world.run(Client.signal(run.runId, Paid, undefined))
  strictEqual(yield* world.runToEnd(run), "paid late")
})

const triesAgainWhenTheMailIsDown = Effect.gen(function*() {
  const world = yield* World.make(options())
  yield* world.mock("send invoice", ({ attempt }, body) => (attempt < 3 ? Effect.die("mail is down") : body))
  yield* world.start(Invoice, undefined)
  yield* world.advance("2 minutes")
  deepStrictEqual((yield* world.calls).map(({ attempt }) => attempt), [1, 2, 3])
})

/**
 * Runs once without a fault, then with a crash before and after each append; the outcome must be the same.
 */
const survivesEveryCrash = Crashes.everywhere(options, (world) =>
  Effect.gen(function*() {
    const run = yield* world.start(Invoice, undefined, { id: "invoice-1" })
    yield* world.advance("20 days")
    yield* world.run(Client.signal(run.runId, Paid, undefined, { messageId: "payment-1" }))
    return yield* world.runToEnd(run)
  }))

const tests: Record<string, Effect.Effect<unknown, unknown, Scope.Scope>> = {
  remindsAfterTwoWeeks,
  triesAgainWhenTheMailIsDown,
  survivesEveryCrash
}
for (const [name, test] of Object.entries(tests)) {
  sent.length = 0
  await Effect.runPromise(Effect.scoped(test))
  console.log(`ok  ${name}`)
}

/* output:
ok  remindsAfterTwoWeeks
ok  triesAgainWhenTheMailIsDown
ok  survivesEveryCrash
*/
