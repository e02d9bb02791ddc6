/** Whatever a worker does with runs and their lives, the store is what the histories say, whenever it crashes. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Child, Client, Signal, Workflow } from "@reprise/core"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Crashes, type World } from "@reprise/testing"
import { Effect, Exit, Layer, Schema } from "effect"
import { expect } from "vitest"

const Word = Signal.make("word", { payload: Schema.String })
const Waits = Workflow.make("waits", {}, () => Effect.as(Word.receive, "waited"))

/** Two generations; each leaves a child behind that ends with it, and one that does not. */
const Cycles = Workflow.make("cycles", { input: Schema.Number }, (n) =>
  Effect.gen(function*() {
    yield* Child.start(Waits, undefined, { id: `ends${n}`, onConflict: "use_existing" })
    yield* Child.start(Waits, undefined, { id: `stays${n}`, parentClose: "abandon", onConflict: "use_existing" })
    const common = yield* Effect.fork(Child.run(Waits, undefined, { id: "common", key: "common", onConflict: "use_existing" }))
    yield* Effect.sleep("1 hour")
    if (n < 1) return yield* Workflow.continueAsNew(n + 1)
    return yield* Effect.fromFiber(common)
  }))

const script = (world: World.World) =>
  Effect.gen(function*() {
    yield* world.start(Waits, undefined, { id: "common", key: "common" })
    const cycles = yield* world.start(Cycles, 0, { id: "cycles" })
    yield* world.advance("90 minutes")
    yield* world.run(Client.pause("stays0", { messageId: "pause" }))
    yield* world.idle
    const history = yield* world.history("cycles")
    const at = history.findIndex((event) => event._tag === "ChildStarted") + 1
    const fork = yield* Effect.either(world.run(Client.fork("cycles", { at, id: "fork" })))
    if (fork._tag === "Left" && fork.left._tag !== "RunExists") return yield* fork.left
    yield* world.advance("1 hour")
    yield* world.run(Client.signal("common", Word, "now", { messageId: "word" }))
    const result = yield* world.runToEnd(cycles)
    yield* world.run(Client.cancel("fork", { messageId: "cancel" }))
    yield* world.idle
    const forked = yield* world.run(Client.describe("fork"))
    return [result, forked.status, forked.forkedFrom?.runId]
  })

it.scoped("children, generations, forks and pauses leave nothing that a check or a rebuild would find", () =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-lives-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    let files = 0
    const log = () => Layer.orDie(Sqlite.layer({ filename: join(folder, `${files++}.db`) }))
    const lived = (append: number | undefined) =>
      Effect.gen(function*() {
        const crash = append === undefined ? undefined : ({ append, moment: "after" } as const)
        const options = () => ({ workflows: [Cycles, Waits], log: log() })
        const seen = yield* Crashes.once(options, script, { crash, alwaysReplay: false })
        expect([append, seen.exit]).toEqual([append, Exit.succeed(["waited", "cancelled", "cycles"])])
        return seen
      })
    const { appendCount } = yield* lived(undefined)
    // Every moment of a crash is tried in test/conformance; what is looked at here is the file that is left.
    for (let append = 1; append <= appendCount; append += 4) yield* lived(append)
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".db"))) {
      const report = yield* Effect.all([Maintenance.verify, Maintenance.rebuild]).pipe(
        Effect.provide(Sqlite.layer({ filename: join(folder, name) }))
      )
      expect([name, report[0].problems, report[1].changed]).toEqual([name, [], 0])
    }
  }), 60_000)
