import { expect, it } from "@effect/vitest"
import * as Role from "../../src/auth/Role.js"

it("each role may what the table says, and no more", () => {
  const accesses = ["open", "read", "write", "operate", "administer"] as const
  const table = Role.ROLES.map((role) => accesses.map((access) => Role.may(role, access)))
  expect(table).toEqual([
    [true, true, false, false, false],
    [true, true, true, false, false],
    [true, true, true, true, false],
    [true, true, true, true, true]
  ])
})

it("the highest of several roles counts", () => {
  expect(Role.highest(["editor", "viewer", "operator", "viewer"])).toBe("operator")
  expect(Role.highest([])).toBeUndefined()
})
