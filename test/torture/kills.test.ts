import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import * as Budget from "./Budget.js"
import { kills, stops } from "./kills.js"
import * as Server from "./Server.js"

const { remove, root } = Server.workshop()
afterAll(remove)

it("nothing acknowledged is lost or doubled by a process that is killed at random moments", { timeout: 300_000 }, async () => {
  const figures: Budget.Figures = {}
  await Effect.runPromise(kills(root, Budget.trials(Budget.seedOfNow(), 14), figures))
  expect(figures["kills at random moments"]).toBeGreaterThan(5)
  expect(figures["orders served"]).toBeGreaterThan(0)
})

it("a process that is stopped keeps its store, and goes on", { timeout: 300_000 }, async () => {
  const figures: Budget.Figures = {}
  await Effect.runPromise(stops(root, Budget.trials(Budget.seedOfNow(), 3), figures))
  expect(figures["stops, with an opening refused as StoreLocked"]).toBeGreaterThan(2)
})
