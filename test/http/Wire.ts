/** Bytes to a server on a port, as no library would send them, and what comes back. */
import { connect, type Socket } from "node:net"
import { Client } from "@reprise/core"
import { Server } from "@reprise/server"
import { MemoryLog } from "@reprise/testing"
import { Layer, ManagedRuntime } from "effect"
import { afterEach } from "vitest"
import { type Answer, workerOn, WORKFLOWS } from "../../packages/server/test/served.js"

type Serving = NonNullable<Parameters<typeof Server.layer>[0]>

const closings = new Set<() => Promise<void>>()
afterEach(async () => {
  for (const close of closings) await close()
  closings.clear()
})

export const listen = async (options: Serving = {}) => {
  const runtime = ManagedRuntime.make(Server.layer({ port: 0, ...options }).pipe(
    Layer.provideMerge(workerOn(WORKFLOWS)),
    Layer.provideMerge(MemoryLog.layer(MemoryLog.makeStore()))
  ))
  closings.add(() => runtime.dispose())
  const { app, port, url } = await runtime.runPromise(Server.Server)
  return { app, port, url, client: () => runtime.runPromise(Client.Client) }
}

export interface Spoken {
  readonly socket: Socket
  /** All that came until the other side hung up. */
  readonly heard: Promise<string>
}

export const speak = (port: number, bytes: string | Buffer): Spoken => {
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes))
  const heard = new Promise<string>((resolve) => {
    let all = ""
    socket.on("data", (chunk: Buffer) => (all += chunk.toString()))
    socket.on("error", () => resolve(all))
    socket.on("close", () => resolve(all))
  })
  return { socket, heard }
}

/** The first answer in what was heard. */
export const answerIn = (heard: string): Answer => {
  const end = heard.indexOf("\r\n\r\n")
  const [first = "", ...lines] = heard.slice(0, end).split("\r\n")
  const headers = new Headers(lines.map((line): [string, string] => {
    const colon = line.indexOf(":")
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  }))
  const text = heard.slice(end + 4, end + 4 + Number(headers.get("content-length") ?? 0))
  const isJson = (headers.get("content-type") ?? "").includes("json")
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
  return { status, headers, text, json: isJson && text !== "" ? JSON.parse(text) : undefined }
}
