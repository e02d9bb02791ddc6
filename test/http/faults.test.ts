/** A store that fails, hangs, or does what it was told and cannot say so: callers are told to come back, and nothing is done twice. */
import { Context, Effect, Layer, Logger, ManagedRuntime } from "effect"
import { Client } from "@reprise/core"
import { Errors, Records, RunLogs } from "@reprise/core/engine"
import { App } from "@reprise/server"
import { MemoryLog } from "@reprise/testing"
import fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { type Answer, answerOf, type Asking, requestOf, workerOn, WORKFLOWS } from "../../packages/server/test/served.js"
import { operations } from "./Document.js"
import * as Judge from "./Judge.js"

type How = "fails" | "hangs" | "loses its answers"

/** What is wrong with the store now. */
interface Trouble {
  how?: How | undefined
  /** Lets go what hangs. */
  readonly hanging: Array<() => void>
}

const broken = (operation: string) => new Errors.LogError({ operation, cause: new Error("/vault/disk is full") })

const hang = ({ hanging }: Trouble, operation: string): Effect.Effect<never, Errors.LogError> =>
  Effect.async((resume) => void hanging.push(() => resume(broken(operation))))

/** Every call of a port, but those that only listen. */
const troubled = <Port extends object>(trouble: Trouble, port: Port): Port =>
  new Proxy(port, {
    get: (target, name) => {
      const call: unknown = Reflect.get(target, name)
      if (typeof call !== "function" || name === "watch") return call
      return (...given: ReadonlyArray<unknown>) =>
        Effect.suspend((): Effect.Effect<unknown, unknown> => {
          const done: Effect.Effect<unknown, unknown> = call.apply(target, given)
          if (trouble.how === undefined) return done
          if (trouble.how === "hangs") return hang(trouble, String(name))
          return trouble.how === "fails" ? broken(String(name)) : Effect.zipRight(done, broken(String(name)))
        })
    }
  })

class Served extends Context.Tag("test/http/Served")<Served, App.App>() {}

const closings = new Set<() => Promise<void>>()
afterEach(async () => {
  for (const close of closings) await close()
  closings.clear()
})

const ANSWER_MILLIS = 100

const serve = async () => {
  const trouble: Trouble = { hanging: [] }
  const engine = Layer.provideMerge(workerOn(WORKFLOWS), MemoryLog.layer(MemoryLog.makeStore()))
  // The server's calls only: a worker whose call never returns goes on in another process, if at all.
  const unwell = Layer.map(engine, (context) => {
    const client = Context.get(context, Client.Client)
    const { local } = client
    if (local === undefined) throw new Error("a worker is there")
    const start = troubled(trouble, { start: local.start }).start
    return context.pipe(
      Context.add(Client.Client, { ...client, log: troubled(trouble, client.log), local: { ...local, start } }),
      Context.add(Records.Records, troubled(trouble, Context.get(context, Records.Records))),
      Context.add(RunLogs.RunLogs, troubled(trouble, Context.get(context, RunLogs.RunLogs)))
    )
  })
  const quiet = Logger.remove(Logger.defaultLogger)
  const app = Layer.scoped(Served, App.make({ answerMillis: ANSWER_MILLIS }))
  const runtime = ManagedRuntime.make(app.pipe(Layer.provide(unwell), Layer.provide(quiet)))
  closings.add(() => {
    trouble.how = undefined
    for (const letGo of trouble.hanging) letGo()
    return runtime.dispose()
  })
  const { fetch } = await runtime.runPromise(Served)
  const ask = async (method: string, path: string, asking?: Asking): Promise<Answer> => {
    const answer = await answerOf(await fetch(requestOf(method, path, asking)))
    expect(isTold(answer), `${method} ${path} ${answer.status} ${answer.text}`).toBe(true)
    return answer
  }
  return { ask, trouble }
}

/** A whole problem, and of the server's faults only those of the store. */
const isTold = (answer: Answer): boolean => {
  const excused = ["LogError", "AnswerLate"].some((code) => Judge.faultOf(answer) === `it is answered with 503 ${code}`)
  return (Judge.faultOf(answer) === undefined || excused) && !answer.text.includes("vault")
}

const NAMES: Readonly<Record<string, string>> = { workflow: "order", key: "k", runId: "r", jobId: "bulk_x", name: "approve", stepId: "1" }
const BODIES: Readonly<Record<string, object>> = {
  startRun: { workflow: "order", input: { total: 1 } },
  forkRun: { at: 1 },
  resolveStep: { resolution: { _tag: "Retry" } },
  signalRun: { payload: { by: "me" } },
  signalKey: { payload: { by: "me" } },
  startBulk: { action: "pause", runIds: ["r"] },
  createKey: { name: "a", role: "viewer" },
  createUser: { name: "a", role: "viewer", password: "correct horse battery" },
  openSession: { name: "a", password: "b" }
}

