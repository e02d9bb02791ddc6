import { createHash } from "node:crypto"
import { Client, Signal, Workflow } from "@reprise/core"
import { Errors, Log } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Effect, Layer, Schema } from "effect"
import { describe, expect, it } from "vitest"
import * as OpenApi from "../src/OpenApi.js"
import type { Any } from "../src/api/Route.js"
import { ROUTES } from "../src/api/Routes.js"
import { serve, workerOn, WORKFLOWS } from "./served.js"

describe("the OpenAPI document", () => {
  it("is valid, and made without a server", async () => {
    const { errors, valid } = await new Validator().validate(structuredClone({ ...OpenApi.document() }))
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
  })

  it("has every route, with its parameters, and an answer for every problem", () => {
    const { components, paths } = OpenApi.document() as any
    for (const [name, route] of Object.entries<Any>(ROUTES)) {
      const operation = paths[route.path][route.method.toLowerCase()]
      expect(operation.operationId).toBe(name)
      const inPath = (operation.parameters ?? []).filter((each: any) => each.in === "path").map((each: any) => each.name)
      expect(inPath).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter))
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining([route.status, ...route.also].map(String)))
      expect(operation.security).toEqual(route.access === "open" ? [] : undefined)
    }
    const references = [...JSON.stringify(paths).matchAll(/"#\/components\/(\w+)\/(\w+)"/g)]
    expect(references.length).toBeGreaterThan(100)
    for (const [, kind, name] of references) expect(components[kind!][name!], `${kind} ${name}`).toBeDefined()
  })

  it("is served, and so is a page that a strict policy lets pass", async () => {
    const rig = await serve()
    expect((await rig.ask("GET", "/openapi.json")).json).toEqual(OpenApi.document())
    const { headers, text } = await rig.ask("GET", "/docs")
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8")
    const policy = headers.get("content-security-policy")!
    const [, style = ""] = /<style>(.*?)<\/style>/s.exec(text) ?? []
    expect(policy).toContain(`'sha256-${createHash("sha256").update(style).digest("base64")}'`)
    expect(policy).not.toContain("unsafe")
    expect(text).not.toMatch(/<script|style="|src=|https?:\/\/(?!json-schema)/)
    for (const name of Object.keys(ROUTES)) expect(text).toContain(`id="${name}"`)
  })
})

const Hidden = Schema.declare((value): value is Map<string, string> => value instanceof Map)

describe("workflows", () => {
  it("are told with the JSON Schemas of what they take and answer", async () => {
    const rig = await serve()
    const { json } = await rig.ask("GET", "/api/v1/workflows")
    expect(json.items.map(({ name }: { name: string }) => name)).toEqual(WORKFLOWS.map(({ name }) => name))
    const order = (await rig.ask("GET", "/api/v1/workflows/order")).json
    expect(order).toEqual(json.items.find(({ name }: { name: string }) => name === "order"))
    const [version] = order.versions
    expect(version).toMatchObject({
      version: "1",
      declares: true,
      input: { type: "object", required: ["total"], properties: { total: { type: "number" } } },
      signals: [{ name: "approve", payload: { required: ["by"] } }],
      queries: [{ name: "state", output: { type: "string" } }],
      updates: [{ name: "rename", input: { required: ["to"] }, error: { $ref: "#/$defs/OutOfStock" } }]
    })
    expect(version.error).toBeUndefined()
    const { error } = (await rig.ask("GET", "/api/v1/workflows/fail")).json.versions[0]
    expect(Object.keys(error.$defs), "the errors of every workflow are left out").toEqual(["OutOfStock"])
    const unknown = await rig.ask("GET", "/api/v1/workflows/ordre")
    expect([unknown.status, unknown.json.code]).toEqual([404, "WorkflowUnknown"])
  })

  it("that have a schema without a JSON Schema are told without it", async () => {
    const messages = [Signal.make("s", { payload: Hidden })]
    const Odd = Workflow.make("odd", { input: Hidden, output: Schema.Number, messages }, () => Effect.succeed(1))
    const [version] = (await (await serve({}, { workflows: [Odd] })).ask("GET", "/api/v1/workflows/odd")).json.versions
    expect(version).toMatchObject({ output: { type: "number" }, signals: [{ name: "s" }] })
    expect([version.input, version.signals[0].payload]).toEqual([undefined, undefined])
  })

  it("have their versions in the order of registration", async () => {
    const versions = ["1", "2"].map((version) => Workflow.make("w", { version }, () => Effect.void))
    const { json } = await (await serve({}, { workflows: versions })).ask("GET", "/api/v1/workflows/w")
    expect(json.versions.map(({ version }: { version: string }) => version)).toEqual(["1", "2"])
  })
})

