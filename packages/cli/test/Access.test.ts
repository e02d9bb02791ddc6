/** Keys and users of a store, and what needs neither: the document of the routes, completions. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Sqlite } from "@reprise/sql"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { within } from "./Processes.js"

const folder = mkdtempSync(join(tmpdir(), "reprise-access-"))
const store = join(folder, "runs.db")
beforeAll(() => Effect.runPromise(Effect.scoped(Layer.build(Sqlite.layer({ filename: store })))))
afterAll(() => rmSync(folder, { recursive: true }))

const at = ["--store", store]

it("keys are made, listed without their secrets, and revoked", async () => {
  const made = await within("keys", "create", "ci", "--role", "editor", "--expires", "30d", ...at)
  expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^rpr_[0-9a-f]+_[0-9a-f]+\n$/)])
  const [, keyId = ""] = made.out.split("_")
  expect(made.err).toContain(`key ${keyId}, role editor`)
  const listed = await within("keys", "list", ...at)
  expect(listed.out).toMatch(new RegExp(`^${keyId}\\tci\\teditor\\tgood, ends in 29d 23h\\t`))
  expect(listed.out).not.toContain(made.out.trim().split("_")[2])
  expect(await within("keys", "revoke", keyId, ...at)).toEqual({ code: 0, out: `key ${keyId} is revoked\n`, err: "" })
  const after = JSON.parse((await within("keys", "list", "--json", ...at)).out)
  expect(after).toMatchObject({ items: [{ keyId, revokedAt: expect.any(String) }] })
  expect(await within("keys", "revoke", "none", ...at)).toMatchObject({ code: 2, out: "" })
  expect(await within("keys", "create", "ci", "--role", "king", ...at)).toMatchObject({ code: 2, out: "" })
})

it("users are listed and removed", async () => {
  expect(await within("users", "list", ...at)).toEqual({ code: 0, out: "", err: "" })
  expect(await within("users", "remove", "ada", ...at)).toMatchObject({ code: 2, err: expect.stringContaining("ada") })
})

it("prints the OpenAPI document and completions without a store", async () => {
  const [document, bash, fish, none] = await Promise.all([
    within("openapi"),
    within("completions", "bash"),
    within("completions", "fish"),
    within("completions", "tcsh")
  ])
  expect(JSON.parse(document.out)).toMatchObject({ openapi: expect.stringMatching(/^3\.1/), paths: { "/api/v1/runs": {} } })
  expect([bash.code, fish.code, none.code]).toEqual([0, 0, 2])
  expect(bash.out).toContain("complete")
  expect(fish.out).toContain("complete -c reprise")
})

it("a store is told, and brought up to date", async () => {
  expect(await within("db", "migrate", ...at)).toEqual({ code: 0, out: `${store} is up to date\n`, err: "" })
  expect((await within("db", "status", ...at)).out).toMatch(/runs\.db: \d+ bytes, schema up to date\n$/)
  expect(JSON.parse((await within("db", "status", "--json", ...at)).out)).toMatchObject({ store, runs: [] })
})

it("an address that is none, or that nobody serves, is refused", async () => {
  const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string]> = [
    [["runs", "list", "--url", "localhost:1"], "is no address of a server"],
    [["runs", "list", "--url", "http://127.0.0.1:1"], "did not answer"],
    [["runs", "list", "--url", "http://127.0.0.1:1", ...at], "either --url or --store"],
    [["runs", "signal", "one", "go", "{", ...at], "{ is no JSON"],
    [["runs", "start", "order", ...at], "give --workflows ENTRY"],
    [["runs", "update", "one", "rename", ...at], "a store has none: give --url"],
    [["runs", "list", "--since", "yesterday", ...at], "--since takes an instant"]
  ]
  for (const [args, says] of cases) {
    expect([args, await within(...args)]).toEqual([args, { code: 2, out: "", err: expect.stringContaining(says) }])
  }
})
