/**
 * A server in this process, and what anybody sees of it who has nothing but HTTP. The workflow is in the folder beside this
 * file; `npx reprise dev examples/15-server/order.ts` serves it, too.
 *
 *   npm run example -- 15-server
 */
import { Server } from "@reprise/server"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Logger } from "effect"
import { workflows } from "./15-server/order.js"

const Live = Server.layer({ port: 0 }).pipe(
  Layer.provide(Worker.layer({ workflows })),
  Layer.provide(Sqlite.layer({ filename: "15-server.db" })),
  Layer.provide(Logger.remove(Logger.defaultLogger))
)

const program = async (url: string): Promise<void> => {
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${url}/api/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body)
    })

  const read = async (answer: Response) => JSON.parse(await answer.text())

  // A request that may be repeated has a key, and is done once.
  const order = { workflow: "order", input: { item: "lamp", packingSeconds: 0.1 } }
  const first = await post("/runs", order, { "idempotency-key": "basket-7" })
  const second = await post("/runs", order, { "idempotency-key": "basket-7" })
  const { runId } = await read(first)
  console.log(first.status, "again:", (await read(second)).runId === runId)

  // What does not fit the workflow's schema is told with its place.
  const refused = await post("/runs", { ...order, input: { item: "lamp" } })
  const { code, errors } = await read(refused)
  console.log(refused.status, refused.headers.get("content-type"), code, errors[0].path)

  // The history as it comes, a line of JSON for each event, until the run has ended.
  const history = await fetch(`${url}/api/v1/runs/${runId}/events?follow=true`, { headers: { accept: "application/x-ndjson" } })

  // 202: it is on disk.
  console.log((await post(`/runs/${runId}/signals/pay`, { payload: { by: "Ada" } })).status)

  const result = await fetch(`${url}/api/v1/runs/${runId}/result?wait=30`)
  const { output, status } = await read(result)
  console.log(result.status, status, output)

  const lines = (await history.text()).split("\n").filter((line) => line !== "")
  for (const line of lines) console.log(JSON.parse(line).seq, JSON.parse(line).event._tag)
}

await Effect.runPromise(
  Effect.flatMap(Server.Server, ({ url }) => Effect.promise(() => program(url))).pipe(Effect.provide(Live))
)

/* output:
202 again: true
422 application/problem+json PayloadInvalid body.input.packingSeconds
202
200 completed a lamp for Ada
1 RunStarted
2 StepScheduled
…
9 RunCompleted
*/
