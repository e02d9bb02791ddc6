/** Many at once, and many one after the other: what is bounded stays bounded, and what has ended is forgotten. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it } from "vitest"
import { HOST, serve } from "../../packages/server/test/served.js"
import * as World from "./World.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** Bytes of the heap that are still reachable. */
const heap = async (): Promise<number> => {
  // What ends by promises is over a few turns later.
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const STREAMS_MAX = 10_000
/** What one idle stream may cost beside its socket, in bytes; it was some 6,000. */
const STREAM_BYTES_MAX = 20_000

describe("streams", () => {
  it("are refused beyond their number, cost little while nothing happens, and nothing afterwards", async () => {
    const { app, ask } = await serve({ streamsMax: STREAMS_MAX })
    await ask("POST", "/api/v1/runs", { body: { workflow: "order", input: { total: 1 }, id: "r" } })
    const paths = ["/api/v1/runs/r/events", "/api/v1/events?after=end", "/api/v1/runs/r/logs"]
    const open = (n: number) => app.fetch(new Request(`${HOST}${paths[n % paths.length]}`, { headers: { accept: "text/event-stream" } }))
    const readersOf = async (count: number) => {
      const readers: Array<ReadableStreamDefaultReader<Uint8Array>> = []
      for (let n = 0; n < count; n++) {
        const reader = (await open(n)).body?.getReader()
        if (reader === undefined) throw new Error("a stream has a body")
        await reader.read()
        readers.push(reader)
      }
      return readers
    }
    const leave = (readers: ReadonlyArray<ReadableStreamDefaultReader<Uint8Array>>) => Promise.all(readers.map((reader) => reader.cancel()))
    await leave(await readersOf(200))
    const before = await heap()
    const readers = await readersOf(STREAMS_MAX)
    const perStream = ((await heap()) - before) / STREAMS_MAX
    expect(perStream).toBeLessThan(STREAM_BYTES_MAX)
    const refused = await ask("GET", "/api/v1/events", { headers: { accept: "text/event-stream" } })
    expect([refused.status, refused.json.code, refused.headers.get("retry-after")]).toEqual([503, "TooManyStreams", "1"])
    expect((await ask("GET", "/api/v1/runs/r/events")).status).toBe(200)
    await leave(readers.splice(0))
    const left = ((await heap()) - before) / STREAMS_MAX
    console.info(`a stream: ${Math.round(perStream)} bytes while it is open, ${Math.round(left)} afterwards`)
    expect(left).toBeLessThan(500)
    expect((await open(0)).status).toBe(200)
  })
})

const REQUESTS = 6_000
/** Growth of the heap in the second half of the requests, in bytes: noise of the machinery, not of each request. */
const GROWTH_BYTES_MAX = 1_500_000

describe("requests that leave nothing in the store", () => {
  it("leave nothing in memory", async () => {
    const world = await World.make()
    const headers = { authorization: world.authorization }
    const odd = (n: number): ReadonlyArray<readonly [string, string, object?]> => [
      ["GET", `/api/v1/runs/none-${n}`],
      ["GET", `/nowhere/${n}?a=${n}`],
      ["GET", `/api/v1/runs?limit=${n}x&field${n}=1`],
      [`METHOD${n}`, "/api/v1/runs"],
      ["POST", "/api/v1/runs", { workflow: `none-${n}`, [`field${n}`]: 1 }],
      ["POST", "/api/v1/runs", { workflow: "order", input: { total: `x${n}` } }],
      ["POST", `/api/v1/runs/none-${n}/signals/s${n}`, {}],
      ["GET", `/api/v1/events?key=none-${n}`],
      ["GET", `/api/v1/workflows/none-${n}`],
      ["DELETE", `/api/v1/keys/none-${n}`]
    ]
    const send = async (from: number, to: number) => {
      for (let n = from; n < to; n += 10) {
        await Promise.all(odd(n).map(([method, path, body]) => world.ask(method, path, { headers, body })))
      }
    }
    // Caches, shapes and the bounded audit log have their size by then.
    await send(0, REQUESTS / 2)
    const middle = await heap()
    await send(REQUESTS / 2, REQUESTS)
    const growth = (await heap()) - middle
    console.info(`${REQUESTS / 2} refused requests: ${growth} bytes more`)
    expect(growth).toBeLessThan(GROWTH_BYTES_MAX)
  })
})
