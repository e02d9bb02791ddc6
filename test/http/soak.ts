/**
 * A server under mixed load for some minutes, to see what stays of it: heap, handles, lag of the event loop. By hand, on a
 * machine that does nothing else: `node --conditions=reprise-source --import tsx test/http/soak.ts [SECONDS] [CONNECTIONS]`.
 */
import { type ChildProcess, fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { Signal, Step, Workflow } from "@reprise/core"
import { Server } from "@reprise/server"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, ManagedRuntime, Schema } from "effect"

const SELF = fileURLToPath(import.meta.url)
const REPORT_MILLIS = 10_000

// ---- the server ----

const Go = Signal.make("go", { payload: Schema.Number })
const Quick = Workflow.make("quick", { input: Schema.Number }, (n) => Step.run("work", Effect.succeed(n + 1)))
const Waits = Workflow.make("waits", { messages: [Go] }, () => Go.receive)

interface Figures {
  readonly heapMb: number
  readonly rssMb: number
  readonly resources: Readonly<Record<string, number>>
  readonly lagP99Millis: number
  readonly lagMaxMillis: number
}

const counted = (names: ReadonlyArray<string>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const serve = async (filename: string): Promise<void> => {
  const engine = Layer.provideMerge(Worker.layer({ workflows: [Quick, Waits] }), Sqlite.layer({ filename }))
  const runtime = ManagedRuntime.make(Layer.provideMerge(Server.layer({ port: 0 }), engine))
  const { port } = await runtime.runPromise(Server.Server)
  const lag = monitorEventLoopDelay({ resolution: 10 })
  lag.enable()
  process.send?.({ port })
  process.on("message", () => {
    const [lagP99Millis, lagMaxMillis] = [lag.percentile(99), lag.max].map((nanos) => Math.round(nanos / 1e6))
    // What a collection costs is no lag of the server.
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    const [heapMb, rssMb] = [heapUsed, rss].map((bytes) => Math.round(bytes / 1e5) / 10)
    process.send?.({ heapMb, rssMb, resources: counted(process.getActiveResourcesInfo()), lagP99Millis, lagMaxMillis })
    lag.reset()
  })
  process.on("disconnect", () => process.exit(0))
}

// ---- the load ----

const counts = { asked: 0, streams: 0, bad: 0 }

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

const open = (port: number, method: string, path: string, headers: Record<string, string>, body?: object) =>
  new Promise<{ readonly sent: ClientRequest; readonly response: IncomingMessage }>((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const more = text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }
    const sent = request({ port, host: "127.0.0.1", agent, method, path, headers: { ...headers, ...more } }, (response) =>
      resolve({ sent, response }))
    sent.on("error", reject)
    sent.end(text)
  })

const ask = async (port: number, method: string, path: string, body?: object): Promise<any> => {
  const { response } = await open(port, method, path, {}, body)
  let text = ""
  for await (const chunk of response) text += chunk
  counts.asked += 1
  if ((response.statusCode ?? 500) >= 400) counts.bad += 1
  return text === "" ? undefined : JSON.parse(text)
}

/** Opened, read for a while, and left, in whichever state it is. */
const follow = async (port: number, path: string): Promise<void> => {
  const { response, sent } = await open(port, "GET", path, { accept: "text/event-stream" })
  counts.streams += 1
  response.on("error", () => {})
  response.resume()
  await sleep(Math.random() * 500)
  sent.destroy()
}

const turn = async (port: number, n: number): Promise<void> => {
  const draw = Math.random()
  if (draw < 0.4) await ask(port, "POST", "/api/v1/runs", { workflow: "quick", input: n })
  else if (draw < 0.5) await ask(port, "GET", "/api/v1/runs?limit=10&status=completed")
  else if (draw < 0.6) await follow(port, "/api/v1/events?after=end")
  else {
    const { runId } = await ask(port, "POST", "/api/v1/runs", { workflow: "waits" })
    const followed = draw < 0.8 ? follow(port, `/api/v1/runs/${runId}/events`) : Promise.resolve()
    await ask(port, "POST", `/api/v1/runs/${runId}/signals/go`, { payload: n })
    await ask(port, "GET", `/api/v1/runs/${runId}/result?wait=10`)
    await followed
  }
}

const said = (server: ChildProcess): Promise<any> => new Promise((resolve) => server.once("message", resolve))

const load = async (seconds: number, connections: number): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "reprise-soak-"))
  const server = fork(SELF, ["serve", join(folder, "store.db")], { execArgv: [...process.execArgv, "--expose-gc"] })
  const { port } = await said(server)
  const endAt = Date.now() + seconds * 1_000
  const lane = async (): Promise<void> => {
    for (let n = 0; Date.now() < endAt; n++) await turn(port, n)
  }
  const report = async (label: string): Promise<void> => {
    server.send("figures")
    const figures: Figures = await said(server)
    console.info(JSON.stringify({ at: label, ...counts, ...figures }))
  }
  const lanes = Promise.all(Array.from({ length: connections }, lane))
  for (let at = 0; Date.now() + REPORT_MILLIS <= endAt; at += REPORT_MILLIS) {
    await sleep(REPORT_MILLIS)
    await report(`${(at + REPORT_MILLIS) / 1_000} s`)
  }
  await lanes
  agent.destroy()
  await sleep(2_000)
  await report("after")
  server.disconnect()
  await new Promise((resolve) => server.once("exit", resolve))
  rmSync(folder, { recursive: true })
}

const [first = "180", second = "100"] = process.argv.slice(2)
await (first === "serve" ? serve(second) : load(Number(first), Number(second)))
