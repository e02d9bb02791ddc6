import { HistoryDamaged } from "@reprise/core"
import { Schema } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AnswerInvalid, ServerUnreachable } from "../../src/client/Errors.js"
import * as Follow from "../../src/client/Follow.js"
import * as Retry from "../../src/client/Retry.js"

const Item = Schema.Struct({ position: Schema.Number })
const item = (position: number) => `id: ${position}\ndata: {"position":${position}}\n\n`
const END = "event: end\ndata: {}\n\n"
const problem = (code: string, status: number, data: object) =>
  `event: problem\ndata: ${JSON.stringify({ type: "", title: "", status, code, detail: "", hint: "", data, requestId: "" })}\n\n`

/** What is told by the streams that a server opens, one after another. */
const followed = async (open: (lastEventId: string | undefined) => string | undefined, policy: Partial<Retry.Policy> = {}) => {
  const asked: Array<string | undefined> = []
  const found: Array<number> = []
  const source: Follow.Source<typeof Item.Type> = {
    name: "a test",
    policy: { ...Retry.DEFAULTS, baseMillis: 0, ...policy },
    open: async (last) => {
      asked.push(last)
      const text = open(last)
      return text === undefined ? new Response(null, { status: 204 }) : new Response(text)
    },
    item: Item,
    positionOf: ({ position }) => position,
    signal: undefined
  }
  let error: unknown
  try {
    for await (const { position } of Follow.follow(source)) found.push(position)
  } catch (thrown) {
    error = thrown
  }
  return { asked, found, error }
}

describe("following", () => {
  it("is the whole, once and in order, wherever streams break off", async () => {
    const count = 12
    const cuts = fc.array(fc.nat(400), { maxLength: 20 })
    await fc.assert(fc.asyncProperty(cuts, fc.boolean(), fc.boolean(), async (broken, opens, repeats) => {
      const lengths = [...broken]
      const { error, found } = await followed((last) => {
        // A server that repeats what it has told is forgiven.
        const from = Math.max(0, Number(last ?? 0) - (repeats ? 2 : 0))
        const opening = opens ? `id: ${from}\n\n` : ""
        const whole = opening + Array.from({ length: count - from }, (_, index) => item(from + index + 1)).join("") + END
        return whole.slice(0, lengths.shift() ?? whole.length)
      })
      expect(error).toBe(undefined)
      expect(found).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    }))
  })

  it("goes on where a stream began that told nothing", async () => {
    const streams = ["id: 40\n\n", `${item(41)}${END}`]
    expect(await followed(() => streams.shift())).toEqual({ asked: [undefined, "40"], found: [41], error: undefined })
  })

  it("ends when there is nothing more to tell", async () => {
    const streams = [item(1)]
    expect(await followed(() => streams.shift())).toEqual({ asked: [undefined, "1"], found: [1], error: undefined })
  })

  it("goes on after a problem that passes, and a server that stops", async () => {
    const streams = [
      `${item(1)}${problem("LogError", 503, { operation: "read" })}`,
      `event: stopping\ndata: {}\n\n`,
      `${item(2)}${END}`
    ]
    expect(await followed(() => streams.shift())).toMatchObject({ asked: [undefined, "1", "1"], found: [1, 2], error: undefined })
  })

  it("is rejected with a problem that stays", async () => {
    const { error, found } = await followed(() => item(1) + problem("HistoryDamaged", 500, { runId: "r", seq: 2, detail: "" }))
    expect(found).toEqual([1])
    expect(error).toBeInstanceOf(HistoryDamaged)
  })

  it("is rejected with what it cannot read", async () => {
    const { error } = await followed(() => "id: 1\ndata: {\"place\":1}\n\n")
    expect(error).toBeInstanceOf(AnswerInvalid)
  })

  it("has patience with a server that tells a little each time", async () => {
    const open = (last = "0") => `id: ${last}\n\n${Number(last) < 9 ? item(Number(last) + 1) : END}`
    const { error, found } = await followed(open, { waitCountMax: 2 })
    expect([error, found]).toEqual([undefined, [1, 2, 3, 4, 5, 6, 7, 8, 9]])
  })

  it("gives up on a server that opens streams and breaks each of them off", async () => {
    const { asked, error } = await followed((last) => `id: ${last ?? 0}\n\n`, { waitCountMax: 3 })
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(asked).toHaveLength(4)
  })
})
