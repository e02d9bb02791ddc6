/** A disk that fills up while runs are under way: nothing acknowledged is lost, and they go on when there is space again. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"

const STEPS = 60
const VALUE = "x".repeat(40_000)

const ran = new Map<number, number>()

const Fill = Workflow.make("fill", { input: Schema.Number }, (count) =>
  Effect.gen(function*() {
    let length = 0
    for (let i = 0; i < count; i++) {
      const body = Effect.sync(() => {
        ran.set(i, (ran.get(i) ?? 0) + 1)
        return VALUE
      })
      length += (yield* Step.run("fill", body)).length
    }
    return length
  }))

const root = mkdtempSync(join(tmpdir(), "reprise-full-"))
const path = join(root, "disk")
mkdirSync(path)

const did = (command: string, parameters: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(command, parameters, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** A real small disk where this user may mount one; otherwise the database's own bound on its size. */
const mounted = did("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path])
afterAll(() => {
  if (mounted) did("umount", [path])
  rmSync(root, { recursive: true, force: true })
})

const allow = (megabytes: number) =>
  mounted
    ? Effect.sync(() => void did("mount", ["-o", `remount,size=${megabytes}m`, path]))
    : Effect.flatMap(Sqlite.Store, ({ writer: { client } }) => client.unsafe(`PRAGMA max_page_count = ${megabytes * 256}`))

const eventually = <A, E, R>(look: Effect.Effect<A | undefined, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(look, (seen) =>
    seen === undefined ? Effect.zipRight(Effect.sleep("20 millis"), eventually(look)) : Effect.succeed(seen))

it("runs stop at a full disk and go on when there is space, and no step runs again", { timeout: 60_000 }, () =>
  Effect.gen(function*() {
    yield* allow(2)
    const run = yield* Client.start(Fill, STEPS)
    // Starting another run tells when the disk is full: it is refused, in words.
    const refused = yield* eventually(Effect.match(Client.start(Fill, 0), {
      onSuccess: () => undefined,
      onFailure: (error) => (error._tag === "LogError" ? error : undefined)
    }).pipe(Effect.zipLeft(Effect.sleep("20 millis"))))
    expect(refused.message).toContain("full")
    const before = (yield* Client.history(run.runId)).length
    expect(before).toBeGreaterThan(2)
    expect(before).toBeLessThan(2 * STEPS)

    yield* allow(40)
    expect(yield* run.result).toBe(STEPS * VALUE.length)
    expect([...ran.values()].filter((count) => count !== 1)).toEqual([])
    expect(yield* Client.execute(Fill, 0)).toBe(0)
    expect((yield* Maintenance.verify).problems).toEqual([])
  }).pipe(
    Effect.provide(Layer.provideMerge(
      Worker.layer({ workflows: [Fill] }),
      Sqlite.layer({ filename: join(path, "runs.db") })
    )),
    Effect.runPromise
  ))
