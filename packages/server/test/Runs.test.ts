import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { describe, expect, it } from "vitest"
import { type Answer, type Asking, type Rig, serve, WORKFLOWS } from "./served.js"

const start = (rig: Rig, body: object, headers: Record<string, string> = {}) => rig.ask("POST", "/api/v1/runs", { body, headers })
const GREET = { workflow: "greet", input: { name: "Ada" } }
const ORDER = { workflow: "order", input: { total: 7 } }
const codeOf = ({ json, status }: Answer) => [status, json.code]

/** Without a worker: what is started stays pending. */
const withoutWorker = { engine: () => Worker.clientLayer({ workflows: WORKFLOWS }) }

describe("starting a run", () => {
  it("answers where it is, before it has ended", async () => {
    const rig = await serve()
    const { headers, json, status } = await start(rig, { ...GREET, id: "a/b" })
    expect([status, json]).toEqual([202, { runId: "a/b", existed: false }])
    expect(headers.get("location")).toBe("/api/v1/runs/a%2Fb")
    expect((await rig.ask("GET", headers.get("location")!)).json.workflow).toBe("greet")
  })

  it("checks the input by the schema of the workflow, and says where it does not fit", async () => {
    const answer = await start(await serve(), { workflow: "greet", input: { name: "Ada", times: 1.5 } })
    expect(codeOf(answer)).toEqual([422, "PayloadInvalid"])
    expect(answer.json.errors[0].path).toBe("body.input.times")
  })

  it("refuses what core refuses", async () => {
    const rig = await serve()
    await start(rig, { ...ORDER, id: "taken", key: "k" })
    expect(codeOf(await start(rig, { workflow: "gret" }))).toEqual([404, "WorkflowUnknown"])
    expect(codeOf(await start(rig, { ...GREET, id: "taken" }))).toEqual([409, "RunExists"])
    expect(codeOf(await start(rig, { ...ORDER, key: "k" }))).toEqual([409, "RunExists"])
    expect(codeOf(await start(rig, { ...GREET, id: "" }))).toEqual([422, "NameInvalid"])
    expect(codeOf(await start(rig, { ...GREET, id: "\ud800" }))).toEqual([422, "NameInvalid"])
    const large = await start(rig, { workflow: "anything", input: "x".repeat(1_048_577) })
    expect([codeOf(large), large.json.errors[0].path]).toEqual([[413, "PayloadTooLarge"], "body.input"])
    expect((await rig.ask("GET", "/api/v1/runs?total=true")).json.total).toBe(1)
  })

  it("uses or replaces the run that has the key, when it is told so", async () => {
    const rig = await serve()
    const first = (await start(rig, { ...ORDER, key: "k" })).json.runId
    expect((await start(rig, { ...ORDER, key: "k", onConflict: "use_existing" })).json).toEqual({ runId: first, existed: true })
    const second = await start(rig, { ...ORDER, key: "k", onConflict: "terminate_existing" })
    expect(second.json.existed).toBe(false)
    expect((await rig.ask("GET", `/api/v1/runs/${first}`)).json.status).toBe("terminated")
  })

  it("waits for the outcome as long as the caller prefers", async () => {
    const rig = await serve()
    const ended = await start(rig, { ...GREET, id: "r" }, { prefer: "respond-async, wait=20" })
    expect([ended.status, ended.headers.get("preference-applied")]).toEqual([200, "wait=20"])
    expect(ended.json).toEqual({ runId: "r", existed: false, outcome: { runId: "r", status: "completed", output: "Hello, Ada" } })
    const failed = await start(rig, { workflow: "fail" }, { prefer: "wait=20" })
    const failure = { _tag: "Error", error: { _tag: "OutOfStock", article: "lamp" } }
    expect(failed.json.outcome).toMatchObject({ status: "failed", failure })
    const open = await start(rig, { ...ORDER, id: "o" }, { prefer: "wait=0" })
    expect([open.status, open.json.outcome]).toEqual([202, { runId: "o", status: "running" }])
    const odd = await start(rig, GREET, { prefer: "wait=soon" })
    expect([odd.status, odd.headers.get("preference-applied")]).toEqual([202, null])
    expect((await start(rig, GREET, { prefer: "wait=100000" })).headers.get("preference-applied")).toBe("wait=60")
  })

  it("may bring a signal, which the run that is there gets otherwise", async () => {
    const rig = await serve()
    const body = { ...ORDER, key: "k", signal: { name: "approve", payload: { by: "Ada" } } }
    const ended = await start(rig, { ...body, id: "r" }, { prefer: "wait=20" })
    expect(ended.json.outcome).toEqual({ runId: "r", status: "completed", output: "approved by Ada" })
    await start(rig, { ...ORDER, key: "k", id: "s" })
    expect((await start(rig, body)).json).toEqual({ runId: "s", existed: true })
    expect((await rig.ask("GET", "/api/v1/runs/s/result?wait=20")).json.output).toBe("approved by Ada")
    const misfit = await start(rig, { ...ORDER, signal: { name: "approve", payload: { by: 1 } } })
    expect([codeOf(misfit), misfit.json.errors[0].path]).toEqual([[422, "PayloadInvalid"], "body.signal.payload.by"])
    expect(codeOf(await start(rig, { ...ORDER, signal: { name: "aprove" } }))).toEqual([404, "MessageUnknown"])
  })
})

