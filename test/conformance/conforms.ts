/** Runs the conformance suite of the Log port on one store. */
import { describe, it } from "@effect/vitest"
import { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import * as LogSuite from "../../packages/testing/src/logSuite/LogSuite.js"

export const conforms = (name: string, make: LogSuite.MakeStore): void => {
  for (const [operation, cases] of Object.entries(LogSuite.cases)) {
    describe(`${name} ${operation}`, () => {
      for (const { name: what, test } of cases) it.scoped(what, () => test(make))
    })
  }
  describe(`${name} random traffic`, () => {
    it.scoped.prop("agrees with the model", [LogSuite.Random.volleys], ([volleys]) =>
      Effect.gen(function*() {
        const layer = yield* make
        yield* Effect.flatMap(Log.Log, (log) => LogSuite.Random.check(volleys, log)).pipe(Effect.provide(layer))
      }), { fastCheck: { numRuns: 40 }, timeout: 60_000 })
  })
}
