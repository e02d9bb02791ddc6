/** Durations without end: JSON has none, so they must not get into a history, where they would read as no time at all. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Child, Client, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Duration, Effect, Layer, Schedule, Schema } from "effect"
import { expect } from "vitest"

const endless = Duration.infinity
const Go = Signal.make("go")

const Parent = Workflow.make("parent", {}, () => Child.run(Bounded, undefined, { id: "child", timeout: endless }))
const Bounded = Workflow.make("bounded", {}, () =>
  Effect.gen(function*() {
    // The process ends while its body runs, so that it is read again before it is over.
    const attempt = Step.run("slow", Effect.zipRight(Effect.sleep("20 millis"), Effect.succeed("done")), {
      timeout: endless,
      deadline: endless
    })
    const [text] = yield* Effect.all([Effect.orDie(attempt), Go.receive], { concurrency: "unbounded" })
    return text
  }))
const Never = Workflow.make("never", { error: Schema.String }, () =>
  Step.run("fails", Effect.fail("no"), { retry: Schedule.spaced(endless) }))

const withFile = <A, E>(use: (filename: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-endless-"))),
    (folder) => use(join(folder, "runs.db")),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

const on = (filename: string) =>
  Layer.orDie(Worker.layer({ workflows: [Parent, Bounded, Never] }).pipe(Layer.provide(Sqlite.layer({ filename }))))

it.effect("a timeout or deadline without end is none", () =>
  withFile((filename) =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* Client.start(Bounded, undefined, { id: "run", timeout: endless })
        yield* Client.start(Parent, undefined, { id: "parent" })
      }).pipe(Effect.provide(on(filename)))
      const seen = yield* Effect.gen(function*() {
        for (const id of ["run", "child"]) yield* Effect.retry(Client.signal(id, Go, undefined), Schedule.spaced("2 millis"))
        const results = [yield* Client.result(Bounded, "run"), yield* Client.result(Parent, "parent")]
        return { results, histories: yield* Effect.forEach(["run", "parent", "child"], Client.history) }
      }).pipe(Effect.provide(on(filename)))
      expect(seen.results).toEqual(["done", "done"])
      expect(JSON.stringify(seen.histories)).not.toContain("null")
    })).pipe(Effect.withClock(Effect.runSync(Effect.clock))))

it.effect("a delay without end is refused", () =>
  withFile((filename) =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(Client.start(Bounded, undefined, { delay: endless }))
      expect(refused).toMatchObject({ _tag: "PayloadInvalid", detail: "it never ends" })
      yield* Client.start(Never, undefined, { id: "never" })
      const { blocked } = yield* Client.describe("never").pipe(
        Effect.filterOrFail((run) => run.blocked !== undefined),
        Effect.retry(Schedule.spaced("2 millis"))
      )
      expect(blocked).toMatchObject({ what: "delay of a retry", detail: "it never ends" })
    }).pipe(Effect.provide(on(filename)))).pipe(Effect.withClock(Effect.runSync(Effect.clock))))
