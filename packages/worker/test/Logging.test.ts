/** What programs log reaches the worker's loggers, with the worker's services, and stops nobody. */
import { it } from "@effect/vitest"
import { Console, Effect, Logger } from "effect"
import { describe, expect, vi } from "vitest"
import { Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const quick = (name: string) => Step.run(name, Effect.succeed(name))
const Talks = Workflow.make("talks", {}, () => Effect.zipRight(quick("a"), Effect.zipRight(Effect.log("hello"), quick("b"))))

const ends = Effect.gen(function*() {
  const world = yield* World.make({ workflows: [Talks] })
  return yield* world.execute(Talks, undefined)
})

describe("a log line of a program", () => {
  it.scoped("is written by Effect's own logger to the worker's console", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      const outside = yield* Console.consoleWith(Effect.succeed)
      const kept = { ...outside, unsafe: { ...outside.unsafe, log: (line: unknown) => void lines.push(line) } }
      const output = yield* ends.pipe(Effect.provide(Logger.replace(Logger.defaultLogger, Logger.defaultLogger)), Effect.withConsole(kept))
      expect(output).toBe("b")
      expect(lines.filter((line) => String(line).includes("hello"))).toHaveLength(1)
    }))

  it.scoped("that a logger cannot take does not stop the run", () =>
    Effect.gen(function*() {
      const seen = vi.spyOn(console, "error").mockImplementation(() => {})
      const broken = Logger.make(() => {
        throw new Error("full")
      })
      expect(yield* Effect.provide(ends, Logger.replace(Logger.defaultLogger, broken))).toBe("b")
      expect(seen.mock.calls.flat().map(String)).toContain("Error: full")
      seen.mockRestore()
    }))
})
