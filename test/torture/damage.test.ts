import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import * as Budget from "./Budget.js"
import { damage } from "./damage.js"
import * as Server from "./Server.js"

const { remove, root } = Server.workshop()
afterAll(remove)

it("a damaged file is what it was, or is refused with a name: never something else", { timeout: 300_000 }, async () => {
  const figures: Budget.Figures = {}
  await Effect.runPromise(damage(root, Budget.trials(Budget.seedOfNow(), 1_000), figures))
  expect(figures["openings"]).toBe(1_000)
  expect(figures["bytes changed in the log: refused: StoreDamaged"]).toBeGreaterThan(100)
})
