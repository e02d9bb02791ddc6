/**
 * The worker under torture: a store, a worker and the workload in one scope, and what a client may ask of it. It runs in a
 * process of its own (serve.ts), or in that of a test once the torture is over.
 *
 * Its ledger has a line for each attempt that begins, `begun LIFE RUN ATTEMPT STEP`, and, for each life before its worker
 * starts, a line for each attempt whose end that life has found in the log, `ended LIFE RUN ATTEMPT STEP`.
 */
import { Client } from "@reprise/core"
import { type Event, Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect } from "effect"
import { appendFileSync, openSync, writeSync } from "node:fs"
import { type Asked, Note, workflowsOn } from "./workload.js"

/** A store, and the ledger of what its steps did. Keep them on different disks when one is to fail. */
export interface Place {
  readonly filename: string
  readonly ledger: string
}

export type Request =
  | { readonly op: "start"; readonly runId: string; readonly asked: Asked }
  | { readonly op: "signal"; readonly runId: string; readonly messageId: string }
  | { readonly op: "result"; readonly runId: string }

/** `refused` is the tag of an error; its message is for whoever reads the report of a failure. */
export type Answer = { readonly done: unknown } | { readonly refused: string; readonly message: string }

/** Fails with `E` when there is nobody any more who could answer. */
export type Ask<E = never> = (request: Request) => Effect.Effect<Answer, E>

/** Opens the place for `life` and gives `use` a way to ask, until it ends. */
export const serve = <A>(place: Place, life: string, use: (ask: Ask) => Effect.Effect<A>) => {
  const write = writer(place.ledger)
  const { Order, all } = workflowsOn((runId, step, attempt) => write(`begun ${life} ${runId} ${attempt} ${step}`))

  const perform = (request: Request): Effect.Effect<unknown, { readonly _tag: string; readonly message: string }, Client.Client> => {
    const { op, runId } = request
    if (op === "start") return Effect.asVoid(Client.start(Order, request.asked, { id: runId, onConflict: "use_existing" }))
    if (op === "signal") return Client.signal(runId, Note, request.messageId, { messageId: request.messageId })
    // An order that is refused has ended as it should; everything else is an error of the question.
    return Effect.catchAll(Client.result(Order, runId), (error) =>
      typeof error === "string" ? Effect.succeed(error) : Effect.fail(error))
  }

  return Effect.gen(function*() {
    for (const line of endedIn(yield* histories)) write(`ended ${life} ${line}`)
    return yield* Effect.flatMap(Effect.context<Client.Client>(), (context) =>
      use((request) =>
        perform(request).pipe(
          Effect.match({
            onSuccess: (done): Answer => ({ done: done ?? null }),
            onFailure: ({ _tag, message }): Answer => ({ refused: _tag, message })
          }),
          Effect.provide(context)
        ))).pipe(Effect.provide(Worker.layer({ workflows: all })))
  }).pipe(Effect.provide(Sqlite.layer({ filename: place.filename })))
}

/** The write is the kernel's when this returns, so that a killed process loses none. */
const writer = (ledger: string) => {
  appendFileSync(ledger, "")
  const file = openSync(ledger, "a")
  return (line: string): void => void writeSync(file, `${line}\n`)
}

export type Histories = ReadonlyMap<string, ReadonlyArray<Event.Event>>

/** Every history of the store. */
export const histories = Effect.gen(function*() {
  const log = yield* Log.Log
  const all = new Map<string, ReadonlyArray<Event.Event>>()
  for (let before: string | undefined;;) {
    const page = yield* log.find({ limit: PAGE, ...(before === undefined ? {} : { before }) })
    for (const { runId } of page) {
      const events = yield* log.read(runId, 0, Number.MAX_SAFE_INTEGER)
      all.set(runId, events.map(({ event }) => event))
    }
    if (page.length < PAGE) return all
    before = page[page.length - 1]?.runId
  }
})

const PAGE = 500

/** The attempts whose end is recorded, as the ledger names them: `RUN ATTEMPT STEP`. */
export const endedIn = (all: Histories): ReadonlyArray<string> =>
  [...all].flatMap(([runId, events]) => {
    const names = new Map<string, string>()
    return events.flatMap((event) => {
      if (event._tag === "StepScheduled") names.set(event.id, event.name)
      const isEnd = event._tag === "StepCompleted" || event._tag === "StepAttemptFailed"
      return isEnd ? [`${runId} ${event.attempt} ${names.get(event.id)}`] : []
    })
  })
