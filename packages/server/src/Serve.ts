/**
 * The server on a port. It listens on this machine only, unless callers must say who they are; it bounds how long a request
 * may take to arrive; and it stops in order: no new connections, streams told, what was asked answered, then closed.
 */
import { randomUUID } from "node:crypto"
import { createServer, type Server as HttpServer, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { getRequestListener, type HttpBindings, type Http2Bindings } from "@hono/node-server"
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { Errors } from "@reprise/core/engine"
import { Context, Duration, Effect, Layer, Schedule, type Scope } from "effect"
import type { Refusal } from "./api/Handler.js"
import { type Code, CONTENT_TYPE } from "./api/Problem.js"
import * as App from "./App.js"
import { isLoopback } from "./auth/Cookies.js"
import { HeadersTooLarge, RequestInvalid, RequestLate } from "./Errors.js"
import * as Exchange from "./Exchange.js"
import * as Options from "./Options.js"
import { problemOf } from "./Problems.js"

export interface Serving extends Options.Options {
  /** The address to listen on. Default: 127.0.0.1, which only this machine reaches. */
  readonly hostname?: string
  /** Default: 7070. With 0 a free one is taken. */
  readonly port?: number
}

export interface Listening {
  readonly hostname: string
  readonly port: number
  /** Where the server is, for programs on this machine. */
  readonly url: string
  readonly app: App.App
}

export class Server extends Context.Tag("@reprise/server/Server")<Server, Listening>() {}

const HOSTNAME = "127.0.0.1"
const PORT = 7070

/**
 * Serves for as long as the layer lives.
 *
 * @example
 * import { Layer } from "effect"
 * import type { Client } from "@reprise/core"
 * import type { Log, Records, RunLogs } from "@reprise/core/engine"
 * import { Auth, Server } from "@reprise/server"
 *
 * // A worker, or a client without one, on a store.
 * declare const engine: Layer.Layer<Client.Client | Log.Log | Records.Records | RunLogs.RunLogs>
 *
 * const main = Server.layer({ hostname: "0.0.0.0", auth: [Auth.keys] }).pipe(Layer.provide(engine), Layer.launch)
 */
export const layer = (options: Serving = {}): Layer.Layer<Server, Errors.ConfigurationInvalid, App.Requirements> =>
  Layer.scoped(Server, Effect.flatMap(App.make(options), (app) => listen(app, options)))

/** Serves an app until the scope closes; then it stops in order. */
export const listen = (app: App.App, options: Serving): Effect.Effect<Listening, Errors.ConfigurationInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const { hostname = HOSTNAME, port = PORT } = options
    const settings = Options.complete(options)
    yield* checkAddress(app, hostname)
    const server = serverOf(app, settings)
    const connections = watched(server)
    yield* Effect.acquireRelease(opened(server, hostname, port), () => stop(app, server, connections, settings))
    const address = server.address()
    const bound = typeof address === "object" && address !== null ? address.port : port
    const shown = hostname.includes(":") ? `[${hostname}]` : hostname
    return { hostname, port: bound, url: `http://${shown}:${bound}`, app }
  })

/** Without auth, whoever reaches the port may do all. */
const checkAddress = (app: App.App, hostname: string): Effect.Effect<void, Errors.ConfigurationInvalid> =>
  app.guarded || isLoopback(hostname) || hostname === "::1" ? Effect.void : refused(
    `it has no auth, and would listen on ${hostname}, which others can reach`,
    "Give the server a provider of auth, such as `auth: [Auth.keys]`, or let it listen on 127.0.0.1."
  )

const refused = (detail: string, advice: string) =>
  Effect.fail(new Errors.ConfigurationInvalid({ subject: "server", detail, advice }))

const serverOf = (app: App.App, settings: Options.Settings): HttpServer => {
  const listener = getRequestListener(
    (request, bindings) => answered(app, request, bindings),
    // What Node took for a request, and no URL can be made of. The globals of the process are not ours.
    { overrideGlobalObjects: false, errorHandler: unreadable }
  )
  const server = createServer({
    maxHeaderSize: settings.headersBytesMax,
    headersTimeout: settings.headersMillis,
    requestTimeout: settings.requestMillis,
    keepAliveTimeout: settings.keepAliveMillis,
    // A request without a host is refused by the listener, with a problem.
    requireHostHeader: false,
    // How often Node looks for requests that are late: soon enough for the shorter of the bounds.
    connectionsCheckingInterval: Math.max(50, Math.min(settings.headersMillis, settings.requestMillis) / 4)
  }, (incoming, outgoing) => void listener(incoming, outgoing))
  // Expectations that nobody here knows are not met, and need not be: the request is answered all the same.
  server.on("checkExpectation", (incoming, outgoing) => server.emit("request", incoming, outgoing))
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => turnAway(error, socket, settings))
  return server
}

