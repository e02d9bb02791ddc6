import { expect, it } from "@effect/vitest"
import * as Known from "../src/Known.js"

const entry = (index: number): Known.Known => ({
  runId: `r${index}`,
  run: index,
  seq: 0,
  sum: 0,
  closed: false,
  plain: false,
  awaited: false,
  awaiting: false
})

it("remembers the recently used, and twice the bound at most", () => {
  const cache = Known.make(10)
  for (let index = 0; index < 1_000; index++) {
    Known.put(cache, entry(index))
    expect(Known.get(cache, "r0")?.runId).toBe("r0")
    expect(cache.young.size + cache.old.size).toBeLessThanOrEqual(20)
  }
  expect(Known.get(cache, "r999")?.run).toBe(999)
  expect(Known.get(cache, "r500")).toBeUndefined()
})

it("is one entry for a run, also while it moves between the generations", () => {
  const cache = Known.make(3)
  const first = entry(0)
  Known.put(cache, first)
  for (let index = 1; index < 4; index++) Known.put(cache, entry(index))
  const again = Known.get(cache, "r0")
  expect(again).toBe(first)
  first.seq = 7
  expect(Known.get(cache, "r0")?.seq).toBe(7)
})

it("forgets what it is told to forget, in both generations", () => {
  const cache = Known.make(2)
  for (let index = 0; index < 4; index++) Known.put(cache, entry(index))
  for (let index = 0; index < 4; index++) Known.drop(cache, `r${index}`)
  expect([cache.young.size, cache.old.size]).toEqual([0, 0])
  Known.put(cache, entry(5))
  Known.clear(cache)
  expect(Known.get(cache, "r5")).toBeUndefined()
})
