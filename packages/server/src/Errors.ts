/**
 * What the server refuses by itself; all else that an answer may say is core's. Each says what happened in `message` and
 * what the caller can do in `hint`; docs/errors.md has a heading for each, and api/Problem.ts a status. No platform code
 * here: the typed client builds these errors again from what the server answers.
 */
import { Schema } from "effect"

/** The text that an error shows: what happened, what to do, where to read on. */
const told = (tag: string, what: string, hint: string): string => `${what}\n  hint: ${hint}\n  see: docs/errors.md#${tag.toLowerCase()}`

/** Where in the request something is wrong: `body.input.total`, `query.limit`. */
export const Issue = Schema.Struct({ path: Schema.String, message: Schema.String })
export type Issue = typeof Issue.Type

const issues = { errors: Schema.Array(Issue) }

/** Issues that a message tells; the others are only in `errors`. */
const SHOWN_MAX = 5

const inWords = (errors: ReadonlyArray<Issue>): string => {
  const shown = errors.slice(0, SHOWN_MAX).map(({ message, path }) => `${path}: ${message}`)
  return errors.length > SHOWN_MAX ? `${shown.join("; ")}; and ${errors.length - SHOWN_MAX} more` : shown.join("; ")
}

// ---- the request ----

export class BodyMalformed extends Schema.TaggedError<BodyMalformed>()("BodyMalformed", { detail: Schema.String }) {
  get hint() {
    return "Send JSON, encoded as UTF-8."
  }
  override get message() {
    return told("BodyMalformed", `The body is not JSON: ${this.detail}.`, this.hint)
  }
}

/** The path, the query or a header does not fit the route. */
export class RequestInvalid extends Schema.TaggedError<RequestInvalid>()("RequestInvalid", issues) {
  get hint() {
    return "Mend what `errors` lists; /openapi.json says what the route takes."
  }
  override get message() {
    return told("RequestInvalid", `The request does not fit the route: ${inWords(this.errors)}.`, this.hint)
  }
}

export class BodyInvalid extends Schema.TaggedError<BodyInvalid>()("BodyInvalid", issues) {
  get hint() {
    return "Mend what `errors` lists; /openapi.json says what the route takes, and /api/v1/workflows what a workflow does."
  }
  override get message() {
    return told("BodyInvalid", `The body does not fit the route: ${inWords(this.errors)}.`, this.hint)
  }
}

export class CursorInvalid extends Schema.TaggedError<CursorInvalid>()("CursorInvalid", {}) {
  get hint() {
    return "Pass `nextCursor` or `prevCursor` of the page before unchanged, with the same filter; or begin without a cursor."
  }
  override get message() {
    return told("CursorInvalid", "The cursor does not come from a list with this filter.", this.hint)
  }
}

export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", { bytesMax: Schema.Number }) {
  get hint() {
    return "Store the value elsewhere and pass a reference, or raise Options.bodyBytesMax."
  }
  override get message() {
    return told("BodyTooLarge", `The body has more than ${this.bytesMax} bytes.`, this.hint)
  }
}

export class HeadersTooLarge extends Schema.TaggedError<HeadersTooLarge>()("HeadersTooLarge", { bytesMax: Schema.Number }) {
  get hint() {
    return "Send fewer and shorter headers: cookies and tokens are the usual ones."
  }
  override get message() {
    return told("HeadersTooLarge", `The headers have more than ${this.bytesMax} bytes.`, this.hint)
  }
}

/** Nothing was done of it: it had not arrived. */
export class RequestLate extends Schema.TaggedError<RequestLate>()("RequestLate", {}) {
  get hint() {
    return "Send the request again, over a faster or more reliable connection; or raise Options.requestMillis."
  }
  override get message() {
    return told("RequestLate", "The request took too long to arrive.", this.hint)
  }
}

export class MediaTypeUnsupported extends Schema.TaggedError<MediaTypeUnsupported>()("MediaTypeUnsupported", {
  contentType: Schema.optional(Schema.String),
  /** How it is compressed: what a few bytes become, nobody has bounded. */
  contentEncoding: Schema.optional(Schema.String)
}) {
  get hint() {
    return "Send the header `Content-Type: application/json`, and the body as it is, not compressed."
  }
  override get message() {
    const { contentEncoding, contentType } = this
    const type = contentType === undefined ? "has no content type" : `is ${JSON.stringify(contentType)}`
    const what = contentEncoding === undefined ? type : `is encoded as ${JSON.stringify(contentEncoding)}`
    return told("MediaTypeUnsupported", `The body ${what}; it must be application/json.`, this.hint)
  }
}

export class NotAcceptable extends Schema.TaggedError<NotAcceptable>()("NotAcceptable", { offered: Schema.Array(Schema.String) }) {
  get hint() {
    return `Accept one of ${this.offered.join(", ")}.`
  }
  override get message() {
    return told("NotAcceptable", "The route answers with none of the types that the request accepts.", this.hint)
  }
}

export class RouteUnknown extends Schema.TaggedError<RouteUnknown>()("RouteUnknown", { path: Schema.String }) {
  get hint() {
    return "/docs lists the routes. A path has no slash at its end, and what stands in it is percent-encoded."
  }
  override get message() {
    return told("RouteUnknown", `There is no route ${JSON.stringify(this.path)}.`, this.hint)
  }
}

export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  method: Schema.String,
  allowed: Schema.Array(Schema.String)
}) {
  get hint() {
    return `Use ${this.allowed.join(", ")}.`
  }
  override get message() {
    return told("MethodNotAllowed", `The route does not take ${this.method}.`, this.hint)
  }
}

