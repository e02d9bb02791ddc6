import { expect, it } from "@effect/vitest"
import { Log, Records } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Effect, Layer, Tracer } from "effect"
import * as given from "./given.js"

it.scoped("a traced process hears nothing of the store's own statements", () =>
  Effect.gen(function*() {
    const names: Array<string> = []
    const native = yield* Effect.tracer
    const keeping = Tracer.make({
      context: (run) => run(),
      span: (name, ...more) => {
        names.push(name)
        return native.span(name, ...more)
      }
    })
    const filename = yield* given.file
    const work = Effect.gen(function*() {
      yield* (yield* Records.Records).put("some", "id", 1)
      yield* (yield* Log.Log).find({ limit: 1 })
    }).pipe(Effect.withSpan("the caller's own"))
    yield* work.pipe(Effect.provide(Layer.fresh(Sqlite.layer({ filename }))), Effect.withTracer(keeping))
    expect(names).toEqual(["the caller's own"])
  }))