describe("a start with an idempotency key", () => {
  const keyed = (rig: Rig, body: object, key = "k1") => start(rig, body, { "idempotency-key": key })

  it("is done once, however often it is sent", async () => {
    const rig = await serve()
    const answers = await Promise.all(Array.from({ length: 50 }, () => keyed(rig, ORDER)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    expect(new Set(answers.map(({ json }) => json.runId)).size).toBe(1)
    expect(answers.filter(({ json }) => !json.existed)).toHaveLength(1)
    expect((await rig.ask("GET", "/api/v1/runs?total=true")).json.total).toBe(1)
    expect(answers[0]!.json.runId).toMatch(/^idem_[0-9a-f]{32}$/)
  })

  it("of a run that has ended meanwhile, or is still to begin, answers that run", async () => {
    const rig = await serve()
    const first = await keyed(rig, GREET)
    await rig.ask("GET", `/api/v1/runs/${first.json.runId}/result?wait=20`)
    expect((await keyed(rig, GREET)).json).toEqual({ runId: first.json.runId, existed: true })
    const later = { ...ORDER, startAt: "2999-01-01T00:00:00Z", timeoutMillis: 5_000, key: "x" }
    const pending = await keyed(rig, later, "k2")
    expect(pending.json.existed).toBe(false)
    expect((await keyed(rig, later, "k2")).json).toEqual({ runId: pending.json.runId, existed: true })
  })

  it.each(["worker", "pending"])("is refused when it asks for something else (%s)", async (where) => {
    const rig = await serve({}, where === "worker" ? {} : withoutWorker)
    const body = { ...ORDER, key: "x", timeoutMillis: 60_000 }
    expect((await keyed(rig, body)).json.existed).toBe(false)
    const others = [
      { ...body, input: { total: 8 } },
      { ...body, key: "y" },
      { workflow: "order", input: { total: 7 }, timeoutMillis: 60_000 },
      { ...body, timeoutMillis: 60_001 },
      { ...ORDER, key: "x" },
      { ...body, startAt: "2999-01-01T00:00:00Z" },
      { ...GREET, key: "x", timeoutMillis: 60_000 }
    ]
    for (const other of others) expect(codeOf(await keyed(rig, other)), JSON.stringify(other)).toEqual([422, "IdempotencyKeyReused"])
    // The order of fields is no difference.
    expect((await keyed(rig, { timeoutMillis: 60_000, key: "x", input: { total: 7 }, workflow: "order" })).json.existed).toBe(true)
  })

  it("takes the id that it brings, and answers a run that has it only if it is the same", async () => {
    const rig = await serve()
    expect((await keyed(rig, { ...ORDER, id: "mine" }, "a")).json).toEqual({ runId: "mine", existed: false })
    expect((await keyed(rig, { ...ORDER, id: "mine" }, "b")).json).toEqual({ runId: "mine", existed: true })
    expect(codeOf(await keyed(rig, { ...ORDER, input: { total: 1 }, id: "mine" }, "b"))).toEqual([422, "IdempotencyKeyReused"])
    expect(codeOf(await start(rig, { ...ORDER, id: "mine" }))).toEqual([409, "RunExists"])
  })

  it("signals once, and replaces the holder of its key once", async () => {
    const rig = await serve()
    const signalled = { ...ORDER, key: "x", signal: { name: "approve", payload: { by: "Ada" } } }
    const [first] = [await keyed(rig, signalled)]
    await keyed(rig, signalled)
    const events = await rig.ask("GET", `/api/v1/runs/${first.json.runId}/events`)
    expect(events.json.items.filter(({ event }: any) => event._tag === "SignalReceived")).toHaveLength(1)
    const replacing = { ...ORDER, key: "y", onConflict: "terminate_existing" }
    await start(rig, { ...ORDER, key: "y", id: "old" })
    const replaced = await keyed(rig, replacing, "k2")
    expect((await keyed(rig, replacing, "k2")).json).toEqual({ runId: replaced.json.runId, existed: true })
    expect((await rig.ask("GET", `/api/v1/runs/${replaced.json.runId}`)).json.status).toBe("running")
  })

  it("has a key of printable characters", async () => {
    const rig = await serve()
    for (const key of ["", "é", "a\tb", "a".repeat(257)]) {
      expect(codeOf(await keyed(rig, GREET, key)), key).toEqual([400, "RequestInvalid"])
    }
    expect((await keyed(rig, GREET, "a".repeat(256))).status).toBe(202)
  })

  it("survives a restart of everything but the store", async () => {
    const store = MemoryLog.makeStore()
    const rig = await serve({}, { store })
    const first = await keyed(rig, GREET)
    await rig.close()
    expect((await keyed(await serve({}, { store }), GREET)).json).toEqual({ runId: first.json.runId, existed: true })
  })
})

describe("a list of runs", () => {
  const idsOf = ({ json }: Answer): ReadonlyArray<string> => json.items.map(({ runId }: { runId: string }) => runId)
  const list = (rig: Rig, query: Record<string, string> = {}) => rig.ask("GET", `/api/v1/runs?${new URLSearchParams(query)}`)

  const seven = async () => {
    const rig = await serve({}, withoutWorker)
    for (let i = 1; i <= 7; i++) await start(rig, { ...(i % 2 === 0 ? GREET : ORDER), id: `r${i}`, key: `k${i}` })
    return rig
  }

  it("is walked forth and back by its cursors", async () => {
    const rig = await seven()
    const first = await list(rig, { limit: "3" })
    expect([idsOf(first), first.json.prevCursor, first.json.total]).toEqual([["r7", "r6", "r5"], undefined, undefined])
    const second = await list(rig, { limit: "3", cursor: first.json.nextCursor })
    expect(idsOf(second)).toEqual(["r4", "r3", "r2"])
    const third = await list(rig, { limit: "3", cursor: second.json.nextCursor, total: "true" })
    expect([idsOf(third), third.json.nextCursor, third.json.total]).toEqual([["r1"], undefined, 7])
    const back = await list(rig, { limit: "3", cursor: third.json.prevCursor })
    expect(idsOf(back)).toEqual(["r4", "r3", "r2"])
    const front = await list(rig, { limit: "3", cursor: back.json.prevCursor })
    expect([idsOf(front), front.json.prevCursor]).toEqual([["r7", "r6", "r5"], undefined])
    expect(idsOf(await list(rig, { limit: "3", cursor: front.json.nextCursor }))).toEqual(["r4", "r3", "r2"])
  })

  it("shows what has come in between only on the pages before", async () => {
    const rig = await seven()
    const first = await list(rig, { limit: "3" })
    await start(rig, { ...ORDER, id: "new" })
    const second = await list(rig, { limit: "3", cursor: first.json.nextCursor })
    expect(idsOf(second)).toEqual(["r4", "r3", "r2"])
    const back = await list(rig, { limit: "3", cursor: second.json.prevCursor })
    expect(idsOf(back)).toEqual(["r7", "r6", "r5"])
    expect(idsOf(await list(rig, { limit: "3", cursor: back.json.prevCursor }))).toEqual(["new"])
  })

  it("is filtered", async () => {
    const rig = await seven()
    await rig.ask("POST", "/api/v1/runs/r3/terminate", { body: {} })
    expect(idsOf(await list(rig, { workflow: "greet" }))).toEqual(["r6", "r4", "r2"])
    expect(idsOf(await list(rig, { key: "k3" }))).toEqual(["r3"])
    expect(idsOf(await list(rig, { status: "completed" }))).toEqual([])
    expect(idsOf(await list(rig, { createdAfter: "2999-01-01T00:00:00Z" }))).toEqual([])
    expect(idsOf(await list(rig, { createdBefore: "2999-01-01T00:00:00+02:00", limit: "1" }))).toEqual(["r7"])
    expect((await rig.ask("GET", "/api/v1/runs?workflow=greet&total=true&limit=1")).json.total).toBe(3)
  })

  it("refuses cursors that are not its own", async () => {
    const rig = await seven()
    const { nextCursor } = (await list(rig, { limit: "3" })).json
    const forged = Buffer.from(JSON.stringify({ d: "next", r: "r4", f: "x" })).toString("base64url")
    for (const cursor of ["x", "", `${nextCursor.slice(0, -2)}AA`, forged, "bnVsbA", nextCursor.slice(4)]) {
      expect(codeOf(await list(rig, { limit: "3", cursor })), cursor).toEqual([400, "CursorInvalid"])
    }
    expect(codeOf(await list(rig, { cursor: nextCursor, workflow: "greet" }))).toEqual([400, "CursorInvalid"])
    // Another limit is the same list.
    expect(idsOf(await list(rig, { limit: "1", cursor: nextCursor }))).toEqual(["r4"])
  })
})

describe("reading a run", () => {
  it("tells it as it is now, and only when it has changed", async () => {
    const rig = await serve()
    await start(rig, { ...ORDER, id: "r", key: "k" })
    const read = (headers: Record<string, string> = {}): Promise<Answer> => rig.ask("GET", "/api/v1/runs/r", { headers } satisfies Asking)
    const first = await read()
    const order = { runId: "r", workflow: "order", version: "1", key: "k" }
    expect(first.json).toMatchObject({ ...order, status: "running", paused: false, warnings: [] })
    expect(first.json.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const etag = first.headers.get("etag")!
    expect(etag).toMatch(/^W\/"/)
    for (const known of [etag, `"x", ${etag}`, "*", etag.slice(2)]) {
      const same = await read({ "if-none-match": known })
      expect([same.status, same.text, same.headers.get("etag")], known).toEqual([304, "", etag])
    }
    await rig.ask("POST", "/api/v1/runs/r/signals/approve", { body: { payload: { by: "Ada" } } })
    await rig.ask("GET", "/api/v1/runs/r/result?wait=20")
    const changed = await read({ "if-none-match": etag })
    expect([changed.status, changed.json.status]).toEqual([200, "completed"])
    expect(codeOf(await rig.ask("GET", "/api/v1/runs/none"))).toEqual([404, "RunNotFound"])
  })

  it("tells how it ended, at once or when it does", async () => {
    const rig = await serve()
    await start(rig, { ...ORDER, id: "r" })
    const open = await rig.ask("GET", "/api/v1/runs/r/result")
    expect([open.status, open.json]).toEqual([202, { runId: "r", status: "running" }])
    const waiting = rig.ask("GET", "/api/v1/runs/r/result?wait=60")
    await rig.ask("POST", "/api/v1/runs/r/cancel", { body: { reason: "too dear" } })
    const ended = await waiting
    expect([ended.status, ended.json]).toEqual([200, { runId: "r", status: "cancelled", reason: "too dear" }])
    expect((await rig.ask("GET", "/api/v1/runs/r/result")).json).toEqual(ended.json)
    expect(codeOf(await rig.ask("GET", "/api/v1/runs/none/result?wait=60"))).toEqual([404, "RunNotFound"])
  })

  it("says what it waits for", async () => {
    const rig = await serve()
    await start(rig, { ...ORDER, id: "r", timeoutMillis: Number.MAX_SAFE_INTEGER - 2 ** 42 })
    const { json, status } = await rig.ask("GET", "/api/v1/runs/r/why")
    expect([status, json.waits[0].for]).toEqual([200, { _tag: "Signal", name: "approve" }])
    expect(json.timeoutAt).toBe("9999-12-31T23:59:59.999Z")
    expect(json.text).toContain("waits for signal \"approve\"")
    expect(codeOf(await rig.ask("GET", "/api/v1/runs/none/why"))).toEqual([404, "RunNotFound"])
  })

  it("stops waiting when its caller has gone", async () => {
    const rig = await serve()
    await start(rig, { ...ORDER, id: "r" })
    const gone = new AbortController()
    const waiting = rig.ask("GET", "/api/v1/runs/r/result?wait=60", { signal: gone.signal })
    gone.abort()
    expect((await waiting).status).toBe(503)
  })
})
