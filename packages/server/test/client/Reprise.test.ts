import { PayloadInvalid, RunCancelled, RunExists, RunNotFound, RunTerminated, UpdateRejected } from "@reprise/core"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import type * as Model from "../../src/api/Model.js"
import { KeyUnknown } from "../../src/Errors.js"
import * as Reprise from "../../src/client/Reprise.js"
import { HOST, serve } from "../served.js"
import { Add, Approve, Checkout, Declined, Double, Full, Total, Walk, WORKFLOWS } from "./shop.js"

/** A client of a new app, and the requests that have reached it. */
const connected = async (around: (answer: Promise<Response>, request: Request) => Promise<Response> = (answer) => answer) => {
  const { app } = await serve({}, { workflows: WORKFLOWS })
  const requests: Array<string> = []
  const fetch = (request: Request): Promise<Response> => {
    requests.push(`${request.method} ${new URL(request.url).pathname}`)
    return around(app.fetch(request), request)
  }
  return { client: Reprise.connect({ url: HOST, fetch, retries: { baseMillis: 1 } }), requests, app }
}

const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then((value) => expect.fail(`answered ${JSON.stringify(value)}`), (error: unknown) => error)

const all = async <A>(items: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const found: Array<A> = []
  for await (const item of items) found.push(item)
  return found
}

const DAY = new Date("2026-01-31T12:00:00Z")
const EARLIER = new Date("2025-01-31T12:00:00Z")
const tagsOf = (events: ReadonlyArray<Model.RecordedEvent>) => events.map(({ event }) => event._tag)

describe("a run", () => {
  it("is started, asked, told and awaited with the values of its workflow", async () => {
    const { client } = await connected()
    const handle = await client.start(Checkout, { since: EARLIER }, { id: "a", key: "order-1", timeout: "1 day" })
    expect([handle.runId, handle.existed]).toEqual(["a", false])
    expect(await handle.update(Add, 3)).toBe(3)
    expect(await handle.updateOutcome(Add, 4)).toEqual(Either.right(7))
    expect(await handle.query(Total, 10)).toBe(70)
    await handle.signal(Approve, { at: DAY })
    expect(await handle.result()).toEqual(DAY)
    expect(await client.handle(Checkout, "a").outcome()).toEqual(Either.right(DAY))
    expect(await handle.describe()).toMatchObject({ runId: "a", workflow: "checkout", key: "order-1", status: "completed" })
  })

  it("fails with the error of its workflow", async () => {
    const { client } = await connected()
    const handle = await client.start(Checkout, { since: DAY })
    await handle.signal(Approve, { at: EARLIER })
    const error = await thrown(handle.result())
    expect(error).toBeInstanceOf(Declined)
    expect(error).toEqual(new Declined({ at: EARLIER }))
    expect(await handle.outcome()).toEqual(Either.left(new Declined({ at: EARLIER })))
  })

  it("is rejected with how else it ended", async () => {
    const { client } = await connected()
    const one = await client.start(Checkout, { since: DAY })
    await one.cancel({ reason: "too late" })
    const cancelled = await thrown(one.result())
    expect(cancelled).toBeInstanceOf(RunCancelled)
    expect(cancelled).toMatchObject({ runId: one.runId, reason: "too late" })
    const other = await client.start(Checkout, { since: DAY })
    await other.terminate()
    expect(Either.isLeft(await other.outcome())).toBe(true)
    expect(await thrown(other.result())).toBeInstanceOf(RunTerminated)
    expect(await thrown(client.handle(Checkout, "nobody").result())).toBeInstanceOf(RunNotFound)
  })

  it("refuses an update with its typed error, or before it is accepted", async () => {
    const { client } = await connected()
    const handle = await client.start(Checkout, { since: DAY })
    expect(await thrown(handle.update(Add, 101))).toEqual(new Full({ limit: 100 }))
    expect(await handle.updateOutcome(Add, 101)).toEqual(Either.left(new Full({ limit: 100 })))
    expect(await thrown(handle.update(Add, -1))).toBeInstanceOf(UpdateRejected)
  })

  it("is paused, and says why it does not go on", async () => {
    const { client } = await connected()
    const handle = await client.start(Checkout, { since: DAY })
    await handle.pause({ reason: "lunch" })
    await handle.signal(Approve, { at: DAY })
    expect((await handle.why()).paused).toMatchObject({ reason: "lunch" })
    await handle.resume()
    expect(await handle.result()).toEqual(DAY)
  })

  it("that ends at once is started and awaited by one request", async () => {
    const { client, requests } = await connected()
    expect(await client.execute(Double, 21)).toBe(42)
    expect(requests).toEqual(["POST /api/v1/runs"])
  })

  it("is started at an instant", async () => {
    const { client } = await connected()
    const startAt = new Date(Date.now() + 3_600_000)
    const handle = await client.start(Double, 1, { startAt })
    expect(await handle.describe()).toMatchObject({ status: "pending", startAt: startAt.getTime() })
  })

  it("is found by its key, and started with a signal", async () => {
    const { client } = await connected()
    const keyed = client.byKey(Checkout, "order-1")
    expect(await thrown(keyed.cancel())).toBeInstanceOf(KeyUnknown)
    const first = await client.start(Checkout, { since: EARLIER }, { key: "order-1" })
    await keyed.update(Add, 5)
    expect(await keyed.query(Total, 1)).toBe(5)
    const send = { message: Approve, payload: { at: DAY } }
    const second = await client.signalWithStart(Checkout, { since: EARLIER }, send, { key: "order-1" })
    expect([second.runId, second.existed]).toEqual([first.runId, true])
    expect(await first.result()).toEqual(DAY)
    const third = await client.signalWithStart(Checkout, { since: EARLIER }, send, { key: "order-1" })
    expect([third.existed, await third.result()]).toEqual([false, DAY])
  })
})

