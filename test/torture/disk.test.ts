import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import * as Budget from "./Budget.js"
import { disk } from "./disk.js"
import * as Server from "./Server.js"
import * as Strace from "./Strace.js"

const { remove, root } = Server.workshop()
afterAll(remove)

it("a disk that fails loses nothing acknowledged, and after a failed flush the process stops", { timeout: 300_000 }, async () => {
  expect(Strace.missing()).toBeUndefined()
  const figures: Budget.Figures = {}
  await Effect.runPromise(disk(root, Budget.trials(Budget.seedOfNow(), 22), figures))
  expect(figures["fsync EIO on: stopped"] ?? figures["fsync EIO once: stopped"]).toBeGreaterThan(0)
})
