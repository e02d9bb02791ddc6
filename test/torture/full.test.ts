import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import * as Budget from "./Budget.js"
import { full } from "./full.js"
import * as Server from "./Server.js"

const { remove, root } = Server.workshop()
afterAll(remove)

it("a disk that is full now and then delays orders, and loses none", { timeout: 300_000 }, async () => {
  const figures: Budget.Figures = {}
  await Effect.runPromise(full(root, Budget.trials(Budget.seedOfNow(), 2), figures))
  expect(figures["calls refused for want of space"]).toBeGreaterThan(0)
})