describe("what does not fit", () => {
  it("is not sent", async () => {
    const { client, requests } = await connected()
    const wrong = new Date(NaN)
    const handle = client.handle(Checkout, "a")
    for (const refused of [
      client.start(Checkout, { since: wrong }),
      client.signalWithStart(Checkout, { since: DAY }, { message: Approve, payload: { at: wrong } }),
      handle.signal(Approve, { at: wrong }),
      handle.query(Total, NaN),
      handle.update(Add, NaN)
    ]) expect(await thrown(refused)).toBeInstanceOf(PayloadInvalid)
    expect(requests).toEqual([])
  })

  it("is told when the run has ended as another workflow's", async () => {
    const { client } = await connected()
    const { runId } = await client.start(Double, 1)
    expect(await thrown(client.handle(Checkout, runId).result())).toBeInstanceOf(PayloadInvalid)
  })
})

describe("lists and streams", () => {
  it("runs are listed over all pages", async () => {
    const { client, requests } = await connected()
    const runIds: Array<string> = []
    for (let n = 0; n < 5; n++) runIds.unshift((await client.start(Walk, 0)).runId)
    await client.start(Double, 1)
    requests.length = 0
    const found = await all(client.list({ workflow: "walk", limit: 2, status: ["running", "completed"] }))
    expect(found.map(({ runId }) => runId)).toEqual(runIds)
    expect(requests).toHaveLength(3)
  })

  it("the events of a run end with it, and may begin after any", async () => {
    const { client } = await connected()
    const handle = await client.start(Walk, 2)
    const live = all(handle.events())
    await handle.signal(Approve, { at: DAY })
    const events = await live
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    expect(tagsOf(events).filter((tag) => tag === "StepCompleted")).toHaveLength(2)
    expect(tagsOf(events).at(-1)).toBe("RunCompleted")
    expect(await all(handle.events({ after: 3 }))).toEqual(events.slice(3))
    expect(await all(handle.events({ after: events.length }))).toEqual([])
  })

  it("what a run has logged is read until it has ended", async () => {
    const { client } = await connected()
    const handle = await client.start(Checkout, { since: EARLIER })
    const live = all(handle.logs())
    await handle.signal(Approve, { at: DAY })
    expect(await live).toMatchObject([{ runId: handle.runId, stepName: "charge", attempt: 1, level: "info", text: "charged" }])
  })

  it("the log lines of a step are asked for, and read until the run has ended", async () => {
    const line = { position: 7, runId: "a", stepName: "charge", attempt: 2, level: "warn", text: "declined", fields: { card: "visa" } }
    const told = `id: 7\ndata: ${JSON.stringify({ ...line, at: DAY.toISOString() })}\n\nevent: end\ndata: {}\n\n`
    const asked: Array<string> = []
    const { client } = await connected((_, { headers, url }) => {
      asked.push(`${new URL(url).pathname}${new URL(url).search} ${headers.get("accept")}`)
      return Promise.resolve(new Response(told, { headers: { "content-type": "text/event-stream" } }))
    })
    expect(await all(client.handle(Walk, "a").logs({ stepId: "0#1", attempt: 2, after: 3 }))).toEqual([{ ...line, at: DAY.getTime() }])
    expect(asked).toEqual(["/api/v1/runs/a/logs?after=3&stepId=0%231&attempt=2 text/event-stream"])
  })

  it("many runs are followed from now on", async () => {
    const { app, client } = await connected()
    await client.execute(Double, 1)
    const [began, hasBegun] = latch()
    const watching = Reprise.connect({
      url: HOST,
      fetch: async (request) => {
        const answer = await app.fetch(request)
        began()
        return answer
      }
    })
    const seen = (async () => {
      const found: Array<string> = []
      for await (const { event, runId } of watching.follow({ workflow: "double", type: ["RunCompleted"] }, { after: "end" })) {
        if (found.push(`${runId} ${event._tag}`) === 2) break
      }
      return found
    })()
    await hasBegun
    const runs = [await client.start(Double, 1, { id: "a" }), await client.start(Walk, 0), await client.start(Double, 2, { id: "b" })]
    await runs[1]!.terminate()
    expect(await seen).toEqual(["a RunCompleted", "b RunCompleted"])
  })

  it("are given up with the caller's reason", async () => {
    const { client } = await connected()
    const handle = await client.start(Walk, 1)
    const controller = new AbortController()
    const { signal: abortSignal } = controller
    const waiting = [all(handle.events({ abortSignal })), handle.result({ abortSignal }), all(client.follow({}, { abortSignal }))]
    for await (const { event } of handle.events()) if (event._tag === "StepCompleted") break
    controller.abort("enough")
    for (const promise of waiting) expect(await thrown(promise)).toBe("enough")
  })
})