/** A copy is always Node's own: the original is not, and would be written, where somebody has replaced the globals before. */
const SENT = RESPONSE_ALREADY_SENT.clone()

/** What is there as a whole is written at once, without a `Response`, which costs more than all else here; a stream is handed on. */
const answered = async (app: App.App, request: Request, { incoming, outgoing }: HttpBindings | Http2Bindings): Promise<Response> => {
  const answer = await app.answer(request, { remoteAddress: incoming.socket?.remoteAddress })
  const { body, headers, status } = answer
  if (!(outgoing instanceof ServerResponse) || (body !== null && typeof body !== "string")) return Exchange.responseOf(answer)
  if (body === null) outgoing.writeHead(status, headers).end()
  else outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body)
  return SENT
}

const unreadable = (): Response => {
  const refusal = new RequestInvalid({ errors: [{ path: "path", message: "it is no path of a URL, or the host is none" }] })
  const { body, headers } = problem(refusal)
  return new Response(body, { status: 400, headers })
}

interface Told {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

const problem = (refusal: Refusal & { readonly _tag: Code }): Told => {
  const requestId = randomUUID()
  return { body: JSON.stringify(problemOf(refusal, requestId)), headers: { "content-type": CONTENT_TYPE, "x-request-id": requestId } }
}

/** What is no HTTP, or too large or too slow, has no request that a handler could be asked about. */
const turnAway = (error: NodeJS.ErrnoException, socket: Duplex, { headersBytesMax }: Options.Settings): void => {
  if (!socket.writable) return
  if (error.code === "HPE_HEADER_OVERFLOW") {
    return end(socket, "431 Request Header Fields Too Large", problem(new HeadersTooLarge({ bytesMax: headersBytesMax })))
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return end(socket, "408 Request Timeout", problem(new RequestLate()))
  return end(socket, "400 Bad Request", problem(new RequestInvalid({ errors: [{ path: "request", message: "it is not HTTP" }] })))
}

const end = (socket: Duplex, status: string, { body, headers }: Told): void => {
  const told = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${status}`, "connection: close", ...told, `content-length: ${Buffer.byteLength(body)}`]
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`)
}

/** Open connections, each with the number of its requests that have no answer yet. */
type Connections = Map<Duplex, number>

/** Node calls a connection idle only after its first request; browsers open some in advance. */
const watched = (server: HttpServer): Connections => {
  const connections: Connections = new Map()
  server.on("connection", (socket: Duplex) => {
    connections.set(socket, 0)
    socket.once("close", () => connections.delete(socket))
  })
  server.on("request", ({ socket }, outgoing) => {
    connections.set(socket, (connections.get(socket) ?? 0) + 1)
    outgoing.once("close", () => {
      const count = connections.get(socket)
      if (count !== undefined) connections.set(socket, count - 1)
    })
  })
  return connections
}

const opened = (server: HttpServer, hostname: string, port: number): Effect.Effect<void, Errors.ConfigurationInvalid> =>
  Effect.async((resume) => {
    const failed = (error: Error) =>
      resume(refused(`it cannot listen on ${hostname}, port ${port}: ${error.message}`, "Choose another port, or stop who has it."))
    server.once("error", failed)
    server.listen(port, hostname, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

/** How often connections are looked for that have got their answer and are kept open, in vain, for another request. */
const LOOK = Duration.millis(20)

/** Connections that wait for nothing are closed at once; the others as soon as they are answered, or when the grace is over. */
const stop = (app: App.App, server: HttpServer, connections: Connections, { graceMillis }: Options.Settings): Effect.Effect<void> =>
  Effect.gen(function*() {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    const closeIdle = Effect.repeat(Effect.sync(() => hangUp(connections)), Schedule.spaced(LOOK))
    const answered = Effect.race(Effect.zipRight(app.drain, Effect.promise(() => closed)), closeIdle)
    // Finalizers run uninterruptibly, and so the time limit of this one would not hold.
    yield* Effect.timeoutOption(Effect.interruptible(answered), Duration.millis(graceMillis))
    server.closeAllConnections()
    yield* Effect.promise(() => closed)
  })

const hangUp = (connections: Connections): void => {
  for (const [socket, count] of connections) if (count === 0) socket.destroy()
}
