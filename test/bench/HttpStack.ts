/** The whole stack with a server on a port, and callers in another process. */
import type { Client } from "@reprise/core"
import type { Log } from "@reprise/core/engine"
import { Server } from "@reprise/server"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, type Scope } from "effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Wrong } from "./Bench.js"
import type { Answer, Order } from "./httpCaller.js"
import { type AnyWorkflow, storeOf } from "./Stack.js"

const FILE = fileURLToPath(new URL("httpCaller.ts", import.meta.url))

export interface Callers {
  readonly send: (order: Order) => Effect.Effect<void>
  /** The next answer. */
  readonly next: Effect.Effect<Answer>
}

/** Milliseconds that an order took. */
export const took = ({ next, send }: Callers, order: Order): Effect.Effect<ReadonlyArray<number>> =>
  Effect.map(Effect.zipRight(send(order), next), (answer) => {
    if (answer._tag !== "Took") throw new Wrong(`${order._tag} was answered with ${answer._tag}`)
    return answer.millis
  })

const callers = (url: string): Effect.Effect<Callers, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fork(FILE, [url], { stdio: ["ignore", 2, 2, "ipc"] })),
      (child) => Effect.sync(() => void child.kill("SIGKILL"))
    ),
    (child) => ({
      send: (order) => Effect.sync(() => void child.send(order)),
      next: Effect.async((resume) => {
        const ended = (): void => resume(Effect.die(new Wrong("the process of the callers has ended")))
        child.once("exit", ended).once("message", (answer: Answer) => {
          child.off("exit", ended)
          resume(Effect.succeed(answer))
        })
      })
    })
  )

/** Without auth, and so without rates: no bench is to measure how requests are refused. */
export const run = <A, E>(
  folder: string,
  workflows: ReadonlyArray<AnyWorkflow>,
  use: (callers: Callers) => Effect.Effect<A, E, Client.Client | Log.Log>
): Promise<A> => {
  const engine = Worker.layer({ workflows }).pipe(Layer.provideMerge(Sqlite.layer({ filename: storeOf(folder) })))
  const stack = Layer.provideMerge(Server.layer({ port: 0 }), engine)
  const served = Effect.gen(function*() {
    const { url } = yield* Server.Server
    return yield* use(yield* callers(url))
  })
  return Effect.runPromise(served.pipe(Effect.scoped, Effect.provide(stack)))
}