describe("an answer that gets lost", () => {
  /** The server has acted, and the caller learns nothing of it. */
  const losing = () => {
    const lost = new Set<string>()
    return connected(async (answer, { method, url }) => {
      const response = await answer
      if (lost.has(`${method} ${url}`)) return response
      lost.add(`${method} ${url}`)
      throw new TypeError("fetch failed")
    })
  }

  it("makes no second run, and no second message", async () => {
    const { client, requests } = await losing()
    const handle = await client.start(Checkout, { since: EARLIER })
    expect(await handle.update(Add, 3)).toBe(3)
    expect(await handle.query(Total, 1)).toBe(3)
    await handle.signal(Approve, { at: DAY })
    expect(await handle.result()).toEqual(DAY)
    expect((await all(client.list())).map(({ runId }) => runId)).toEqual([handle.runId])
    const tags = tagsOf(await all(handle.events()))
    expect(["UpdateAccepted", "SignalReceived"].map((tag) => tags.filter((other) => other === tag).length)).toEqual([1, 1])
    expect(requests.filter((request) => request === "POST /api/v1/runs")).toHaveLength(2)
  })

  it("makes one run of a start with a signal, and one of a start with an id", async () => {
    const { client } = await losing()
    const send = { message: Approve, payload: { at: DAY } }
    expect(await (await client.signalWithStart(Checkout, { since: EARLIER }, send, { key: "k" })).result()).toEqual(DAY)
    const named = await client.start(Walk, 1, { id: "walk-1" })
    expect(named.runId).toBe("walk-1")
    expect(await all(client.list())).toHaveLength(2)
  })

  it("does not hide that an id is taken", async () => {
    const { client } = await connected()
    await client.start(Walk, 1, { id: "walk-1" })
    expect(await thrown(client.start(Walk, 1, { id: "walk-1" }))).toBeInstanceOf(RunExists)
    expect(await client.start(Walk, 1, { id: "walk-1", onConflict: "use_existing" })).toMatchObject({ runId: "walk-1", existed: true })
  })

  it("makes one run of starts with one idempotency key, by whomever", async () => {
    const { client } = await connected()
    const starts = await Promise.all(Array.from({ length: 10 }, () => client.start(Walk, 1, { idempotencyKey: "mail-7" })))
    expect(new Set(starts.map(({ runId }) => runId)).size).toBe(1)
    expect(starts.filter(({ existed }) => !existed)).toHaveLength(1)
  })
})

it("a result is asked for again when the wait was over before the run", async () => {
  let waits = 0
  const open = () => Response.json({ runId: "a", status: "running" }, { status: 202 })
  const { client } = await connected(async (answer, { url }) => (url.includes("/result?wait=") && waits++ < 2 ? open() : answer))
  expect(await (await client.start(Double, 2)).result()).toBe(4)
  expect(waits).toBe(3)
})

/** Something that happens once, and who waits for it. */
const latch = (): readonly [() => void, Promise<void>] => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return [() => open(), opened]
}
