import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as RateLimit from "../../src/auth/RateLimit.js"

describe("a bucket", () => {
  it("gives its burst, then what comes back", () => {
    const buckets = RateLimit.make({ burst: 3, perSecond: 0.5 })
    const taken = [0, 0, 0, 0].map((now) => RateLimit.take(buckets, "a", now))
    expect(taken.map(({ allowed }) => allowed)).toEqual([true, true, true, false])
    expect(taken.map(({ remaining }) => remaining)).toEqual([2, 1, 0, 0])
    expect(taken.at(-1)).toMatchObject({ retryAfterSeconds: 2, resetSeconds: 6 })
    expect(RateLimit.take(buckets, "a", 1_999).allowed).toBe(false)
    expect(RateLimit.take(buckets, "a", 2_000).allowed).toBe(true)
    expect(RateLimit.take(buckets, "b", 2_000).allowed).toBe(true)
  })

  it("takes back what cost nothing, but never holds more than its burst", () => {
    const buckets = RateLimit.make({ burst: 1, perSecond: 1 })
    RateLimit.take(buckets, "a", 0)
    RateLimit.giveBack(buckets, "a", 0)
    RateLimit.giveBack(buckets, "a", 0)
    expect([0, 0].map((now) => RateLimit.take(buckets, "a", now).allowed)).toEqual([true, false])
  })

  it("never gives more than its burst and its rate, whenever it is asked, also by a clock that goes back", () => {
    const steps = fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 200 })
    fc.assert(fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), steps, (burst, perSecond, pauses) => {
      const buckets = RateLimit.make({ burst, perSecond })
      let now = 1_000_000
      let forward = 0
      let given = 0
      for (const pause of pauses) {
        now += pause
        forward += Math.max(0, pause)
        if (RateLimit.take(buckets, "a", now).allowed) given += 1
      }
      expect(given).toBeLessThanOrEqual(burst + (forward / 1_000) * perSecond)
    }))
  })

  it("is forgotten when too many others were used since, and not before", () => {
    const buckets = RateLimit.make({ burst: 1, perSecond: 0.001 })
    RateLimit.take(buckets, "first", 0)
    for (let index = 0; index < 20_000; index++) RateLimit.take(buckets, `other ${index}`, 0)
    expect(buckets.held.size).toBe(10_000)
    expect(RateLimit.take(buckets, "other 19999", 0).allowed).toBe(false)
    expect(RateLimit.take(buckets, "first", 0).allowed).toBe(true)
  })

  it("tells how a caller stands in headers", () => {
    const buckets = RateLimit.make({ burst: 1, perSecond: 0.1 })
    expect(RateLimit.headers(RateLimit.take(buckets, "a", 0))).toEqual({
      "RateLimit-Limit": "1",
      "RateLimit-Remaining": "0",
      "RateLimit-Reset": "10"
    })
    expect(RateLimit.headers(RateLimit.take(buckets, "a", 0))).toMatchObject({ "Retry-After": "10" })
  })
})

it("an address of IPv6 stands for its network, one of IPv4 for itself", () => {
  expect(RateLimit.networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64")
  expect(RateLimit.networkOf("2001:0DB8::7")).toBe("2001:db8:0:0::/64")
  expect(RateLimit.networkOf("::1")).toBe("0:0:0:0::/64")
  expect(RateLimit.networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64")
  expect(RateLimit.networkOf("::ffff:192.0.2.7")).toBe("192.0.2.7")
  expect(RateLimit.networkOf("192.0.2.7")).toBe("192.0.2.7")
  expect(RateLimit.networkOf(undefined)).toBe("none")
})
