import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import * as Budget from "./Budget.js"
import * as Server from "./Server.js"
import * as Strace from "./Strace.js"
import { syscalls } from "./syscalls.js"

const { remove, root } = Server.workshop()
afterAll(remove)

it("a process killed at any system call goes on as if nothing had happened", { timeout: 300_000 }, async () => {
  expect(Strace.missing()).toBeUndefined()
  const figures: Budget.Figures = {}
  await Effect.runPromise(syscalls(root, Budget.trials(Budget.seedOfNow(), 38), figures))
  expect(figures["kills at system calls"]).toBeGreaterThan(15)
})
