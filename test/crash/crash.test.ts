/**
 * Kills a real process at every event of a run, restarts it, and compares with a run that nobody killed: the same
 * outcome, the same events, the same side effects, and no finished step runs again.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../harness/bundle.js"
import { drive, orderOn, RUN_ID } from "./order.js"

interface Place {
  readonly filename: string
  readonly ledger: string
}

const root = mkdtempSync(join(tmpdir(), "reprise-crash-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const place = (name: string): Place => ({ filename: join(root, `${name}.db`), ledger: join(root, `${name}.ledger`) })

let program = ""
beforeAll(async () => {
  program = await bundle(join(import.meta.dirname, "child.ts"))
})

/** Runs the order to its end in this process, on whatever the file holds. */
const runToEnd = ({ filename, ledger }: Place) =>
  Effect.gen(function*() {
    const output = yield* drive(ledger)
    return { output, history: yield* Client.history(RUN_ID) }
  }).pipe(
    Effect.provide(Worker.layer({ workflows: [orderOn(ledger)] }).pipe(Layer.provide(Sqlite.layer({ filename })))),
    Effect.runPromise
  )

/** What the file holds, without a worker that would go on. */
const historyIn = ({ filename }: Place): Promise<ReadonlyArray<Event.Event>> =>
  Client.history(RUN_ID).pipe(
    Effect.catchTag("RunNotFound", () => Effect.succeed([])),
    Effect.provide(Worker.clientLayer({ workflows: [] }).pipe(Layer.provide(Sqlite.layer({ filename })))),
    Effect.runPromise
  )

const killed = ({ filename, ledger }: Place, when: "before" | "after", at: number): Promise<NodeJS.Signals | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, filename, ledger, when, String(at)], { stdio: ["ignore", "ignore", "inherit"] })
    child.on("error", reject)
    child.on("exit", (_code, signal) => resolve(signal))
  })

const ledgerOf = ({ ledger }: Place): ReadonlyArray<string> =>
  existsSync(ledger) ? readFileSync(ledger, "utf8").trim().split("\n") : []

const times = (lines: ReadonlyArray<string>, line: string): number => lines.filter((other) => other === line).length

/** An event without what differs from run to run: its instant, and the seed. */
const shape = (event: Event.Event) => {
  const { at, ...rest } = event as Event.Event & { dueAt?: number; seed?: string; output?: unknown }
  delete rest.dueAt
  delete rest.seed
  if (event._tag === "RunCompleted") delete rest.output
  void at
  return rest
}

/** The attempts whose end is recorded: `name attempt`, as the ledger writes them. */
const finished = (events: ReadonlyArray<Event.Event>): ReadonlyArray<string> => {
  const names = new Map<string, string>()
  const ended: Array<string> = []
  for (const event of events) {
    if (event._tag === "StepScheduled") names.set(event.id, event.name)
    if (event._tag === "StepCompleted" || event._tag === "StepAttemptFailed") ended.push(`${names.get(event.id)} ${event.attempt}`)
  }
  return ended
}

describe("a process killed at every event", () => {
  let calm: { readonly history: ReadonlyArray<Event.Event> }
  beforeAll(async () => {
    calm = await runToEnd(place("calm"))
  })

  it("has retries, timers, a race, parallel steps, a signal and an update in it", () => {
    const tags = new Set(calm.history.map((event) => event._tag))
    for (const tag of ["StepRetryScheduled", "TimerFired", "StepCancelled", "SignalReceived", "UpdateCompleted"] as const) {
      expect(tags).toContain(tag)
    }
    expect(calm.history.length).toBeGreaterThan(30)
  })

  for (const when of ["after", "before"] as const) {
    it.concurrent(`goes on as if nothing had happened: killed ${when} the commit`, { timeout: 300_000 }, async ({ expect }) => {
      for (let at = 1; at <= calm.history.length; at++) {
        const here = place(`${when}-${at}`)
        expect(await killed(here, when, at), `killed ${when} event ${at}`).toBe("SIGKILL")
        const prefix = await historyIn(here)
        const before = ledgerOf(here)
        const { history, output } = await runToEnd(here)
        const told = `killed ${when} event ${at}, with ${prefix.length} events committed`
        // What was committed stays, to the byte; what follows is what would have followed.
        expect(history.slice(0, prefix.length), told).toEqual(prefix)
        expect(history.map(shape), told).toEqual(calm.history.map(shape))
        expect(output, told).toMatchObject({ attempts: 3, raced: false, by: "ann", address: "1 Main St" })
        // No attempt whose end was committed ran again; what ended has run; only what was in flight ran twice.
        const after = ledgerOf(here)
        for (const line of finished(prefix)) expect(times(after, line), `${line}, ${told}`).toBe(times(before, line))
        for (const line of finished(history)) expect(times(after, line), `${line}, ${told}`).toBeGreaterThan(0)
        for (const line of new Set(after)) expect(times(after, line), `${line}, ${told}`).toBeLessThanOrEqual(2)
      }
    })
  }

  it("leaves a store that verifies and rebuilds to the same rows", async () => {
    const { filename } = place("after-12")
    const report = await Effect.runPromise(Maintenance.verify.pipe(Effect.provide(Sqlite.layer({ filename }))))
    expect(report.problems).toEqual([])
  })
})
