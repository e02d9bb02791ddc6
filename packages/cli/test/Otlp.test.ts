/** What a process sends to a collector, and what it costs when there is none. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Client, Step, Workflow } from "@reprise/core"
import { Figures } from "@reprise/server"
import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { ConfigProvider, Effect, Layer, Logger } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import * as Otlp from "../src/Otlp.js"

const Short = Workflow.make("sent", {}, () => Effect.zipRight(Effect.log("on its way"), Step.run("work", Effect.succeed(1))))

const servers = new Set<Server>()
afterEach(() => {
  for (const server of servers) server.close()
  servers.clear()
})

interface Received {
  readonly path: string
  readonly authorization: string | undefined
  readonly body: any
}

const listening = async (status: number) => {
  const received: Array<Received> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk) => chunks.push(chunk))
    request.on("end", () => {
      const { authorization } = request.headers
      received.push({ path: request.url ?? "", authorization, body: JSON.parse(Buffer.concat(chunks).toString()) })
      response.writeHead(status, { "content-type": "application/json" }).end("{}")
    })
  })
  servers.add(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return { received, server, endpoint: `http://127.0.0.1:${port}` }
}

/** Runs the workflow in a process with this environment. What is left to send is sent at its end. */
const ran = (environment: Record<string, string>) => {
  const logged: Array<string> = []
  const logger = Logger.replace(Logger.defaultLogger, Logger.map(Logger.logfmtLogger, (line) => void logged.push(line)))
  const engine = Layer.provideMerge(Worker.layer({ workflows: [Short] }), MemoryLog.layer(MemoryLog.makeStore()))
  const main = Effect.scoped(Effect.gen(function*() {
    const context = yield* Layer.build(engine)
    const figures = yield* Effect.provide(Figures.make, context)
    yield* Otlp.sampling(Effect.asVoid(figures.sample))
    yield* figures.sample
    return yield* Effect.provide(Client.execute(Short, undefined, { id: "run" }), context)
  }))
  const config = Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
  const layer = Otlp.layer.pipe(Layer.provideMerge(logger), Layer.provideMerge(config))
  return Effect.runPromise(Effect.provide(main, layer)).then((output) => ({ output, logged }))
}

const attributesOf = (attributes: ReadonlyArray<{ key: string; value: { stringValue?: string } }>) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]))

describe("a collector", () => {
  it("gets the spans of a run in one trace, metrics, and log lines", async () => {
    const { endpoint, received } = await listening(200)
    await ran({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20token, x = y",
      OTEL_SERVICE_NAME: "shop",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test"
    })
    expect(new Set(received.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer token"]))
    const of = (path: string) => received.filter((each) => each.path === path).map(({ body }) => body)
    const [{ resource }] = of("/v1/traces")[0].resourceSpans
    expect(attributesOf(resource.attributes)).toMatchObject({ "service.name": "shop", "deployment.environment": "test" })
    const spans = of("/v1/traces").flatMap((body) => body.resourceSpans[0].scopeSpans[0].spans)
    expect(spans.map(({ name }) => name).toSorted()).toEqual(["run sent", "step work"])
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    expect(spans[0].traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(spans.map(({ attributes }) => attributesOf(attributes)["reprise.run_id"])).toEqual(["run", "run"])
    const metrics = of("/v1/metrics").flatMap((body) => body.resourceMetrics[0].scopeMetrics[0].metrics)
    const named = new Set(metrics.map(({ name }) => name))
    const wanted = ["reprise_runs_closed_total", "reprise_step_attempt_duration_seconds", "reprise_build_info", "reprise_blocked_runs"]
    expect(wanted.filter((name) => !named.has(name))).toEqual([])
    const lines = of("/v1/logs").flatMap((body) => body.resourceLogs[0].scopeLogs[0].logRecords)
    expect(lines.map(({ body }) => body.stringValue)).toContain("on its way")
  })

  it("that is down costs a warning, and nothing else", async () => {
    const { endpoint, server } = await listening(200)
    await new Promise((resolve) => server.close(resolve))
    const begun = performance.now()
    const { logged } = await ran({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(logged.filter((line) => line.includes("telemetry is dropped"))).toHaveLength(1)
    expect(logged.find((line) => line.includes("telemetry is dropped"))).toContain("does not answer")
  })

  it("that refuses is told of", async () => {
    const { endpoint } = await listening(403)
    const { logged } = await ran({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
    expect(logged.filter((line) => line.includes("answers with 403"))).toHaveLength(1)
  })

  it("is not asked for unless the environment names it", async () => {
    const { endpoint, received } = await listening(200)
    const environments: ReadonlyArray<Record<string, string>> = [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: "nonsense" },
      { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: "true" }
    ]
    for (const environment of environments) await ran(environment)
    expect(received).toEqual([])
  })
})
