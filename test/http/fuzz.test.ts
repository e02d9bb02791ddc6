/**
 * Whatever is sent, the server answers it, says what was wrong, and stays as it is. Requests are made from the OpenAPI
 * document: sound ones, sound ones with one fault, and what fits nothing. The document and the server must agree on each.
 *
 * `ATTACK_SEED=7 ATTACK_COUNT=100000 npx vitest run --config test/vitest.config.ts test/http/fuzz` plays others.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { HOST } from "../../packages/server/test/served.js"
import { operations } from "./Document.js"
import { type Draw, draw, spoiltDraw, type Wild, wild } from "./Draws.js"
import * as Judge from "./Judge.js"
import * as World from "./World.js"

const SEED = Number(process.env["ATTACK_SEED"] ?? 1)
const COUNT = Number(process.env["ATTACK_COUNT"] ?? 20_000)
/** Requests that are under way at the same time. */
const BATCH = 8
/** Batches after which there are new runs. */
const REFRESH = 4

const AGAIN = `ATTACK_SEED=${SEED} ATTACK_COUNT=${COUNT} npx vitest run --config test/vitest.config.ts test/http/fuzz`

const counts = new Map<string, Map<string, number>>()

const count = (operationId: string, status: number | string): void => {
  const own = counts.get(operationId) ?? new Map<string, number>()
  counts.set(operationId, own)
  own.set(String(status), (own.get(String(status)) ?? 0) + 1)
}

/** Hashing a password takes as long as a hundred other requests. */
const DEAR: ReadonlySet<string> = new Set(["createUser", "openSession"])

const PATIENCE_MILLIS = 10_000

const weighted = operations.flatMap((operation) => {
  const weight = DEAR.has(operation.operationId) ? 1 : 20
  return [{ arbitrary: draw(operation), weight: weight * 3 }, { arbitrary: spoiltDraw(operation), weight: weight * 2 }]
})
const sound: fc.Arbitrary<Draw> = fc.oneof(...weighted)

const shown = (request: unknown): string => JSON.stringify(request)?.slice(0, 1_500)

const failed = (why: string, request: unknown, { status, text }: { status: number; text: string }): Error =>
  new Error(`${why}\n${shown(request)}\nanswered ${status} ${text.slice(0, 600)}\nagain: ${AGAIN}`)

const sendDraw = async (world: World.World, drawn: Draw): Promise<void> => {
  const { operation, params } = drawn
  const query = World.pairsOf(world, drawn.query)
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(World.textOf(world, params[name] ?? "")))
  const search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")
  const raw = operation.body === undefined ? undefined : JSON.stringify(World.valueOf(world, drawn.body))
  const headers = new Headers({ authorization: world.authorization })
  for (const [name, value] of World.pairsOf(world, drawn.headers)) headers.set(name, value)
  if (raw !== undefined) headers.set("content-type", "application/json")
  const address = `${HOST}${path}${search === "" ? "" : `?${search}`}`
  const patience = DEAR.has(operation.operationId) ? PATIENCE_MILLIS : undefined
  const init = { method: operation.method, headers, ...(raw === undefined ? {} : { body: raw }) }
  const answer = await World.ask(world, (signal) => new Request(address, { ...init, signal }), patience)
  const body = raw === undefined ? undefined : JSON.parse(raw)
  World.learn(world, operation.operationId, answer)
  count(operation.operationId, answer.gone ? "gone" : answer.status)
  const asked = { method: operation.method, address, headers: [...headers].slice(1), raw }
  const fault = Judge.faultOf(answer, answer.gone)
  if (fault !== undefined) throw failed(fault, asked, answer)
  const drift = answer.gone ? undefined : Judge.driftOf({ operation, query, body }, answer)
  if (drift !== undefined) throw failed(drift, asked, answer)
}

const sendWild = async (world: World.World, drawn: Wild): Promise<void> => {
  const { body, method, path } = drawn
  const headers = new Headers({ authorization: world.authorization })
  for (const [name, value] of drawn.headers) headers.set(name, value)
  const init = { method, headers, ...(body === undefined ? {} : { body }) }
  const answer = await World.ask(world, (signal) => new Request(`${HOST}${path}`, { ...init, signal }))
  count("wild", answer.gone ? "gone" : answer.status)
  const fault = Judge.faultOf(answer, answer.gone)
  if (fault !== undefined) throw failed(fault, drawn, answer)
}

type Sending = (world: World.World) => Promise<void>

const requests: fc.Arbitrary<Sending> = fc.oneof(
  { weight: 4, arbitrary: sound.map((drawn): Sending => (world) => sendDraw(world, drawn)) },
  { weight: 1, arbitrary: wild(operations).map((drawn): Sending => (world) => sendWild(world, drawn)) }
)

describe("whatever is sent", () => {
  it("is answered as the document says, and never with a fault of the server", async () => {
    const world = await World.make()
    let batchCount = 0
    const unhandled: Array<unknown> = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on("unhandledRejection", note)
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { minLength: BATCH, maxLength: BATCH }), async (batch) => {
        if (batchCount++ % REFRESH === 0) await World.refresh(world)
        await Promise.all(batch.map((send) => send(world)))
      }),
      // What is there has come from all that was sent before: a smaller request alone would not show the same.
      { numRuns: Math.ceil(COUNT / BATCH), seed: SEED, endOnFailure: true }
    )
    process.off("unhandledRejection", note)
    expect(unhandled).toEqual([])
    expect(world.logged.filter((line) => line.includes("level=ERROR"))).toEqual([])
    const shares = Object.fromEntries([...counts].map(([name, own]) => [name, Object.fromEntries(own)]))
    console.info(`seed ${SEED}: ${JSON.stringify(shares)}`)
    for (const { operationId } of operations) {
      const statuses = [...(counts.get(operationId)?.keys() ?? [])].map(Number)
      expect(statuses.some((status) => status < 300), `${operationId} was never answered: ${shown(shares[operationId])}`).toBe(true)
      expect(statuses.some((status) => status >= 400), `${operationId} was never refused`).toBe(true)
    }
  })
})
