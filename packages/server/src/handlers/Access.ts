/** Answers the routes about who may do what. The role of the caller was checked before. */
import type { Records } from "@reprise/core/engine"
import { Effect, Redacted } from "effect"
import type { Asked, Handlers } from "../api/Handler.js"
import { value } from "../api/Handler.js"
import type { Any } from "../api/Route.js"
import { Auth } from "../auth/Auth.js"
import * as Cookies from "../auth/Cookies.js"
import type { Incoming } from "../auth/Credentials.js"
import * as Keys from "../auth/Keys.js"
import * as Names from "../auth/Names.js"
import * as Sessions from "../auth/Sessions.js"
import * as Users from "../auth/Users.js"

type Mine =
  | "whoAmI"
  | "listKeys"
  | "createKey"
  | "revokeKey"
  | "listUsers"
  | "createUser"
  | "removeUser"
  | "listAudit"
  | "openSession"
  | "closeSession"

const incoming = ({ header, remoteAddress }: Asked<Any>, method: string): Incoming => ({ header, method, remoteAddress })

const NOTHING = value(undefined)

export const handlers: Handlers<Mine, Auth | Records.Records> = {
  /** A page that was loaded again finds its token in a header. */
  whoAmI: ({ caller, header }) => {
    const token = caller.via === "session" ? Cookies.read(header("cookie"), header("host")) : undefined
    const headers: Record<string, string> = token === undefined ? {} : { "X-CSRF-Token": Sessions.csrfOf(Redacted.make(token)) }
    return Effect.succeed(value(caller, { headers }))
  },
  listKeys: () => Effect.map(Keys.list, (items) => value({ items })),
  createKey: ({ body, caller }) =>
    Effect.map(Keys.create({ ...body, createdBy: caller.name }), ({ apiKey, key }) => value({ ...apiKey, key: Redacted.value(key) })),
  revokeKey: ({ params }) =>
    Effect.gen(function*() {
      const auth = yield* Auth
      yield* Keys.revoke(params.keyId)
      auth.forgetKey(params.keyId)
      return NOTHING
    }),
  listUsers: () => Effect.map(Users.list, (items) => value({ items })),
  createUser: ({ body, caller }) =>
    Effect.map(Users.create({ ...body, password: Redacted.make(body.password), createdBy: caller.name }), (user) => value(user)),
  removeUser: ({ params }) =>
    Effect.gen(function*() {
      yield* Users.remove(params.user)
      yield* Sessions.closeOf(Names.normalise(params.user) ?? params.user)
      return NOTHING
    }),
  listAudit: ({ query }) => Effect.flatMap(Auth, ({ audit }) => Effect.map(audit.list(query), (page) => value(page))),
  openSession: (asked) =>
    Effect.gen(function*() {
      const auth = yield* Auth
      const { body, header } = asked
      const opened = yield* auth.signIn(body.name, Redacted.make(body.password), incoming(asked, "POST"))
      const { caller, csrfToken, expiresAt, seconds, token } = opened
      const cookie = Cookies.keep(token, seconds, header("host"))
      return value({ caller, csrfToken, expiresAt }, { headers: { "Set-Cookie": cookie } })
    }),
  closeSession: (asked) =>
    Effect.gen(function*() {
      const auth = yield* Auth
      yield* auth.signOut(incoming(asked, "DELETE"))
      return value(undefined, { headers: { "Set-Cookie": Cookies.drop(asked.header("host")) } })
    })
}