/** What is answered without the store: from this process, from what was last known, or because a token leads to no run. */
const UNCONCERNED: ReadonlySet<string> = new Set([
  ...["openApi", "docs", "version", "live", "listWorkflows", "describeWorkflow"],
  ...["whoAmI", "openSession", "closeSession"],
  ...["metrics", "stats", "resolveAwakeable", "rejectAwakeable"]
])

const walk = async ({ ask }: Awaited<ReturnType<typeof serve>>) => {
  const answers = await Promise.all(operations.map(async ({ method, operationId, path }) => {
    const place = path.replaceAll(/\{(\w+)\}/g, (_, name) => NAMES[name] ?? "x")
    const answer = await ask(method, place, method === "POST" ? { body: BODIES[operationId] ?? {} } : {})
    return [operationId, answer] as const
  }))
  return new Map(answers)
}

describe("a store that", () => {
  it.each(["fails", "hangs"] as const)("%s: every route that needs it says so in time, and goes on when it is back", async (how) => {
    const rig = await serve()
    await rig.ask("POST", "/api/v1/runs", { body: { workflow: "order", input: { total: 1 }, id: "r", key: "k" } })
    rig.trouble.how = how
    const begun = performance.now()
    const unwell = await walk(rig)
    // Every answer was bounded, and they were waited for together.
    expect(performance.now() - begun).toBeLessThan(5_000)
    const served = [...unwell].filter(([, { status }]) => status !== 503).map(([name]) => name)
    expect(served.filter((name) => !UNCONCERNED.has(name))).toEqual([])
    for (const [name, { headers, status }] of unwell) {
      expect(status !== 503 || name === "ready" || headers.get("retry-after") !== null, name).toBe(true)
    }
    rig.trouble.how = undefined
    await expect.poll(async () => (await rig.ask("GET", "/api/v1/runs/r")).status).toBe(200)
    const well = await rig.ask("POST", "/api/v1/runs/r/signals/approve", { body: { payload: { by: "me" } } })
    expect(well.status).toBe(202)
    await expect.poll(async () => (await rig.ask("GET", "/api/v1/runs/r/result?wait=0")).json.status).toBe("completed")
  })

  it("comes and goes: who asks until it is done has done it once", async () => {
    const rig = await serve()
    let round = 0
    let refused = 0
    const troubles = fc.array(fc.constantFrom<How | undefined>("fails", "hangs", "loses its answers", undefined), { maxLength: 4 })
    const insist = async (faults: ReadonlyArray<How | undefined>, path: string, asking: Asking): Promise<Answer> => {
      for (const how of faults) {
        rig.trouble.how = how
        const answer = await rig.ask("POST", path, asking)
        rig.trouble.how = undefined
        if (answer.status !== 503) return answer
        refused += 1
      }
      return rig.ask("POST", path, asking)
    }
    await fc.assert(
      fc.asyncProperty(troubles, troubles, async (ofStart, ofSignal) => {
        round += 1
        const key = `k${round}`
        const start = { body: { workflow: "order", input: { total: round }, key }, headers: { "idempotency-key": key } }
        const started = await insist(ofStart, "/api/v1/runs", start)
        expect(started.status).toBe(202)
        const { runId } = started.json
        const signal = { body: { payload: { by: key }, messageId: "m" } }
        const accepted = await insist(ofSignal, `/api/v1/runs/${runId}/signals/approve`, signal)
        // The signal may have come to its end, and the run with it, while its answer was lost.
        expect(["202", "409 RunClosed"]).toContain([accepted.status, accepted.json.code ?? []].flat().join(" "))
        expect((await rig.ask("GET", `/api/v1/runs?key=${key}`)).json.items).toHaveLength(1)
        await expect.poll(async () => (await rig.ask("GET", `/api/v1/runs/${runId}/result`)).json, { timeout: 10_000 })
          .toMatchObject({ status: "completed", output: `approved by ${key}` })
        const { json } = await rig.ask("GET", `/api/v1/runs/${runId}/events?limit=100`)
        const received = json.items.filter(({ event }: { event: { _tag: string } }) => event._tag === "SignalReceived")
        expect(received).toHaveLength(1)
      }),
      { numRuns: 40, seed: 1, endOnFailure: true }
    )
    expect(refused).toBeGreaterThan(40)
  })
})
