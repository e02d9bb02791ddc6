/** Which role may do what. Roles are monotone: each may do all that the one before it may. */
import type { Role } from "../api/Model.js"
import type { Access } from "../api/Route.js"

/** From the least to the most. */
export const ROLES: ReadonlyArray<Role> = ["viewer", "editor", "operator", "admin"]

/** The least role that has an access. */
const LEAST: { readonly [A in Exclude<Access, "open">]: Role } = {
  read: "viewer",
  write: "editor",
  operate: "operator",
  administer: "admin"
}

export const may = (role: Role, access: Access): boolean =>
  access === "open" || ROLES.indexOf(role) >= ROLES.indexOf(LEAST[access])

/** The one that may most. */
export const highest = (roles: ReadonlyArray<Role>): Role | undefined => ROLES.findLast((role) => roles.includes(role))
