/** What a process exports, against the table of the guide, and by Prometheus' own checker. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client, Step, Workflow } from "@reprise/core"
import { App, Auth } from "@reprise/server"
import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Logger, Metric } from "effect"
import { beforeAll, describe, expect, it } from "vitest"

const GUIDE = readFileSync(new URL("../../docs/guide/metrics.md", import.meta.url), "utf8")

const Fine = Workflow.make("fine", {}, () => Step.run("work", Metric.increment(Metric.counter("orders")).pipe(Effect.asVoid)))
const Sleeps = Workflow.make("sleeps", {}, () => Effect.sleep("1 milli"))
const Blocks = Workflow.make("blocks", {}, () => Effect.die(new TypeError("oops")))
const Long = Workflow.make("long", {}, () => Effect.forEach([1, 2, 3], (n) => Step.run("turn", Effect.succeed(n)), { discard: true }))

/** A process that has done something of everything. */
const text: Effect.Effect<string> = Effect.scoped(Effect.gen(function*() {
  const worker = Worker.layer({ workflows: [Fine, Sleeps, Blocks, Long], limits: { historyEventsWarn: 3 } })
  const context = yield* Layer.build(Layer.provideMerge(worker, MemoryLog.layer(MemoryLog.makeStore())))
  const app = yield* Effect.provide(App.make(), context)
  for (const workflow of [Fine, Sleeps, Long]) yield* Effect.provide(Client.execute(workflow, undefined), context)
  yield* Effect.provide(Client.start(Blocks, undefined), context)
  const ask = (path: string, init: RequestInit = {}) => Effect.promise(() => app.fetch(new Request(`http://127.0.0.1${path}`, init)))
  yield* ask("/api/v1/runs")
  yield* ask("/nowhere", { method: "BREW" })
  const guarded = yield* Effect.provide(App.make({ auth: [Auth.keys] }), context)
  yield* Effect.promise(() => guarded.fetch(new Request("http://127.0.0.1/api/v1/runs")))
  return yield* Effect.promise(async () => (await app.fetch(new Request("http://127.0.0.1/metrics"))).text())
})).pipe(Effect.orDie, Effect.provide(Logger.remove(Logger.defaultLogger)))

/** What promtool complains of. The checks of Linux builds have it; elsewhere it may be missing, and then there is nobody to ask. */
const promtool = (args: ReadonlyArray<string>, input: string): string => {
  const { error, status, stderr, stdout } = spawnSync("promtool", args, { input, encoding: "utf8" })
  if (error !== undefined) {
    const isExpected = process.platform === "linux" && process.env["CI"] !== undefined
    expect(isExpected, "promtool is missing. On Debian: apt-get install --no-install-recommends prometheus").toBe(false)
    return ""
  }
  return status === 0 ? stderr.trim() : `${stdout}${stderr}`.trim() || `it ended with ${status}`
}

const rowsOf = (guide: string) =>
  [...guide.matchAll(/^\| `([a-z_0-9]+)` \| (gauge|counter|histogram) \| ([^|]*)\|/gm)].map(([, name, type, labels = ""]) =>
    ({ name, type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) }))

describe("the metrics of a process", () => {
  let exported = ""
  beforeAll(async () => {
    exported = await Effect.runPromise(text)
  })

  it("are those of the guide's table, with these types", () => {
    const found = [...exported.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
    const ours = found.filter((name) => /^(reprise|process|nodejs)_/.test(name)).toSorted()
    expect(ours).toEqual(rowsOf(GUIDE).map(({ name, type }) => `${name} ${type}`).toSorted())
    expect(found).toContain("orders_total counter")
  })

  it("have the labels of the table", () => {
    for (const { labels, name } of rowsOf(GUIDE)) {
      const lines = exported.split("\n").filter((line) => new RegExp(`^${name}(_bucket|_sum|_count)?[{ ]`).test(line))
      for (const line of lines) {
        const own = [...line.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== "le")
        expect(own, line).toEqual(labels)
      }
    }
  })

  it("pass Prometheus' check without a complaint", () => {
    expect(promtool(["check", "metrics"], exported)).toBe("")
  })

  it("are what the alerts of the guide ask for", () => {
    const rules = /```yaml\n(groups:\n.*?)```/s.exec(GUIDE)?.[1] ?? ""
    const asked = [...rules.matchAll(/\b(?:reprise|nodejs)_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""))
    const listed = new Set(rowsOf(GUIDE).map(({ name }) => name))
    expect(asked.filter((name) => !listed.has(name))).toEqual([])
    expect(asked.length).toBeGreaterThan(5)
    const folder = mkdtempSync(join(tmpdir(), "reprise-rules-"))
    try {
      writeFileSync(join(folder, "rules.yml"), rules)
      expect(promtool(["check", "rules", join(folder, "rules.yml")], "")).toBe("")
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