/** A store that fails to read, on demand. */
const failing = (broken: { is: boolean }) => (workflows: ReadonlyArray<Workflow.Any>) =>
  Layer.effect(
    Client.Client,
    Effect.map(Client.Client, (client) => {
      const refuse = Effect.fail(new Errors.LogError({ operation: "find runs", cause: new Error("/var/lib/secret.db is full") }))
      const find: Log.LogShape["find"] = (filter) => (broken.is ? refuse : client.log.find(filter))
      return { ...client, log: { ...client.log, find } }
    })
  ).pipe(Layer.provide(workerOn(workflows)))

describe("the server itself", () => {
  it("says what runs here, and that it lives", async () => {
    const rig = await serve()
    expect((await rig.ask("GET", "/api/v1/version")).json).toEqual({ reprise: "0.1.0", effect: expect.any(String), node: process.version })
    expect((await rig.ask("GET", "/health/live")).json.status).toBe("pass")
    const ready = await rig.ask("GET", "/health/ready")
    expect(ready.status).toBe(200)
    expect(ready.json.checks).toContainEqual(expect.objectContaining({ name: "store", status: "pass" }))
  })

  it("is not ready while its store fails; a request is told to come again, and nothing of the cause", async () => {
    const broken = { is: true }
    const rig = await serve({}, { engine: failing(broken), store: MemoryLog.makeStore() })
    const ready = await rig.ask("GET", "/health/ready")
    expect([ready.status, ready.json.status]).toEqual([503, "fail"])
    const list = await rig.ask("GET", "/api/v1/runs")
    expect([list.status, list.json.code, list.headers.get("retry-after")]).toEqual([503, "LogError", "1"])
    expect(`${list.text}${ready.text}`).not.toContain("secret.db")
    expect(rig.logged.join("\n")).toContain("secret.db")
    expect(rig.logged.some((line) => line.includes(list.json.requestId))).toBe(true)
    broken.is = false
    expect((await rig.ask("GET", "/health/ready")).status).toBe(200)
  })

  it("tells how many runs there are, and its metrics", async () => {
    const rig = await serve()
    await rig.ask("POST", "/api/v1/runs", { body: { workflow: "greet", input: { name: "Ada" } }, headers: { prefer: "wait=20" } })
    const { json } = await rig.ask("GET", "/api/v1/stats")
    expect(json.runs).toEqual([{ workflow: "greet", status: "completed", count: 1 }])
    expect(json.metrics.every(({ name, value }: any) => typeof name === "string" && typeof value === "number")).toBe(true)
    const { headers, text } = await rig.ask("GET", "/metrics")
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    for (const line of text.trimEnd().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-zA-Z_:]\w* .+|[a-zA-Z_:]\w*(\{(\w+="([^"\\]|\\.)*",?)*\})? (-?[\d.e+-]+|NaN|[+-]Inf))$/)
    }
  })
})

describe("a bug", () => {
  it("is told without its cause, which is logged under the id of the request", async () => {
    const engine = (workflows: ReadonlyArray<Workflow.Any>) =>
      Layer.effect(
        Client.Client,
        Effect.map(Client.Client, (client) => {
          const find = () => Effect.die(new TypeError("x is not a function"))
          return { ...client, log: { ...client.log, find } }
        })
      ).pipe(Layer.provide(workerOn(workflows)))
    const rig = await serve({}, { engine })
    const answer = await rig.ask("GET", "/api/v1/runs/r")
    expect([answer.status, answer.json.code]).toEqual([500, "InternalError"])
    expect(answer.text).not.toMatch(/not a function|\.ts|\bat .*:\d/)
    const line = rig.logged.find((logged) => logged.includes(answer.json.requestId))
    expect(line).toContain("x is not a function")
    expect(line).toContain("describeRun")
  })

  it("in an answer that does not fit its route, too", async () => {
    const engine = (workflows: ReadonlyArray<Workflow.Any>) =>
      Layer.effect(
        Client.Client,
        Effect.map(Client.Client, (client) => {
          const tally = () => Effect.succeed([{ wrong: true } as unknown as Log.Tally])
          return { ...client, log: { ...client.log, tally } }
        })
      ).pipe(Layer.provide(workerOn(workflows)))
    const answer = await (await serve({}, { engine })).ask("GET", "/api/v1/stats")
    expect([answer.status, answer.json.code]).toEqual([500, "InternalError"])
  })
})

describe("an app that stops", () => {
  it("answers what was asked before, and refuses what comes after", async () => {
    const rig = await serve()
    await rig.ask("POST", "/api/v1/runs", { body: { workflow: "order", input: { total: 1 }, id: "r" } })
    const waiting = rig.ask("GET", "/api/v1/runs/r/result?wait=60")
    const drained = Effect.runPromise(rig.app.drain)
    const late = await rig.ask("GET", "/api/v1/runs")
    expect([late.status, late.json.code, late.headers.get("retry-after")]).toEqual([503, "ServerStopping", "1"])
    expect((await rig.ask("GET", "/health/live")).status).toBe(200)
    await rig.run(Client.terminate("r"))
    expect((await waiting).json.status).toBe("terminated")
    await drained
  })
})
