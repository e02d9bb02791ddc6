/** What the server has said yes to is so, even if its process is killed the moment after. */
import { request } from "node:http"
import { afterAll, describe, expect, it } from "vitest"
import { ask, type Served, workshop } from "./Served.js"

const shop = workshop()
afterAll(() => shop.close())

const KILLS = 200
/** Stores with their servers, side by side. */
const LANES = 2

/** Sends a signal; calls back in the very moment in which the head of the answer is read. */
const signal = (url: string, n: number, onAnswer: (status: number | undefined) => void): Promise<void> =>
  new Promise((done) => {
    const headers = { "content-type": "application/json" }
    const asking = request(`${url}/api/v1/runs/one/signals/tick`, { method: "POST", headers }, (answer) => {
      onAnswer(answer.statusCode)
      answer.on("error", () => {}).on("close", done).resume()
    })
    asking.on("error", () => done())
    asking.end(JSON.stringify({ payload: n, messageId: `tick-${n}` }))
  })

/** A message that waits in an inbox gets into the history in milliseconds, or never. */
const PATIENCE_MILLIS = 20_000

interface Told {
  readonly _tag: string
  readonly payload?: number
}

/** Payloads of the signals in the run's history, as soon as `last` is among them. */
const received = async ({ url }: Served, last: number): Promise<ReadonlyArray<number | undefined>> => {
  const found: Array<number | undefined> = []
  const path = `/api/v1/runs/one/events?follow=true`
  const answer = await fetch(url + path, { headers: { accept: "application/x-ndjson" }, signal: AbortSignal.timeout(PATIENCE_MILLIS) })
  let rest = ""
  try {
    for await (const text of answer.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n")
      rest = lines.pop() ?? ""
      const events = lines.filter((line) => line !== "").map((line): Told => JSON.parse(line).event)
      found.push(...events.filter(({ _tag }) => _tag === "SignalReceived").map(({ payload }) => payload))
      if (found.includes(last)) break
    }
  } catch (error) {
    // It did not come; what did is for the caller to compare.
    if (!(error instanceof DOMException)) throw error
  }
  return found
}

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

/**
 * One life after the other on one store: each looks for what was acknowledged in those before it, and dies of its
 * own answer. Answers what is in the history at the end.
 */
const lane = async (name: string, kills: number) => {
  for (let n = 0; n < kills; n++) {
    const server = await shop.serve(name)
    if (n === 0) expect((await ask(server.url, "/api/v1/runs", { workflow: "collect", id: "one" })).status).toBe(202)
    else expect(await received(server, n - 1)).toEqual(upTo(n))
    let status: number | undefined
    let gone: Promise<void> | undefined
    await signal(server.url, n, (answered) => {
      gone = server.kill()
      status = answered
    })
    expect(status).toBe(202)
    await gone
  }
  const last = await shop.serve(name)
  const all = await received(last, kills - 1)
  await last.kill()
  return all
}

describe("killed at its answer", () => {
  it(`has the signal in its history once, ${KILLS} times`, { timeout: 600_000 }, async () => {
    const lanes = Array.from({ length: LANES }, (_, index) => lane(`lane-${index}`, KILLS / LANES))
    for (const all of await Promise.all(lanes)) expect(all).toEqual(upTo(KILLS / LANES))
  })
})

describe("a start with an Idempotency-Key", () => {
  it("makes one run, when it is sent 50 times at once, and again after a kill", async () => {
    const first = await shop.serve("keyed")
    const start = ({ url }: Served) =>
      ask(url, "/api/v1/runs", { workflow: "order", input: { item: "lamps", count: 1 } }, { "idempotency-key": "one" })
    const answers = await Promise.all(Array.from({ length: 50 }, () => start(first)))
    const [one] = answers
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    expect(new Set(answers.map(({ json }) => json.runId)).size).toBe(1)
    expect(answers.filter(({ json }) => !json.existed).length).toBe(1)
    await first.kill()
    const second = await shop.serve("keyed")
    expect((await start(second)).json).toEqual({ runId: one?.json.runId, existed: true })
    expect((await ask(second.url, "/api/v1/runs?total=true")).json).toMatchObject({ total: 1, items: [{ runId: one?.json.runId }] })
  })
})
