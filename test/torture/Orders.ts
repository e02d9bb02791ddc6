/**
 * The clients, and their own book of what was acknowledged to them: it lives in the test's process, outside the one that is
 * tortured. Each customer does one thing after the other, and does again what was not acknowledged, with the same id.
 */
import { Data, Effect } from "effect"
import type { Answer, Ask, Request } from "./Service.js"
import type { Asked } from "./workload.js"

export interface Customer {
  readonly name: string
  /** What it does, in this order. */
  readonly requests: ReadonlyArray<Request>
  /** How much of it is settled. */
  next: number
}

export interface Book {
  readonly orders: ReadonlyMap<string, Asked>
  readonly customers: ReadonlyArray<Customer>
  /** How many of them come at the same time, in the order of the list. */
  readonly concurrency: number
  /** Starts by run, and signals by run and message: what was answered with success. */
  readonly acknowledged: Set<string>
  /** How the store said that orders ended. */
  readonly ends: Map<string, unknown>
  /** Answers that were errors of the store. */
  errors: number
}

/** An answer that no fault of a disk or a process explains. */
export class Unexpected extends Data.TaggedError("Unexpected")<{ readonly request: Request; readonly answer: Answer }> {
  override get message() {
    return `${JSON.stringify(this.request)} was answered with ${JSON.stringify(this.answer)}`
  }
}

export interface Wanted {
  readonly orders: number
  /** Customers that send notes to each order, and notes of each. */
  readonly senders: number
  readonly notes: number
  readonly weight?: number
  /** Orders that are served at the same time. Default: all. */
  readonly atOnce?: number
}

/** Every third order is refused, and undone. */
export const book = ({ atOnce, notes, orders, senders, weight = 10 }: Wanted): Book => {
  const ids = Array.from({ length: orders }, (_, i) => `order-${i}`)
  const all = new Map(ids.map((id, i): [string, Asked] => [id, { notes: notes * senders, refused: i % 3 === 2, weight }]))
  const customers = [...all].flatMap(([runId, asked]) =>
    Array.from({ length: senders }, (_, sender): Customer => {
      const name = `${runId}-${sender}`
      const signals = Array.from({ length: notes }, (_, n): Request => ({ op: "signal", runId, messageId: `${sender}:${n}` }))
      return { name, next: 0, requests: [{ op: "start", runId, asked }, ...signals, { op: "result", runId }] }
    }))
  return { orders: all, customers, concurrency: (atOnce ?? orders) * senders, acknowledged: new Set(), ends: new Map(), errors: 0 }
}

export const keyOf = (request: Request): string =>
  request.op === "signal" ? `signal ${request.runId} ${request.messageId}` : `${request.op} ${request.runId}`

/** Lets every customer go on, until all is settled or nobody answers any more. */
export const drive = <E>(book: Book, ask: Ask<E>): Effect.Effect<void, E | Unexpected> =>
  Effect.forEach(book.customers, (customer) => goOn(book, customer, ask), { concurrency: book.concurrency, discard: true })

const goOn = <E>(book: Book, customer: Customer, ask: Ask<E>): Effect.Effect<void, E | Unexpected> =>
  Effect.gen(function*() {
    for (let request; (request = customer.requests[customer.next]) !== undefined;) {
      const answer = yield* ask(request)
      if ("done" in answer) {
        book.acknowledged.add(keyOf(request))
        if (request.op === "result") book.ends.set(request.runId, answer.done)
        customer.next += 1
      } else if (answer.refused === "RunClosed" && request.op === "signal") {
        // An order ends only when it has every note: this one got in, and its acknowledgement was lost.
        customer.next += 1
      } else if (answer.refused === "LogError") {
        book.errors += 1
        yield* Effect.sleep("20 millis")
      } else {
        return yield* new Unexpected({ request, answer })
      }
    }
  })

export const isSettled = (book: Book): boolean => book.customers.every(({ next, requests }) => next === requests.length)
