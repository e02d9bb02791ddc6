/** Users with passwords. `create`, `list` and `remove` need the store only, and no server. */
import { type Errors, type Records } from "@reprise/core/engine"
import { Clock, Effect, type Redacted, Schema } from "effect"
import { Role, type User } from "../api/Model.js"
import { UserExists, UserUnknown } from "../Errors.js"
import * as Names from "./Names.js"
import * as Password from "./Password.js"
import * as Secret from "./Secret.js"
import * as Stored from "./Stored.js"

const StoredUser = Schema.Struct({
  /** Another one for a user that was removed and made again: sessions of the first one stay ended. */
  userId: Schema.String,
  role: Role,
  password: Password.Hash,
  createdAt: Schema.Number,
  createdBy: Schema.String
})
export type StoredUser = typeof StoredUser.Type

const users = Stored.collection("users", StoredUser)

const ID_BYTES = 8

export interface NewUser {
  readonly name: string
  readonly password: Redacted.Redacted
  readonly role: Role
  readonly createdBy: string
  /** Default: `Password.COST`. */
  readonly cost?: Password.Cost
}

const told = (name: string, { createdAt, createdBy, role }: StoredUser): User => ({ name, role, createdAt, createdBy })

/** Makes a user. Names are the same whatever their case. */
export const create = (
  asked: NewUser
): Effect.Effect<User, Errors.NameInvalid | UserExists | Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const name = yield* Names.user(asked.name)
    if ((yield* users.get(name)) !== undefined) return yield* new UserExists({ name })
    const stored: StoredUser = {
      userId: Secret.random(ID_BYTES),
      role: asked.role,
      password: yield* Password.make(asked.password, asked.cost),
      createdAt: yield* Clock.currentTimeMillis,
      createdBy: asked.createdBy
    }
    if (!(yield* users.insert(name, stored))) return yield* new UserExists({ name })
    return told(name, stored)
  })

/** All users, by name. */
export const list: Effect.Effect<ReadonlyArray<User>, Errors.LogError, Records.Records> = Effect.map(
  users.all,
  (documents) => documents.map(({ id, value }) => told(id, value))
)

/** Removes a user. Sessions of the user count no longer, because each request looks the user up. */
export const remove = (name: string): Effect.Effect<void, UserUnknown | Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const one = Names.normalise(name)
    if (one === undefined || !(yield* users.remove(one))) return yield* new UserUnknown({ name })
  })

/** The user with a name in any spelling. */
export const find = (name: string): Effect.Effect<StoredUser | undefined, Errors.LogError, Records.Records> => {
  const one = Names.normalise(name)
  return one === undefined ? Effect.succeed(undefined) : users.get(one)
}
