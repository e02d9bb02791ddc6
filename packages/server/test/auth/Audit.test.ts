import { describe, expect, it } from "@effect/vitest"
import { Errors, Records } from "@reprise/core/engine"
import { Clock, Effect, Exit, Scope, TestClock } from "effect"
import type { AuditEntry } from "../../src/api/Model.js"
import * as Audit from "../../src/auth/Audit.js"
import { records } from "./given.js"

const CALLER = { name: "ann", role: "editor", via: "basic" } as const

const entry = (index: number, more: Partial<AuditEntry> = {}): Effect.Effect<AuditEntry> =>
  Effect.map(Clock.currentTimeMillis, (at) => ({
    at,
    requestId: `r${index}`,
    caller: CALLER,
    action: "startRun",
    method: "POST",
    path: "/api/v1/runs",
    status: 202,
    ...more
  }))

const write = (audit: Audit.Audit, index: number, more: Partial<AuditEntry> = {}) => Effect.flatMap(entry(index, more), audit.write)

const ids = ({ items }: Audit.Page) => items.map(({ requestId }) => requestId)

/** Every id of the log, the newest first, by pages of some size. */
const walk = (audit: Audit.Audit, limit: number) =>
  Effect.gen(function*() {
    const found: Array<string> = []
    let page = yield* audit.list({ limit })
    found.push(...ids(page))
    while (page.nextCursor !== undefined) {
      page = yield* audit.list({ limit, cursor: page.nextCursor })
      found.push(...ids(page))
    }
    return { found, last: page }
  })

describe("the audit log", () => {
  it.scoped("tells what was written, the newest first, page by page, and back", () =>
    Effect.gen(function*() {
      const audit = yield* Audit.make(1_000)
      for (let index = 0; index < 25; index++) {
        yield* write(audit, index)
        // Several at one instant.
        if (index % 3 === 0) yield* TestClock.adjust("1 second")
      }
      const expected = Array.from({ length: 25 }, (_, index) => `r${24 - index}`)
      for (const limit of [1, 7, 24, 25, 26]) expect((yield* walk(audit, limit)).found).toEqual(expected)

      const { last } = yield* walk(audit, 10)
      const middle = yield* audit.list({ limit: 10, cursor: last.prevCursor })
      expect(ids(middle)).toEqual(expected.slice(10, 20))
      const first = yield* audit.list({ limit: 10, cursor: middle.prevCursor })
      expect(ids(first)).toEqual(expected.slice(0, 10))
      expect(first.prevCursor).toBeUndefined()
      expect(ids(yield* audit.list({ limit: 10, cursor: first.nextCursor }))).toEqual(expected.slice(10, 20))
    }).pipe(Effect.provide(records())))

  it.scoped("refuses a cursor that it has not given", () =>
    Effect.gen(function*() {
      const audit = yield* Audit.make(1_000)
      yield* Effect.forEach([1, 2, 3], (index) => write(audit, index))
      const { nextCursor = "" } = yield* audit.list({ limit: 1 })
      const changed = [nextCursor.slice(1), `${nextCursor}A`, `${nextCursor}=`, nextCursor.toLowerCase()]
      for (const cursor of ["", "x", Buffer.from("older 1").toString("base64url"), ...changed]) {
        const refused = yield* Effect.flip(audit.list({ cursor }))
        expect([cursor, refused]).toMatchObject([cursor, { _tag: "CursorInvalid" }])
      }
    }).pipe(Effect.provide(records())))

  it.scoped("keeps what it may keep, and loses the oldest", () =>
    Effect.gen(function*() {
      const audit = yield* Audit.make(200)
      for (let index = 0; index < 1_500; index++) yield* write(audit, index)
      yield* audit.list({})
      yield* write(audit, 1_500)
      yield* audit.list({})
      const { found } = yield* walk(audit, 100)
      expect(found.length).toBeLessThanOrEqual(403)
      expect(found.length).toBeGreaterThan(100)
      expect(found).toEqual(Array.from({ length: found.length }, (_, index) => `r${1_500 - index}`))
    }).pipe(Effect.provide(records())))

  it.scoped("counts what was there before it began", () =>
    Effect.gen(function*() {
      const before = yield* Scope.make()
      const first = yield* Scope.extend(Audit.make(5_000), before)
      for (let index = 0; index < 1_200; index++) yield* write(first, index)
      yield* Scope.close(before, Exit.void)
      yield* TestClock.adjust("1 second")
      const second = yield* Audit.make(100)
      for (let index = 1_200; index < 1_210; index++) {
        yield* write(second, index)
        yield* second.list({})
      }
      const { found } = yield* walk(second, 1_000)
      expect(found.length).toBeLessThanOrEqual(101)
      expect(found[0]).toBe("r1209")
    }).pipe(Effect.provide(records())))

  it.scoped("has all that was told when the server stops", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const audit = yield* Scope.extend(Audit.make(1_000), scope)
      for (let index = 0; index < 300; index++) yield* write(audit, index)
      yield* Scope.close(scope, Exit.void)
      const { found } = yield* walk(yield* Audit.make(1_000), 1_000)
      expect(found).toEqual(Array.from({ length: 300 }, (_, index) => `r${299 - index}`))
    }).pipe(Effect.provide(records())))

  it.scoped("goes on when the store has failed, and fails no request", () =>
    Effect.gen(function*() {
      const store = yield* Records.Records
      let down = true
      const unsteady: Records.RecordsShape = {
        ...store,
        put: (collection, id, value) =>
          Effect.suspend(() => {
            if (down) return Effect.fail(new Errors.LogError({ operation: "write a record", cause: "down" }))
            return store.put(collection, id, value)
          })
      }
      const audit = yield* Effect.provideService(Audit.make(1_000), Records.Records, unsteady)
      yield* write(audit, 1)
      yield* audit.list({})
      down = false
      yield* write(audit, 2)
      expect(ids(yield* audit.list({}))).toEqual(["r2"])
    }).pipe(Effect.provide(records())))

  it.scoped("is not pushed out by requests that anybody can make", () =>
    Effect.gen(function*() {
      const audit = yield* Audit.make(10_000)
      yield* write(audit, 0)
      for (let index = 1; index < 1_000; index++) {
        const { caller: _, ...nobody } = yield* entry(index, { status: 401 })
        yield* audit.write(nobody)
      }
      yield* write(audit, 1_000)
      const { found } = yield* walk(audit, 1_000)
      expect(found).toHaveLength(102)
      expect([found[0], found.at(-1)]).toEqual(["r1000", "r0"])
    }).pipe(Effect.provide(records())))

  it.scoped("holds no secret that a path has, and nothing that an entry has not", () =>
    Effect.gen(function*() {
      const audit = yield* Audit.make(1_000)
      const key = `rpr_${"a".repeat(16)}_${"b".repeat(64)}`
      const paths = ["/api/v1/awakeables/s3cret/resolve", "/api/v1/runs/r1/cancel?token=s3cret#s3cret", `/api/v1/keys/${key}`]
      for (const path of [...paths, `/x/${"y".repeat(10_000)}`]) {
        yield* audit.write({ ...(yield* entry(1, { path })), ...{ password: "s3cret" } })
      }
      const text = JSON.stringify(yield* audit.list({}))
      expect(text).not.toContain("s3cret")
      expect(text).not.toContain("b".repeat(64))
      expect(text.length).toBeLessThan(2_500)
      expect(text).toContain("/api/v1/runs/r1/cancel")
    }).pipe(Effect.provide(records())))
})
