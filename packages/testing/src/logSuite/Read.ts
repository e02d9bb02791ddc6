/** `read`: pages of a history. */
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const pages = Case.on("pages follow one another without gap or overlap, at every limit", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.begin(log, "r2")
    const steps = Array.from({ length: 20 }, (_, index) => Sample.scheduled(`0#${index}`))
    for (const [index, step] of steps.entries()) yield* Case.append(log, "r1", index + 1, [step])
    const expected = Case.numbered([Sample.started(), ...steps])
    for (const limit of [1, 2, 3, 7, 20, 21, 22, 100]) Case.equal(yield* Case.history(log, "r1", limit), expected)
    Case.equal(yield* log.read("r1", 19, 10), expected.slice(19))
    Case.equal(yield* log.read("r1", 21, 10), [])
    Case.equal(yield* log.read("r1", 99, 10), [])
  }))

const own = Case.on("a reader sees what was acknowledged before, at once", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    for (let seq = 1; seq <= 50; seq++) {
      yield* Case.append(log, "r1", seq, [Sample.scheduled(`0#${seq}`)])
      Case.equal((yield* log.read("r1", seq, 10)).map((recorded) => recorded.seq), [seq + 1])
    }
  }))

export const cases: ReadonlyArray<Case.Case> = [pages, own]
