import { connect, type Socket } from "node:net"
import { Client } from "@reprise/core"
import { MemoryLog } from "@reprise/testing"
import { Effect, Exit, Layer, ManagedRuntime } from "effect"
import { afterEach, describe, expect, it } from "vitest"
import * as Auth from "../src/auth/Auth.js"
import * as Server from "../src/Serve.js"
import { workerOn, WORKFLOWS } from "./served.js"

const layerOf = (options: Server.Serving) =>
  Server.layer({ port: 0, ...options }).pipe(
    Layer.provideMerge(workerOn(WORKFLOWS)),
    Layer.provideMerge(MemoryLog.layer(MemoryLog.makeStore()))
  )

const runtimes = new Set<{ readonly dispose: () => Promise<void> }>()
afterEach(async () => {
  for (const runtime of runtimes) await runtime.dispose()
  runtimes.clear()
})

const serve = async (options: Server.Serving = {}) => {
  const runtime = ManagedRuntime.make(layerOf(options))
  runtimes.add(runtime)
  return { runtime, ...(await runtime.runPromise(Server.Server)) }
}

const start = (url: string, body: object) =>
  fetch(`${url}/api/v1/runs`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })

/** Sends bytes as they are and collects what comes back until the other side hangs up. */
const speak = (port: number, text: string): { readonly socket: Socket; readonly heard: Promise<string> } => {
  const socket = connect(port, "127.0.0.1", () => socket.write(text))
  const heard = new Promise<string>((resolve) => {
    let all = ""
    socket.on("data", (chunk: Buffer) => (all += chunk.toString()))
    socket.on("error", () => resolve(all))
    socket.on("close", () => resolve(all))
  })
  return { socket, heard }
}

const ask = (path: string, headers: ReadonlyArray<string> = [], body = "", method = "GET") =>
  [`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", ...headers, "", body].join("\r\n")

describe("a server on a port", () => {
  it("answers as the app does, and says where it is", async () => {
    const { hostname, port, url } = await serve()
    expect([hostname, url]).toEqual(["127.0.0.1", `http://127.0.0.1:${port}`])
    const started = await start(url, { workflow: "greet", input: { name: "Ada" }, id: "a/b" })
    expect([started.status, await started.json()]).toEqual([202, { runId: "a/b", existed: false }])
    const result = await fetch(`${url}/api/v1/runs/a%2Fb/result?wait=20`)
    expect(await result.json()).toMatchObject({ output: "Hello, Ada" })
    expect((await fetch(`${url}/health/ready`, { method: "HEAD" })).status).toBe(200)
  })

  it("listens on this machine only, unless callers must say who they are", async () => {
    for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
      const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(layerOf({ hostname }))))
      expect(Exit.isFailure(exit) && String(exit.cause), hostname).toContain("it has no auth")
    }
    const guarded = await serve({ hostname: "0.0.0.0", auth: [Auth.keys] })
    expect((await fetch(`http://127.0.0.1:${guarded.port}/api/v1/runs`)).status).toBe(401)
  })

  it("says why it cannot listen", async () => {
    const { port } = await serve()
    const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(layerOf({ port }))))
    expect(Exit.isFailure(exit) && String(exit.cause)).toMatch(/ConfigurationInvalid|cannot listen on 127\.0\.0\.1/)
  })

  it("answers for its own hosts only", async () => {
    const { port } = await serve()
    const heard = await speak(port, `GET /api/v1/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`).heard
    expect(heard).toMatch(/^HTTP\/1\.1 421 [^]*"code":"HostRefused"/)
  })

  it("refuses what is no HTTP, and what is too large, with a problem", async () => {
    const { port } = await serve()
    expect(await speak(port, "HELLO\r\n\r\n").heard).toMatch(/^HTTP\/1\.1 400 [^]*"code":"RequestInvalid"/)
    const large = await speak(port, ask("/api/v1/runs", [`X-Large: ${"x".repeat(20_000)}`])).heard
    expect(large).toMatch(/^HTTP\/1\.1 431 [^]*"code":"HeadersTooLarge"/)
    const long = ["Content-Length: 3000000", "Content-Type: application/json"]
    expect(await speak(port, ask("/api/v1/runs", long, "{", "POST")).heard).toMatch(/^HTTP\/1\.1 413 /)
    expect(await speak(port, ask("/api/v1/runs/%00")).heard).toMatch(/^HTTP\/1\.1 404 /)
    const smuggled = ["Content-Length: 3", "Transfer-Encoding: chunked"]
    expect(await speak(port, ask("/api/v1/runs", smuggled, "0\r\n\r\n", "POST")).heard).toMatch(/^HTTP\/1\.1 400 /)
  })

  it("gives a request only so much time to arrive", async () => {
    const { port } = await serve({ headersMillis: 200, requestMillis: 200 })
    const slow = speak(port, ask("/api/v1/runs", ["Content-Length: 100", "Content-Type: application/json"], "{", "POST"))
    const never = speak(port, "GET /api/v1/runs HTTP/1.1\r\nHost:")
    expect(await slow.heard).toMatch(/^(HTTP\/1\.1 (408|400) [^]*)?$/)
    expect(await never.heard).toMatch(/^(HTTP\/1\.1 408 [^]*)?$/)
  })

  it("ends what it does for a caller who has gone", async () => {
    const { app, runtime, url } = await serve()
    await start(url, { workflow: "order", input: { total: 1 }, id: "r" })
    const gone = new AbortController()
    const waiting = fetch(`${url}/api/v1/runs/r/result?wait=60`, { signal: gone.signal }).catch(() => "gone")
    await expect.poll(async () => (await runtime.runPromise(Client.Client)).waiters.size).toBe(1)
    gone.abort()
    expect(await waiting).toBe("gone")
    await expect.poll(async () => (await runtime.runPromise(Client.Client)).waiters.size).toBe(0)
    await runtime.runPromise(app.drain)
  })
})

describe("a server that stops", () => {
  it("answers what it was asked, and lets nobody in any more", async () => {
    const { runtime, url } = await serve()
    await start(url, { workflow: "order", input: { total: 1 }, id: "r" })
    const waiting = fetch(`${url}/api/v1/runs/r/result?wait=60`)
    const client = await runtime.runPromise(Client.Client)
    await expect.poll(() => client.waiters.size).toBe(1)
    const stopped = runtime.dispose()
    await expect.poll(() => fetch(`${url}/health/live`).then(({ status }) => status, () => "refused")).toBe("refused")
    await Effect.runPromise(Effect.provideService(Client.terminate("r"), Client.Client, client))
    expect(await (await waiting).json()).toMatchObject({ status: "terminated" })
    await stopped
  })

  it("waits no longer than its grace", async () => {
    const { runtime, url } = await serve({ graceMillis: 100 })
    await start(url, { workflow: "order", input: { total: 1 }, id: "r" })
    const waiting = fetch(`${url}/api/v1/runs/r/result?wait=60`).then(({ status }) => status, () => "cut off")
    const client = await runtime.runPromise(Client.Client)
    await expect.poll(() => client.waiters.size).toBe(1)
    await runtime.dispose()
    expect(["cut off", 503]).toContain(await waiting)
  })

  it("ends its streams", async () => {
    const { runtime, url } = await serve()
    await start(url, { workflow: "order", input: { total: 1 }, id: "r" })
    const stream = await fetch(`${url}/api/v1/runs/r/events`, { headers: { accept: "text/event-stream" } })
    expect(stream.headers.get("content-type")).toBe("text/event-stream")
    await runtime.dispose()
    expect(await stream.text()).toContain("event: stopping")
  })
})
