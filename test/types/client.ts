/** What must compile with the client over HTTP: the counterpart of bad/. It is never run. */
import { Query, RunFailed, Signal, Update, Workflow } from "@reprise/core"
import { type Handle, Reprise, ROUTES } from "@reprise/server/client"
import { Effect, Either, Schema } from "effect"

class Declined extends Schema.TaggedError<Declined>()("Declined", { reason: Schema.String }) {}
class Full extends Schema.TaggedError<Full>()("Full", {}) {}

const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
const Wake = Signal.make("wake")
const Total = Query.make("total", { output: Schema.Number })
const Add = Update.make("add", { input: Schema.Number, output: Schema.Date, error: Full })
const Checkout = Workflow.make(
  "checkout",
  { input: Schema.Struct({ at: Schema.Date }), output: Schema.Number, error: Declined, messages: [Approve, Wake, Total, Add] },
  ({ at }) => at.getTime() > 0 ? Effect.succeed(1) : new Declined({ reason: "too early" })
)

const client = Reprise.connect({ url: "http://127.0.0.1:4300", apiKey: "rpr_id_secret" })

/** Inputs, outputs, payloads and answers have the types of the definitions; handles, those of their workflow. */
export const program = async (): Promise<string> => {
  const handle: Handle<number, Declined> = await client.start(Checkout, { at: new Date(0) }, { key: "a", timeout: "1 day" })
  await handle.signal(Approve, { by: "Ada" })
  await handle.signal(Wake, undefined)
  const total: number = await handle.query(Total, undefined)
  const added: Date = await handle.update(Add, total)
  const tried: Either.Either<Date, Full> = await handle.updateOutcome(Add, added.getTime())
  await client.byKey(Checkout, "a").cancel({ reason: Either.isLeft(tried) ? tried.left._tag : "enough" })
  await client.signalWithStart(Checkout, { at: added }, { message: Approve, payload: { by: "Bea" } })
  for await (const run of client.list({ status: ["running"], workflow: Checkout.name })) await client.handle(Checkout, run.runId).result()
  for await (const { event } of client.follow({ type: ["RunCompleted"] }, { after: "end" })) if (event._tag === "RunCompleted") break
  const { name } = await client.call(ROUTES.describeWorkflow, { params: { workflow: "checkout" } })
  return name
}

/** The errors of an outcome are the declared ones and the engine's, and no others. */
export const ended = (outcome: Either.Either<number, Declined | Workflow.EngineError>): string =>
  Either.match(outcome, {
    onRight: (output) => output.toFixed(2),
    onLeft: (error) => error._tag === "Declined" ? error.reason : error instanceof RunFailed ? error.detail : error._tag
  })
export const awaited = async (): Promise<string> => ended(await client.handle(Checkout, "run-1").outcome())
