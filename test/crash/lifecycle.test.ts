/**
 * Kills real processes at every event of a family of runs, goes on, and compares with a family that nobody killed: what was
 * committed stays, every run has the same history and end, nothing that had finished runs again, and the store is in order.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client } from "@reprise/core"
import { Event } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../harness/bundle.js"
import { drive, familyOn, roleOf } from "./lifecycle.js"
import type { Life } from "./lifecycleChild.js"
import type { Moment } from "./mortal.js"

type Place = Omit<Life, "moment">
/** By role. */
type Histories = Readonly<Record<string, ReadonlyArray<Event.Event>>>

/** Lives that share a process, and die with it. */
const SHARED = 12

const root = mkdtempSync(join(tmpdir(), "reprise-lives-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const place = (name: string): Place => ({ filename: join(root, `${name}.db`), ledger: join(root, `${name}.ledger`) })

let program = ""
beforeAll(async () => {
  program = await bundle(join(import.meta.dirname, "lifecycleChild.ts"))
})

const histories = Effect.gen(function*() {
  const all: Record<string, ReadonlyArray<Event.Event>> = {}
  for (const { runId } of yield* Client.list({ limit: 100 })) all[roleOf(runId)] = yield* Client.history(runId)
  return all
})

/** What the file holds, without a worker that would go on. */
const read = ({ filename }: Place): Promise<Histories> =>
  histories.pipe(
    Effect.provide(Worker.clientLayer({ workflows: [] }).pipe(Layer.provide(Sqlite.layer({ filename })))),
    Effect.runPromise
  )

/** Goes on in this process to the end of the story, and looks the store over. */
const runToEnd = ({ filename, ledger }: Place) =>
  Effect.gen(function*() {
    const { fork, sum } = yield* drive(ledger)
    const { problems } = yield* Maintenance.verify
    const { changed } = yield* Maintenance.rebuild
    return { all: yield* histories, told: { fork, sum }, problems, changed }
  }).pipe(
    Effect.provide(Layer.provideMerge(Worker.layer({ workflows: familyOn(ledger).all }), Sqlite.layer({ filename }))),
    Effect.runPromise
  )

const killed = (lives: ReadonlyArray<Life>): Promise<NodeJS.Signals | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(lives)], { stdio: ["ignore", "ignore", "inherit"] })
    child.on("error", reject)
    child.on("exit", (_code, signal) => resolve(signal))
  })

const ledgerOf = ({ ledger }: Place): ReadonlyArray<string> =>
  existsSync(ledger) ? readFileSync(ledger, "utf8").trim().split("\n").map(roleOfLine) : []

const roleOfLine = (line: string): string => {
  const [runId = "", ...rest] = line.split(" ")
  return [roleOf(runId), ...rest].join(" ")
}

const times = (lines: ReadonlyArray<string>, line: string): number => lines.filter((other) => other === line).length

const VARYING = new Set(["at", "seed", "beganAt", "dueAt", "shiftMillis"])

/** Histories without what differs from time to time: instants, seeds, and ids that nobody has given. */
const shape = (all: Histories): unknown =>
  JSON.parse(JSON.stringify(all, (key, value: unknown) => {
    if (VARYING.has(key)) return undefined
    return key === "runId" && typeof value === "string" ? roleOf(value) : value
  }))

/** The attempts whose end is recorded: `role step attempt`, as the ledger writes them. */
const finished = (all: Histories): ReadonlyArray<string> =>
  Object.entries(all).flatMap(([role, events]) => {
    const names = new Map<string, string>()
    const ended: Array<string> = []
    // A fork has not run what it has taken over.
    const own = events.findIndex(({ _tag }) => _tag === "RunForked")
    for (const [i, event] of events.entries()) {
      if (event._tag === "StepScheduled") names.set(event.id, event.name)
      const isEnd = event._tag === "StepCompleted" || event._tag === "StepAttemptFailed"
      if (isEnd && i > own + 1) ended.push(`${role} ${names.get(event.id)} ${event.attempt}`)
    }
    return ended
  })

/** Every end of an activation: what stands between two of them is one commit. */
const momentsOf = (all: Histories, when: Moment["when"]): ReadonlyArray<Moment> =>
  Object.entries(all).flatMap(([role, events]) =>
    events.flatMap((_, i) => {
      const next = events[i + 1]
      return next === undefined || Event.sortOf(next) !== "command" ? [{ role, seq: i + 1, when }] : []
    }))

const batches = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / SHARED) }, (_, i) => all.slice(i * SHARED, (i + 1) * SHARED))

describe("a process killed at every event of a family of runs", () => {
  let calm: Awaited<ReturnType<typeof runToEnd>>
  beforeAll(async () => {
    calm = await runToEnd(place("calm"))
  })

  it("has children, signals between runs, undos, a pause, generations, a fork and cancels in it", () => {
    const tags = new Set(Object.values(calm.all).flatMap((events) => events.map((event) => event._tag)))
    for (
      const tag of [
        "ChildCompleted", "ChildFailed", "ChildCancelled", "SignalDelivered", "StepRetryScheduled", "RunPaused", "RunResumed",
        "RunContinuedAsNew", "RunForked", "RunCancelled", "RunTerminated"
      ] as const
    ) expect(tags).toContain(tag)
    expect(Object.values(calm.all).flat().length).toBeGreaterThan(100)
    expect([calm.told.sum, calm.problems, calm.changed]).toEqual([7, [], 0])
  })

  const goesOn = async (life: Life) => {
    const told = `killed ${life.moment.when} event ${life.moment.seq} of ${life.moment.role}`
    const prefix = await read(life)
    const before = ledgerOf(life)
    const { all, changed, problems, ...rest } = await runToEnd(life)
    for (const [role, events] of Object.entries(prefix)) expect(all[role]?.slice(0, events.length), told).toEqual(events)
    expect(shape(all), told).toEqual(shape(calm.all))
    expect(rest.told, told).toEqual(calm.told)
    expect([problems, changed], told).toEqual([[], 0])
    // No attempt whose end was committed ran again; what ended has run; only what was in flight ran twice.
    const after = ledgerOf(life)
    for (const line of finished(prefix)) expect(times(after, line), `${line}, ${told}`).toBe(times(before, line))
    for (const line of finished(all)) expect(times(after, line), `${line}, ${told}`).toBeGreaterThan(0)
    for (const line of new Set(after)) expect(times(after, line), `${line}, ${told}`).toBeLessThanOrEqual(2)
  }

  for (const when of ["after", "before"] as const) {
    it.concurrent(`goes on as if nothing had happened: killed ${when} the commit`, { timeout: 300_000 }, async () => {
      const lives = momentsOf(calm.all, when).map((moment, i): Life => ({ ...place(`${when}-${i}`), moment }))
      for (const batch of batches(lives)) {
        expect(await killed(batch)).toBe("SIGKILL")
        await Promise.all(batch.map(goesOn))
      }
    })
  }
})
