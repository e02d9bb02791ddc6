/** Routes about who may do what, and who did what. */
import { Schema } from "effect"
import { Instant } from "../Instant.js"
import { ApiKey, AuditEntry, Caller, page, Role, User } from "../Model.js"
import { Count } from "../Numeral.js"
import * as Route from "../Route.js"

const tag = "access"
const optional = Schema.optional

export const whoAmI = Route.make("whoAmI", "GET", "/api/v1/me", {
  tag,
  summary: "Who the server takes the caller for",
  access: "read",
  answer: Caller
})

const KeyParams = Schema.Struct({ keyId: Schema.String })

export const listKeys = Route.make("listKeys", "GET", "/api/v1/keys", {
  tag,
  summary: "All API keys, without their secrets",
  access: "administer",
  answer: Schema.Struct({ items: Schema.Array(ApiKey) })
})

export const createKey = Route.make("createKey", "POST", "/api/v1/keys", {
  tag,
  summary: "Makes an API key. Its secret is in this answer, and nowhere else",
  access: "administer",
  body: Schema.Struct({ name: Schema.String, role: Role, expiresAt: optional(Instant) }),
  answer: Schema.Struct({ ...ApiKey.fields, key: Schema.String }),
  status: 201,
  problems: ["NameInvalid"]
})

export const revokeKey = Route.make("revokeKey", "DELETE", "/api/v1/keys/{keyId}", {
  tag,
  summary: "Revokes an API key, at once and for good",
  access: "administer",
  params: KeyParams,
  problems: ["ApiKeyUnknown"]
})

export const listUsers = Route.make("listUsers", "GET", "/api/v1/users", {
  tag,
  summary: "All users",
  access: "administer",
  answer: Schema.Struct({ items: Schema.Array(User) })
})

/** Longest password, in characters: hashing is dear. */
export const PASSWORD_CHARS_MAX = 1_024

/** Never repeats what was sent. */
const Password = Schema.String.annotations({ message: () => "Expected a string" })

const NewPassword = Password.pipe(
  Schema.minLength(12, { message: () => "Expected at least 12 characters" }),
  Schema.maxLength(PASSWORD_CHARS_MAX, { message: () => `Expected at most ${PASSWORD_CHARS_MAX} characters` })
)

export const createUser = Route.make("createUser", "POST", "/api/v1/users", {
  tag,
  summary: "Makes a user with a password",
  access: "administer",
  body: Schema.Struct({ name: Schema.String, password: NewPassword, role: Role }),
  answer: User,
  status: 201,
  problems: ["UserExists", "NameInvalid"]
})

export const removeUser = Route.make("removeUser", "DELETE", "/api/v1/users/{user}", {
  tag,
  summary: "Removes a user, and ends the sessions of that user",
  access: "administer",
  params: Schema.Struct({ user: Schema.String }),
  problems: ["UserUnknown"]
})

/** Longest page of the audit log. */
const AUDIT_PAGE_MAX = 1_000

export const listAudit = Route.make("listAudit", "GET", "/api/v1/audit", {
  tag,
  summary: "The mutations that were asked for over HTTP, newest first",
  access: "administer",
  query: Schema.Struct({
    limit: optional(Count.pipe(Schema.lessThanOrEqualTo(AUDIT_PAGE_MAX))),
    cursor: optional(Schema.String)
  }),
  answer: page(AuditEntry),
  problems: ["CursorInvalid"]
})

/** The session cookie is set by the answer; mutations that come with it must send the token as `X-CSRF-Token`. */
export const openSession = Route.make("openSession", "POST", "/api/v1/session", {
  tag,
  summary: "Signs a user in, for a browser: sets the session cookie",
  access: "open",
  body: Schema.Struct({ name: Schema.String, password: Password }),
  answer: Schema.Struct({ caller: Caller, csrfToken: Schema.String, expiresAt: Instant }),
  status: 201,
  problems: ["Unauthenticated", "RateLimited"]
})

export const closeSession = Route.make("closeSession", "DELETE", "/api/v1/session", {
  tag,
  summary: "Signs out",
  access: "read"
})
