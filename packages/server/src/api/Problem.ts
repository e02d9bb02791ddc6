/**
 * What every refusal looks like (RFC 9457, `application/problem+json`), and the one table from error tags to HTTP status.
 * `code` is the tag of the error and a heading of docs/errors.md; `data` holds the error's fields, from which a client
 * builds it again.
 */
import { Schema } from "effect"

export const CONTENT_TYPE = "application/problem+json"

export const Problem = Schema.Struct({
  /** `urn:reprise:problem:` and the code. */
  type: Schema.String,
  title: Schema.String,
  status: Schema.Number,
  code: Schema.String,
  /** What happened, for a person. */
  detail: Schema.String,
  /** What that person can do. */
  hint: Schema.String,
  /** Where in the request, when it is about the request: `body.input.total`, `query.limit`. */
  errors: Schema.optional(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))),
  /** The fields of the error, as its schema encodes them. */
  data: Schema.optional(Schema.Unknown),
  /** The request's id, which is in the server's log, too. */
  requestId: Schema.String
}).annotations({ identifier: "Problem" })
export type Problem = typeof Problem.Type

interface Meaning {
  readonly status: number
  readonly title: string
}

/** One row for each code that an answer may have. */
export const PROBLEMS = {
  BodyMalformed: { status: 400, title: "The body is not JSON" },
  RequestInvalid: { status: 400, title: "The request does not fit the route" },
  CursorInvalid: { status: 400, title: "The cursor is not one of this list" },
  Unauthenticated: { status: 401, title: "Who are you?" },
  Forbidden: { status: 403, title: "Not allowed" },
  CsrfRefused: { status: 403, title: "The request does not come from the dashboard" },
  HostRefused: { status: 421, title: "The server does not answer for this host" },
  RouteUnknown: { status: 404, title: "No such route" },
  RunNotFound: { status: 404, title: "No such run" },
  WorkflowUnknown: { status: 404, title: "No such workflow" },
  MessageUnknown: { status: 404, title: "No such signal, query or update" },
  AwakeableUnknown: { status: 404, title: "No such awakeable" },
  KeyUnknown: { status: 404, title: "No open run has this key" },
  BulkJobUnknown: { status: 404, title: "No such bulk job" },
  ApiKeyUnknown: { status: 404, title: "No such API key" },
  UserUnknown: { status: 404, title: "No such user" },
  MethodNotAllowed: { status: 405, title: "The route has no such method" },
  NotAcceptable: { status: 406, title: "None of the accepted types is to be had" },
  RequestLate: { status: 408, title: "The request took too long" },
  RunExists: { status: 409, title: "The run exists" },
  RunClosed: { status: 409, title: "The run has ended" },
  AwakeableAlreadySettled: { status: 409, title: "The awakeable is settled" },
  UserExists: { status: 409, title: "The user exists" },
  UpdateRejected: { status: 409, title: "The run refused the update" },
  PreconditionFailed: { status: 412, title: "The run has changed" },
  BodyTooLarge: { status: 413, title: "The body is too large" },
  PayloadTooLarge: { status: 413, title: "The payload is too large" },
  MediaTypeUnsupported: { status: 415, title: "The body must be JSON" },
  BodyInvalid: { status: 422, title: "The body does not fit the route" },
  PayloadInvalid: { status: 422, title: "The payload does not fit its schema" },
  NameInvalid: { status: 422, title: "The name cannot be used" },
  ForkInvalid: { status: 422, title: "The run cannot be forked there" },
  IdempotencyKeyReused: { status: 422, title: "The idempotency key was used for another request" },
  QueryFailed: { status: 422, title: "The query failed" },
  UpdateFailed: { status: 422, title: "The update failed" },
  RateLimited: { status: 429, title: "Too many requests" },
  HeadersTooLarge: { status: 431, title: "The headers are too large" },
  InternalError: { status: 500, title: "A bug of the server" },
  HistoryDamaged: { status: 500, title: "The history of the run is damaged" },
  AnswerLate: { status: 503, title: "The answer took too long" },
  IssuerUnavailable: { status: 503, title: "The issuer of the token cannot be asked now" },
  LogError: { status: 503, title: "The store cannot be used now" },
  WorkerMissing: { status: 503, title: "No worker is there to answer" },
  ServerStopping: { status: 503, title: "The server is stopping" },
  TooManyStreams: { status: 503, title: "The server follows as many streams as it may" }
} as const satisfies { readonly [code: string]: Meaning }

export type Code = keyof typeof PROBLEMS
