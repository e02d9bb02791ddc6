import { describe, expect, it } from "vitest"
import { type Rig, requestOf, serve } from "../served.js"
import * as Events from "./events.js"

const started = async (rig: Rig, body: object): Promise<string> => (await rig.ask("POST", "/api/v1/runs", { body })).json.runId

const events = (text: string) => {
  const reader = Events.reader(undefined)
  reader.take(new TextEncoder().encode(text))
  return reader
}

/** Reads until something is told of which `isIt` holds. */
const until = async (response: Response, isIt: (message: Events.Message) => boolean) => {
  const reading = Events.reader(undefined)
  const reader = response.body!.getReader()
  while (!reading.messages.some(isIt)) {
    const { done, value } = await reader.read()
    if (done) throw new Error("the stream is over")
    reading.take(value)
  }
  return { reading, reader }
}

const tagOf = ({ data }: Events.Message) => JSON.parse(data).event?._tag

describe("streams of an app", () => {
  it("tell one history in three forms", async () => {
    const rig = await serve()
    const runId = await started(rig, { workflow: "greet", input: { name: "Ada" } })
    await rig.ask("GET", `/api/v1/runs/${runId}/result?wait=10`)
    const path = `/api/v1/runs/${runId}/events`
    const page = await rig.ask("GET", path)
    expect([page.status, page.headers.get("vary")]).toEqual([200, "accept"])
    expect(page.json.items.at(-1)).toMatchObject({ runId, event: { _tag: "RunCompleted" } })
    const lines = await rig.app.fetch(requestOf("GET", path, { headers: { accept: "application/x-ndjson" } }))
    expect(lines.headers.get("content-type")).toBe("application/x-ndjson")
    expect((await lines.text()).trimEnd().split("\n").map((line) => JSON.parse(line))).toEqual(page.json.items)
    const sse = await rig.ask("GET", path, { headers: { accept: "text/event-stream" } })
    expect(sse.headers.get("content-type")).toBe("text/event-stream")
    const { lastId, messages } = events(sse.text)
    expect(messages.slice(0, -1).map(({ data }) => JSON.parse(data))).toEqual(page.json.items)
    const again = await rig.ask("GET", path, { headers: { accept: "text/event-stream", "last-event-id": lastId! } })
    expect([again.status, again.text]).toEqual([204, ""])
    const neither = await rig.ask("GET", path, { headers: { accept: "text/html" } })
    expect([neither.status, neither.json.code]).toEqual([406, "NotAcceptable"])
  })

  it("tell what comes, until the app is drained", async () => {
    const rig = await serve()
    const runId = await started(rig, { workflow: "order", input: { total: 5 } })
    const headers = { accept: "text/event-stream" }
    const response = await rig.app.fetch(requestOf("GET", "/api/v1/events?after=0&type=SignalReceived&type=RunCompleted", { headers }))
    await rig.ask("POST", `/api/v1/runs/${runId}/signals/approve`, { body: { payload: { by: "ada" } } })
    const { reader, reading } = await until(response, (message) => tagOf(message) === "RunCompleted")
    expect(reading.messages.map(tagOf)).toEqual(["SignalReceived", "RunCompleted"])
    const rest = reader.read()
    await rig.run(rig.app.drain)
    expect(new TextDecoder().decode((await rest).value)).toContain("event: stopping")
    expect((await reader.read()).done).toBe(true)
    expect((await rig.ask("GET", "/api/v1/events", { headers })).status).toBe(503)
  })

  it("are not opened for HEAD", async () => {
    const rig = await serve({ streamsMax: 1 })
    const headers = { accept: "text/event-stream" }
    for (let count = 0; count < 3; count++) {
      const head = await rig.ask("HEAD", "/api/v1/events", { headers })
      expect([head.status, head.text, head.headers.get("content-type")]).toEqual([200, "", "text/event-stream"])
    }
    const open = await rig.app.fetch(requestOf("GET", "/api/v1/events", { headers }))
    expect(await rig.ask("GET", "/api/v1/events", { headers })).toMatchObject({ status: 503, json: { code: "TooManyStreams" } })
    await open.body?.cancel()
    expect((await rig.ask("HEAD", "/api/v1/events", { headers })).status).toBe(200)
  })
})

describe("bulk jobs of an app", () => {
  it("are tried, begun and looked up; what does not fit a run's workflow is refused by that run", async () => {
    const rig = await serve()
    const runIds: Array<string> = []
    for (const total of [1, 2, 3]) runIds.push(await started(rig, { workflow: "order", input: { total } }))
    const filter = { workflow: "order" }
    const dry = await rig.ask("POST", "/api/v1/bulk", { body: { action: "cancel", filter, dryRun: true } })
    expect(dry).toMatchObject({ status: 200, json: { selectedCount: 3 } })
    expect(dry.json.sample.map((run: { readonly runId: string }) => run.runId)).toEqual(runIds.toReversed())
    const wrong = { action: "signal", signal: { name: "aprove", payload: { by: "ada" } }, filter }
    const refused = await ended(rig, await rig.ask("POST", "/api/v1/bulk", { body: wrong }))
    expect(refused).toMatchObject({ doneCount: 0, refusedCount: 3, refused: [{ code: "MessageUnknown" }, {}, {}] })
    const misfit = { action: "signal", signal: { name: "approve", payload: 7 }, runIds: runIds.slice(0, 1) }
    const unfit = await ended(rig, await rig.ask("POST", "/api/v1/bulk", { body: misfit }))
    expect(unfit).toMatchObject({ refused: [{ code: "PayloadInvalid" }] })
    const right = { action: "signal", signal: { name: "approve", payload: { by: "ada" } }, filter }
    expect(await ended(rig, await rig.ask("POST", "/api/v1/bulk", { body: right }))).toMatchObject({ doneCount: 3, refusedCount: 0 })
    for (const runId of runIds) {
      const result = await rig.ask("GET", `/api/v1/runs/${runId}/result?wait=10`)
      expect(result.json).toMatchObject({ status: "completed", output: "approved by ada" })
    }
    expect(await rig.ask("GET", "/api/v1/bulk/bulk_none")).toMatchObject({ status: 404, json: { code: "BulkJobUnknown" } })
  })
})

const ended = async (rig: Rig, answer: Awaited<ReturnType<Rig["ask"]>>) => {
  expect([answer.status, answer.headers.get("location")]).toEqual([202, `/api/v1/bulk/${answer.json.jobId}`])
  for (;;) {
    const { json } = await rig.ask("GET", answer.headers.get("location")!)
    if (json.state === "completed") return json
    await new Promise((resolve) => setImmediate(resolve))
  }
}
