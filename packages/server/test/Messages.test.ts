import { Awakeable, Workflow } from "@reprise/core"
import { Worker } from "@reprise/worker"
import { Effect, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { type Answer, Order, type Rig, serve, WORKFLOWS } from "./served.js"

const codeOf = ({ json, status }: Answer) => [status, json.code]
const RUN = "/api/v1/runs/r"
const KEY = "/api/v1/workflows/order/keys/k%2F1"

/** An order that waits, by its id and by its key. */
const ordered = async (options: Parameters<typeof serve>[1] = {}): Promise<Rig> => {
  const rig = await serve({}, options)
  const body = { workflow: "order", input: { total: 7 }, id: "r", key: "k/1" }
  expect((await rig.ask("POST", "/api/v1/runs", { body })).status).toBe(202)
  return rig
}

const post = (rig: Rig, path: string, body: object = {}, headers: Record<string, string> = {}) => rig.ask("POST", path, { body, headers })
const statusOf = async (rig: Rig) => (await rig.ask("GET", RUN)).json.status

describe.each([["by run", RUN], ["by key", KEY]])("a message %s", (_, at) => {
  it("is accepted when it is durable, and reaches the run", async () => {
    const rig = await ordered()
    const sent = await post(rig, `${at}/signals/approve`, { payload: { by: "Ada" }, messageId: "m1" })
    expect([sent.status, sent.json]).toEqual([202, { runId: "r", messageId: "m1" }])
    expect((await rig.ask("GET", `${RUN}/result?wait=20`)).json.output).toBe("approved by Ada")
  })

  it("is answered: a query by its output, an update by its output or its typed error", async () => {
    const rig = await ordered()
    expect((await post(rig, `${at}/queries/state`)).json).toEqual({ output: "order of 7" })
    const renamed = await post(rig, `${at}/updates/rename`, { input: { to: "gift" }, messageId: "u1" })
    expect([renamed.status, renamed.json]).toEqual([200, { status: "completed", output: "order of 7" }])
    // The same message is the same question.
    expect((await post(rig, `${at}/updates/rename`, { input: { to: "gift" }, messageId: "u1" })).json.output).toBe("order of 7")
    const failed = await post(rig, `${at}/updates/rename`, { input: { to: "lamp" } })
    expect(failed.json).toEqual({ status: "failed", error: { _tag: "OutOfStock", article: "lamp" } })
    expect(codeOf(await post(rig, `${at}/updates/rename`, { input: { to: "" } }))).toEqual([409, "UpdateRejected"])
    expect((await post(rig, `${at}/queries/state`, {})).json).toEqual({ output: "gift" })
  })

  it("is checked by the schema that the workflow declares", async () => {
    const rig = await ordered()
    const misfits = [
      ["signals/approve", { payload: { by: 1 } }, "body.payload.by"],
      ["updates/rename", { input: {} }, "body.input.to"]
    ] as const
    for (const [path, body, place] of misfits) {
      const answer = await post(rig, `${at}/${path}`, body)
      expect([codeOf(answer), answer.json.errors[0].path], path).toEqual([[422, "PayloadInvalid"], place])
    }
    for (const kind of ["signals", "queries", "updates"]) {
      expect(codeOf(await post(rig, `${at}/${kind}/nothing`)), kind).toEqual([404, "MessageUnknown"])
    }
    const large = await post(rig, `${at}/signals/approve`, { payload: { by: "x".repeat(1_048_577) } })
    expect(codeOf(large)).toEqual([413, "PayloadTooLarge"])
    expect(codeOf(await post(rig, `${at}/signals/approve`, { payload: { by: "x" }, messageId: "" }))).toEqual([422, "NameInvalid"])
    expect(codeOf(await post(rig, `${at}/cancel`, { reason: "x".repeat(2_001) }))).toEqual([422, "NameInvalid"])
  })

  it("pauses, resumes, cancels and terminates", async () => {
    const rig = await ordered()
    expect((await post(rig, `${at}/pause`, { reason: "look" })).status).toBe(202)
    await expect.poll(async () => (await rig.ask("GET", RUN)).json.paused).toBe(true)
    expect((await post(rig, `${at}/resume`)).status).toBe(202)
    await expect.poll(async () => (await rig.ask("GET", RUN)).json.paused).toBe(false)
    expect((await post(rig, `${at}/cancel`, { reason: "no" })).status).toBe(202)
    await expect.poll(() => statusOf(rig)).toBe("cancelled")
    const again = await ordered()
    expect((await post(again, `${at}/terminate`)).status).toBe(202)
    await expect.poll(() => statusOf(again)).toBe("terminated")
  })

  it("is sent only to a run that is as its sender has seen it", async () => {
    const rig = await ordered()
    const etag = (await rig.ask("GET", RUN)).headers.get("etag")!
    await post(rig, `${at}/pause`)
    await expect.poll(async () => (await rig.ask("GET", RUN)).json.paused).toBe(true)
    for (const path of ["signals/approve", "updates/rename", "cancel", "terminate", "pause", "resume"]) {
      const body = path.startsWith("sig") ? { payload: { by: "x" } } : path.startsWith("upd") ? { input: { to: "x" } } : {}
      expect(codeOf(await post(rig, `${at}/${path}`, body, { "if-match": etag })), path).toEqual([412, "PreconditionFailed"])
    }
    expect(await statusOf(rig)).toBe("running")
    const now = (await rig.ask("GET", RUN)).headers.get("etag")!
    expect((await post(rig, `${at}/resume`, {}, { "if-match": `"other", ${now}` })).status).toBe(202)
    expect((await post(rig, `${at}/cancel`, {}, { "if-match": "*" })).status).toBe(202)
  })
})

describe("a message to nobody", () => {
  it("by run: there is no such run, or it has ended", async () => {
    const rig = await ordered()
    await post(rig, `${RUN}/terminate`)
    await expect.poll(() => statusOf(rig)).toBe("terminated")
    for (const path of ["signals/approve", "cancel", "terminate", "pause", "resume"]) {
      const body = path.startsWith("sig") ? { payload: { by: "x" } } : {}
      expect(codeOf(await post(rig, `/api/v1/runs/none/${path}`, body)), path).toEqual([404, "RunNotFound"])
      expect(codeOf(await post(rig, `${RUN}/${path}`, body)), path).toEqual([409, "RunClosed"])
    }
    // What has ended can still be asked.
    expect((await post(rig, `${RUN}/queries/state`)).json).toEqual({ output: "order of 7" })
  })

  it("by key: no open run has it, or nobody knows the workflow", async () => {
    const rig = await ordered()
    await post(rig, `${RUN}/terminate`)
    await expect.poll(() => statusOf(rig)).toBe("terminated")
    expect(codeOf(await post(rig, `${KEY}/cancel`))).toEqual([404, "KeyUnknown"])
    expect(codeOf(await post(rig, "/api/v1/workflows/ordre/keys/k/cancel"))).toEqual([404, "WorkflowUnknown"])
  })

  it("a query needs a worker in the process", async () => {
    const rig = await ordered({ engine: () => Worker.clientLayer({ workflows: WORKFLOWS }) })
    expect(codeOf(await post(rig, `${RUN}/queries/state`))).toEqual([503, "WorkerMissing"])
  })
})

const Asking = Workflow.make("asking", {}, () =>
  Effect.gen(function*() {
    const answer = yield* Awakeable.make("answer", { value: Schema.Struct({ yes: Schema.Boolean }) })
    return (yield* answer.await).yes
  }))

describe("an awakeable", () => {
  it("is settled once, from outside, by its token", async () => {
    const rig = await serve({}, { workflows: [Asking] })
    await post(rig, "/api/v1/runs", { workflow: "asking", id: "r" })
    await expect.poll(async () => (await rig.ask("GET", `${RUN}/why`)).json.waits[0]?.for._tag).toBe("Awakeable")
    const { token } = (await rig.ask("GET", `${RUN}/why`)).json.waits[0].for
    const at = `/api/v1/awakeables/${encodeURIComponent(token)}`
    const misfit = await post(rig, `${at}/resolve`, { value: { yes: "maybe" } })
    expect([codeOf(misfit), misfit.json.errors[0].path]).toEqual([[422, "PayloadInvalid"], "body.value.yes"])
    const settled = await post(rig, `${at}/resolve`, { value: { yes: true } })
    expect([settled.status, settled.text]).toEqual([202, ""])
    expect((await rig.ask("GET", `${RUN}/result?wait=20`)).json.output).toBe(true)
    expect(codeOf(await post(rig, "/api/v1/awakeables/none/reject"))).toEqual([404, "AwakeableUnknown"])
  })
})

describe("a fork", () => {
  it("is a new run from an event of this one", async () => {
    const rig = await ordered()
    const forked = await post(rig, `${RUN}/fork`, { at: 1, id: "f", replace: [{ seq: 1, value: { total: 9 } }] })
    expect([forked.status, forked.json, forked.headers.get("location")]).toEqual([202, { runId: "f" }, "/api/v1/runs/f"])
    expect((await rig.ask("GET", "/api/v1/runs/f")).json.forkedFrom).toEqual({ runId: "r", seq: 1 })
    expect((await post(rig, "/api/v1/runs/f/queries/state")).json).toEqual({ output: "order of 9" })
    expect(codeOf(await post(rig, `${RUN}/fork`, { at: 99 }))).toEqual([422, "ForkInvalid"])
    expect(codeOf(await post(rig, `${RUN}/fork`, { at: 1, id: "f" }))).toEqual([409, "RunExists"])
    const misfit = await post(rig, `${RUN}/fork`, { at: 1, replace: [{ seq: 1, value: { total: "x" } }] })
    expect(misfit.status).toBe(422)
  })
})

describe("who sends", () => {
  it("is not recorded where nobody signs in", async () => {
    const rig = await ordered()
    await post(rig, `${RUN}/cancel`, { reason: "no" })
    const { json } = await rig.ask("GET", `${RUN}/result?wait=20`)
    expect(json).toEqual({ runId: "r", status: "cancelled", reason: "no" })
    expect(Order.name).toBe("order")
  })
})