export class IdempotencyKeyReused extends Schema.TaggedError<IdempotencyKeyReused>()("IdempotencyKeyReused", {
  runId: Schema.optional(Schema.String)
}) {
  get hint() {
    return "Send the same request again, or take another key for another request."
  }
  override get message() {
    return told("IdempotencyKeyReused", "The idempotency key, or the id, stands for another request.", this.hint)
  }
}

export class PreconditionFailed extends Schema.TaggedError<PreconditionFailed>()("PreconditionFailed", { runId: Schema.String }) {
  get hint() {
    return "Read the run again, and send the request with its new ETag if it is still wanted."
  }
  override get message() {
    return told("PreconditionFailed", `Run "${this.runId}" has changed since it was read.`, this.hint)
  }
}

// ---- the caller ----

export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {}) {
  get hint() {
    return "Send an API key as `Authorization: Bearer rpr_…`, or sign in; the key may have expired or been revoked."
  }
  override get message() {
    return told("Unauthenticated", "The request has no valid credentials.", this.hint)
  }
}

export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", { access: Schema.String, role: Schema.String }) {
  get hint() {
    return "Ask an administrator for a key or a user with another role."
  }
  override get message() {
    return told("Forbidden", `The role "${this.role}" may not ${this.access}.`, this.hint)
  }
}

export class CsrfRefused extends Schema.TaggedError<CsrfRefused>()("CsrfRefused", {}) {
  get hint() {
    return "Send the token of the session as `X-CSRF-Token`, from a page of this server; or use an API key."
  }
  override get message() {
    return told("CsrfRefused", "The request comes with a session, but not from a page that may use it.", this.hint)
  }
}

export class HostRefused extends Schema.TaggedError<HostRefused>()("HostRefused", { host: Schema.String }) {
  get hint() {
    return "Use the address that the server printed when it started, or allow this host in its options."
  }
  override get message() {
    return told("HostRefused", `The server does not answer for the host ${JSON.stringify(this.host)}.`, this.hint)
  }
}

export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", { retryAfterSeconds: Schema.Number }) {
  get hint() {
    return `Wait ${this.retryAfterSeconds} s, as the header Retry-After says.`
  }
  override get message() {
    return told("RateLimited", "Too many requests.", this.hint)
  }
}

/** A token could not be checked, because its issuer did not tell its keys. The token may be good. */
export class IssuerUnavailable extends Schema.TaggedError<IssuerUnavailable>()("IssuerUnavailable", {}) {
  get hint() {
    return "Ask again later; the log of the server says what became of the request for the issuer's keys."
  }
  override get message() {
    return told("IssuerUnavailable", "The token cannot be checked, because the keys of its issuer cannot be read now.", this.hint)
  }
}

// ---- what is not there, or there already ----

export class KeyUnknown extends Schema.TaggedError<KeyUnknown>()("KeyUnknown", { workflow: Schema.String, key: Schema.String }) {
  get hint() {
    return "Only open runs have their key; list the runs with this key to find one that has ended."
  }
  override get message() {
    return told("KeyUnknown", `No open run of workflow "${this.workflow}" has the key "${this.key}".`, this.hint)
  }
}

export class BulkJobUnknown extends Schema.TaggedError<BulkJobUnknown>()("BulkJobUnknown", { jobId: Schema.String }) {
  get hint() {
    return "Check the id and the store."
  }
  override get message() {
    return told("BulkJobUnknown", `There is no bulk job "${this.jobId}".`, this.hint)
  }
}

export class ApiKeyUnknown extends Schema.TaggedError<ApiKeyUnknown>()("ApiKeyUnknown", { keyId: Schema.String }) {
  get hint() {
    return "List the keys; the id is the part between the two underscores."
  }
  override get message() {
    return told("ApiKeyUnknown", `There is no API key "${this.keyId}".`, this.hint)
  }
}

export class UserUnknown extends Schema.TaggedError<UserUnknown>()("UserUnknown", { name: Schema.String }) {
  get hint() {
    return "List the users."
  }
  override get message() {
    return told("UserUnknown", `There is no user "${this.name}".`, this.hint)
  }
}

export class UserExists extends Schema.TaggedError<UserExists>()("UserExists", { name: Schema.String }) {
  get hint() {
    return "Remove the user first, or take another name."
  }
  override get message() {
    return told("UserExists", `There is a user "${this.name}" already.`, this.hint)
  }
}

// ---- the server ----

/** Says nothing about the cause: that is in the server's log, under the id of the request. */
export class InternalError extends Schema.TaggedError<InternalError>()("InternalError", {}) {
  get hint() {
    return "Look for the request's id in the log of the server, and report what stands there."
  }
  override get message() {
    return told("InternalError", "The server failed to answer.", this.hint)
  }
}

/** Whether what was asked is done is not known: the store may yet do it. */
export class AnswerLate extends Schema.TaggedError<AnswerLate>()("AnswerLate", {}) {
  get hint() {
    return "Send the same request again, with the same id, message id or Idempotency-Key: nothing is done twice."
  }
  override get message() {
    return told("AnswerLate", "The answer took too long.", this.hint)
  }
}

export class ServerStopping extends Schema.TaggedError<ServerStopping>()("ServerStopping", {}) {
  get hint() {
    return "Ask again when it is back; what was accepted is durable."
  }
  override get message() {
    return told("ServerStopping", "The server is stopping.", this.hint)
  }
}

export class TooManyStreams extends Schema.TaggedError<TooManyStreams>()("TooManyStreams", { streamsMax: Schema.Number }) {
  get hint() {
    return "Follow many runs over one connection (GET /api/v1/events), close streams that nobody reads, or raise Options.streamsMax."
  }
  override get message() {
    return told("TooManyStreams", `${this.streamsMax} streams are open, and more are not allowed.`, this.hint)
  }
}
