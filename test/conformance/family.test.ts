/** Children and signals between runs on SQLite: the same ends, crashes and histories as in memory. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Exit, Layer, Schema } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Signal, Step, Workflow } from "@reprise/core"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Crashes, type World } from "@reprise/testing"

const Word = Signal.make("word", { payload: Schema.String })

const Hears = Workflow.make("hears", {}, () => Effect.zipLeft(Word.receive, Effect.sleep("1 hour")))
const Doubles = Workflow.make("doubles", { input: Schema.Number }, (n) => Step.run("double", Effect.succeed(2 * n)))
const Cleans = Workflow.make("cleans", {}, () =>
  Effect.onInterrupt(Effect.sleep("9 days"), () => Step.run("clean up", Effect.void)))

const Parent = Workflow.make("parent", {}, () =>
  Effect.gen(function*() {
    const ear = yield* Child.start(Hears, undefined, { id: "ear", key: "ear" })
    yield* ear.signal(Word, "hello")
    const heard = yield* Child.run(Hears, undefined, { key: "ear", onConflict: "use_existing" })
    const doubled = yield* Effect.forEach([1, 2], (n) => Child.run(Doubles, n), { concurrency: 2 })
    const late = yield* Effect.timeoutOption(Child.run(Cleans, undefined, { id: "late" }), "1 day")
    yield* Effect.all([
      Child.start(Cleans, undefined, { id: "left", parentClose: "abandon" }),
      Child.start(Cleans, undefined, { id: "ends", parentClose: "terminate" }),
      Child.start(Cleans, undefined, { id: "stops" })
    ], { concurrency: "unbounded" })
    const taken = yield* Effect.match(Child.start(Cleans, undefined, { id: "ear" }), {
      onFailure: (error) => error._tag,
      onSuccess: () => "started"
    })
    return `${heard} ${doubled.join(",")} ${late._tag} ${taken}`
  }))

const script = (world: World.World) =>
  Effect.gen(function*() {
    const result = yield* world.execute(Parent, undefined, { id: "p" })
    yield* world.idle
    const runs = yield* world.run(Effect.forEach(["ear", "late", "left", "ends", "stops"], (id) => Client.describe(id)))
    return [result, ...runs.map((run) => run.status)]
  })

const workflows = [Parent, Hears, Doubles, Cleans]

describe("a family of runs on SQLite", () => {
  it.scoped("survives a crash at every append, with the histories that memory has", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-family-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      let files = 0
      const fresh = () => Layer.orDie(Sqlite.layer({ filename: join(folder, `${files++}.db`) }))
      const inMemory = yield* Crashes.once(() => ({ workflows }), script, { crash: undefined, alwaysReplay: false })
      const onDisk = yield* Crashes.everywhere(() => ({ workflows, log: fresh() }), script)
      const statuses = ["completed", "cancelled", "running", "terminated", "cancelled"]
      expect(onDisk.exit).toEqual(Exit.succeed(["hello 2,4 None RunExists", ...statuses]))
      expect(onDisk.histories).toEqual(inMemory.histories)
      const last = join(folder, `${files - 1}.db`)
      const [report, rebuilt] = yield* Effect.all([Maintenance.verify, Maintenance.rebuild]).pipe(
        Effect.provide(Sqlite.layer({ filename: last }))
      )
      expect(report.problems).toEqual([])
      expect(rebuilt).toMatchObject({ changed: 0 })
    }), 120_000)
})
