/**
 * Callers of a server, in a process of their own, so that their work is not the server's: `httpCaller.ts URL`. Orders come as
 * messages, and so go the answers.
 */
import { Agent, request } from "node:http"

export type Order =
  /** Starts runs, so many at a time; answers the milliseconds until all are answered. */
  | { readonly _tag: "Start"; readonly workflow: string; readonly count: number; readonly connections: number }
  /** Sends signals, one after another; answers the milliseconds of each. */
  | { readonly _tag: "Signal"; readonly runId: string; readonly name: string; readonly count: number }
  /** Opens streams of the events of all runs. Answers when each is open; and again, when each has told so many events. */
  | { readonly _tag: "Follow"; readonly readers: number; readonly events: number }

export type Answer =
  | { readonly _tag: "Took"; readonly millis: ReadonlyArray<number> }
  | { readonly _tag: "Opened" }
  /** When a reader got the event at a position of the log: epoch milliseconds. */
  | { readonly _tag: "Read"; readonly readers: ReadonlyArray<ReadonlyArray<readonly [position: number, at: number]>> }

const [url = ""] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true })

const post = (path: string, body: string): Promise<void> =>
  new Promise((done, failed) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
    const asking = request(url + path, { method: "POST", headers, agent }, (answer) => {
      if (answer.statusCode !== 202) failed(new Error(`${path} answered ${answer.statusCode}`))
      answer.on("end", done).resume()
    })
    asking.on("error", failed).end(body)
  })

const start = async (workflow: string, count: number, connections: number): Promise<ReadonlyArray<number>> => {
  let left = count
  const one = async (): Promise<void> => {
    while (left-- > 0) await post("/api/v1/runs", JSON.stringify({ workflow, input: left }))
  }
  const before = performance.now()
  await Promise.all(Array.from({ length: connections }, one))
  return [performance.now() - before]
}

const signal = async (runId: string, name: string, count: number): Promise<ReadonlyArray<number>> => {
  const millis: Array<number> = []
  for (let i = 0; i < count; i++) {
    const before = performance.now()
    await post(`/api/v1/runs/${runId}/signals/${name}`, JSON.stringify({ payload: i }))
    millis.push(performance.now() - before)
  }
  return millis
}

/** Reads until it was told so many events. */
const follow = (events: number, onOpen: () => void): Promise<ReadonlyArray<readonly [number, number]>> =>
  new Promise((done, failed) => {
    const told: Array<readonly [number, number]> = []
    const headers = { accept: "text/event-stream" }
    const asking = request(`${url}/api/v1/events?after=end`, { headers, agent: false }, (answer) => {
      let rest = ""
      answer.once("data", onOpen)
      answer.setEncoding("utf8").on("data", (text: string) => {
        const at = performance.timeOrigin + performance.now()
        const messages = (rest + text).split("\n\n")
        rest = messages.pop() ?? ""
        for (const message of messages) {
          const [, id] = /^id: (\d+)\ndata:/m.exec(message) ?? []
          if (id !== undefined) told.push([Number(id), at])
        }
        if (told.length < events) return
        done(told)
        asking.destroy()
      })
    })
    asking.on("error", failed).end()
  })

const obey = async (order: Order): Promise<Answer> => {
  switch (order._tag) {
    case "Start":
      return { _tag: "Took", millis: await start(order.workflow, order.count, order.connections) }
    case "Signal":
      return { _tag: "Took", millis: await signal(order.runId, order.name, order.count) }
    case "Follow": {
      let opened = 0
      const onOpen = (): void => {
        opened += 1
        if (opened === order.readers) process.send?.({ _tag: "Opened" } satisfies Answer)
      }
      const readers = await Promise.all(Array.from({ length: order.readers }, () => follow(order.events, onOpen)))
      return { _tag: "Read", readers }
    }
  }
}

process.on("message", (order: Order) => void obey(order).then((answer) => process.send?.(answer)))
