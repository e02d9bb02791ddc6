/** What answers a route. */
import type { Effect } from "effect"
import type { Caller } from "./Model.js"
import type { AnswerOf, Any, BodyOf, ParamsOf, QueryOf } from "./Route.js"
import type { Name, Routes } from "./Routes.js"

/** A decoded request, from a caller who may make it. */
export interface Asked<R extends Any> {
  readonly params: ParamsOf<R>
  readonly query: QueryOf<R>
  readonly body: BodyOf<R>
  /** Headers by their lower-case names. */
  readonly header: (name: string) => string | undefined
  readonly caller: Caller
  readonly requestId: string
  /** Missing for a request that came over no network. */
  readonly remoteAddress: string | undefined
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
}

/** An answer: a value that the route's schema encodes, or a body that is made as it is read. */
export type Reply<A> =
  | {
    readonly _tag: "Value"
    readonly value: A
    /** Default: the route's. */
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
  }
  | {
    readonly _tag: "Body"
    readonly contentType: string
    readonly body: string | ReadableStream<Uint8Array>
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
  }

type More = { readonly status?: number; readonly headers?: Readonly<Record<string, string>> }

export const value = <A>(answer: A, more: More = {}): Reply<A> =>
  ({ _tag: "Value", value: answer, ...more })

/** What a handler fails with: a tagged error whose tag is a code of the table. */
export interface Refusal {
  readonly _tag: string
  readonly message: string
}

export type Handler<R extends Any, Services> = (asked: Asked<R>) => Effect.Effect<Reply<AnswerOf<R>>, Refusal, Services>

/** Handlers for some routes. */
export type Handlers<Names extends Name, Services> = { readonly [N in Names]: Handler<Routes[N], Services> }
