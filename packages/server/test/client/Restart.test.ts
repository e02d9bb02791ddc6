/** A client of a server on a port, which is stopped and started again on the same file while somebody waits. */
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Logger, LogLevel, ManagedRuntime } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import type * as Model from "../../src/api/Model.js"
import { ServerUnreachable } from "../../src/client/Errors.js"
import * as Reprise from "../../src/client/Reprise.js"
import * as Server from "../../src/Serve.js"
import { Approve, Double, Walk, WORKFLOWS } from "./shop.js"

let folder = ""
const open = new Set<() => Promise<void>>()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "reprise-restart-"))
})
afterEach(async () => {
  for (const stop of open) await stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A process's life: store, worker and server. */
const serve = async (port: number) => {
  const live = Server.layer({ port, graceMillis: 1_000 }).pipe(
    Layer.provide(Worker.layer({ workflows: WORKFLOWS })),
    Layer.provide(Sqlite.layer({ filename: join(folder, "restart.db") })),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None))
  )
  const runtime = ManagedRuntime.make(live)
  const { port: bound, url } = await runtime.runPromise(Effect.map(Server.Server, (server) => server))
  const stop = async () => {
    open.delete(stop)
    await runtime.dispose()
  }
  open.add(stop)
  return { port: bound, url, stop }
}

const DAY = new Date("2026-01-31T12:00:00Z")

it("results and streams outlast restarts", async () => {
  const first = await serve(0)
  const client = Reprise.connect({ url: first.url, retries: { baseMillis: 10, pauseMillisMax: 100 } })
  const handle = await client.start(Walk, 3, { id: "walk-1" })
  const result = handle.result()
  const seen: Array<Model.RecordedEvent> = []
  const followed: Array<number> = []
  const reading = (async () => {
    for await (const event of handle.events()) seen.push(event)
  })()
  const following = (async () => {
    for await (const { event, position, runId } of client.follow()) {
      followed.push(position ?? 0)
      if (runId === "walk-1" && event._tag === "RunCompleted") break
    }
  })()
  for await (const { event } of handle.events()) if (event._tag === "StepCompleted") break

  await first.stop()
  const second = await serve(first.port)
  await client.execute(Double, 1)
  await second.stop()
  await serve(first.port)
  await handle.signal(Approve, { at: DAY })

  expect(await result).toBe(undefined)
  await Promise.all([reading, following])
  const last = (await handle.describe()).eventCount
  expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, index) => index + 1))
  const whole: Array<number> = []
  for await (const { event, position, runId } of client.follow()) {
    whole.push(position ?? 0)
    if (runId === "walk-1" && event._tag === "RunCompleted") break
  }
  expect(followed).toEqual(whole)
})

it("a server that stays away is told as such", async () => {
  const { stop, url } = await serve(0)
  const client = Reprise.connect({ url, retries: { baseMillis: 1, countMax: 2, waitCountMax: 3 } })
  const handle = await client.start(Walk, 1)
  const ended = handle.result().catch((error: unknown) => error)
  await stop()
  expect(await ended).toMatchObject({ _tag: "ServerUnreachable", tryCount: 4 })
  const refused = await handle.describe().catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(ServerUnreachable)
  expect(String(refused)).toContain("ECONNREFUSED")
})
