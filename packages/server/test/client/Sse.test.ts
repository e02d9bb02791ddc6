import * as fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as Sse from "../../src/client/Sse.js"

const parsed = (text: string, ...cuts: ReadonlyArray<number>): ReadonlyArray<Sse.Message> => {
  const parse = Sse.parser()
  const ends = [...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length]
  return ends.flatMap((end, index) => parse(text.slice(index === 0 ? 0 : ends[index - 1], end)))
}

describe("the parser", () => {
  it("reads fields, comments and names as the standard says", () => {
    expect(parsed("retry: 5\nid: 1\n\n: hello\n\nid:2\ndata:a\ndata:  b\ndata\n\nevent: end\ndata: {}\nmore: x\n\n")).toEqual([
      { event: "message", id: "1", data: undefined },
      { event: "message", id: "2", data: "a\n b\n" },
      { event: "end", id: undefined, data: "{}" }
    ])
  })

  it("drops a message that is not completed", () => {
    expect(parsed("data: 1\n\ndata: 2\n")).toEqual([{ event: "message", id: undefined, data: "1" }])
  })

  it("reads the same, wherever the text is cut and whatever ends its lines", () => {
    const line = fc.constantFrom("id: 7", "data: {\"a\":1}", "data:", "event: end", ": still here", "", "", "data: a:b", "retry: 10")
    fc.assert(fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.array(fc.nat(400), { maxLength: 8 }),
      (lines, end, cuts) => {
        const closed = [...lines, "", ": last"]
        expect(parsed(`${closed.join(end)}${end}`, ...cuts)).toEqual(parsed(`${closed.join("\n")}\n`))
      }
    ))
  })
})

describe("the messages of a body", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const encode = (text: string) => new TextEncoder().encode(text)
  const read = async (messages: AsyncGenerator<Sse.Message>) => {
    const found: Array<string | undefined> = []
    for await (const { data } of messages) found.push(data)
    return found
  }

  it("survive a cut through a character", async () => {
    const bytes = encode("data: é\n\n")
    const body = new ReadableStream<Uint8Array>({
      start: (to) => {
        for (const byte of bytes) to.enqueue(Uint8Array.of(byte))
        to.close()
      }
    })
    expect(await read(Sse.messages(new Response(body), 1_000, undefined))).toEqual(["é"])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("end when the body breaks off", async () => {
    let pulls = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (to) => (pulls++ === 0 ? to.enqueue(encode("data: 1\n\ndata: 2")) : to.error(new TypeError("terminated")))
    })
    expect(await read(Sse.messages(new Response(body), 1_000, undefined))).toEqual(["1"])
  })

  it("end when the body is silent for too long, and give it back", async () => {
    const cancel = vi.fn<() => void>()
    const body = new ReadableStream<Uint8Array>({ start: (to) => to.enqueue(encode("data: 1\n\n")), cancel })
    const found = read(Sse.messages(new Response(body), 1_000, undefined))
    await vi.advanceTimersByTimeAsync(999)
    expect(cancel).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(await found).toEqual(["1"])
    expect(cancel).toHaveBeenCalledOnce()
  })

  it("are read as fast as they are taken; who stops taking them gives the body back", async () => {
    let pulls = 0
    const cancel = vi.fn<() => void>()
    const pull = (to: ReadableStreamDefaultController<Uint8Array>) => to.enqueue(encode(`data: ${pulls++}\n\n`))
    const body = new ReadableStream<Uint8Array>({ pull, cancel }, { highWaterMark: 0 })
    for await (const { data } of Sse.messages(new Response(body), 1_000, undefined)) if (data === "2") break
    expect([pulls, cancel.mock.calls.length, vi.getTimerCount()]).toEqual([3, 1, 0])
  })

  it("reject with the reason of the caller who gives up", async () => {
    const cancel = vi.fn<() => void>()
    const controller = new AbortController()
    const found = read(Sse.messages(new Response(new ReadableStream({ cancel })), 1_000, controller.signal))
    controller.abort("enough")
    await expect(found).rejects.toBe("enough")
    expect([cancel.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
  })
})
