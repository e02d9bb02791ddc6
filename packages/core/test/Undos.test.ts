/** Whatever a body does and wherever it ends: what has completed is undone, last first, once, and nothing else. */
import { it } from "@effect/vitest"
import { Effect, Random, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Compensation, Step, Workflow } from "@reprise/core"
import type { Activation, Event } from "@reprise/core/engine"
import { World } from "@reprise/testing"

/** A body. In `catch`, what fails is a saga: it is undone, and the body goes on. */
type Tree =
  | { readonly _tag: "step"; readonly name: string; readonly minutes: number; readonly compensated: boolean }
  | { readonly _tag: "sleep"; readonly minutes: number }
  | { readonly _tag: "fail" }
  | { readonly _tag: "seq" | "par" | "within" | "catch"; readonly parts: ReadonlyArray<Tree> }

const DEPTH = 4

const randomTree = (depth: number, name: string): Effect.Effect<Tree> =>
  Effect.gen(function*() {
    const dice = yield* Random.nextIntBetween(depth === DEPTH ? 13 : 0, 20)
    const minutes = yield* Random.nextIntBetween(0, 4)
    if (depth === 0 || dice < 9) return { _tag: "step", name, minutes, compensated: dice < 8 }
    if (dice < 11) return { _tag: "sleep", minutes }
    if (dice < 13) return { _tag: "fail" }
    const count = yield* Random.nextIntBetween(1, 5)
    const parts = yield* Effect.forEach(Array.from({ length: count }), (_, i) => randomTree(depth - 1, `${name}.${i}`))
    return { _tag: dice < 16 ? "seq" : dice < 17 ? "par" : dice < 18 ? "within" : "catch", parts }
  })

type Body = Effect.Effect<void, string, Activation.Activation | Activation.InStep<never>>

const undo = { compensate: { run: () => Effect.sleep("1 minute") } }

const bodyOf = (tree: Tree): Body => {
  switch (tree._tag) {
    case "step":
      return Step.run(tree.name, Effect.sleep(`${tree.minutes} minutes`), tree.compensated ? undo : {})
    case "sleep":
      return Effect.sleep(`${tree.minutes} minutes`)
    case "fail":
      return Effect.fail("no")
    case "seq":
      return Effect.forEach(tree.parts, bodyOf, { discard: true })
    case "par":
      return Effect.forEach(tree.parts, bodyOf, { discard: true, concurrency: "unbounded" })
    case "within":
      return Compensation.within(bodyOf({ _tag: "seq", parts: tree.parts }))
    case "catch":
      return Effect.ignore(bodyOf({ ...tree, _tag: "within" }))
  }
}

/** What completed and is to be undone, and what was undone, in the order of the history. */
const read = (history: ReadonlyArray<Event.Event>) => {
  const names = new Map(history.flatMap((event) => (event._tag === "StepScheduled" ? [[event.id, event.name] as const] : [])))
  const completed = history.flatMap((event) => (event._tag === "StepCompleted" ? [names.get(event.id)!] : []))
  const undone = completed.flatMap((name) => /^undo (.*)/.exec(name)?.[1] ?? [])
  return { completed, done: completed.filter((name) => !name.startsWith("undo")), undone }
}

/** What a body without parallel parts does, step by step, when nobody cancels it. */
const traceOf = (tree: Tree): ReadonlyArray<string> => {
  const trace: Array<string> = []
  const stack: Array<string> = []
  const undoTo = (height: number): void => {
    while (stack.length > height) trace.push(`undo ${stack.pop()}`)
  }
  const walk = (part: Tree): boolean => {
    if (part._tag === "step") {
      trace.push(part.name)
      if (part.compensated) stack.push(part.name)
    }
    if (!("parts" in part)) return part._tag !== "fail"
    const height = stack.length
    if (part.parts.every(walk)) return true
    if (part._tag !== "seq") undoTo(height)
    return part._tag === "catch"
  }
  if (!walk(tree)) undoTo(0)
  return trace
}

const hasParallel = (tree: Tree): boolean => tree._tag === "par" || ("parts" in tree && tree.parts.some(hasParallel))

const compensatedIn = (tree: Tree): ReadonlyArray<string> =>
  "parts" in tree ? tree.parts.flatMap(compensatedIn) : tree._tag === "step" && tree.compensated ? [tree.name] : []

const hasSaga = (tree: Tree): boolean =>
  tree._tag === "within" || tree._tag === "catch" || ("parts" in tree && tree.parts.some(hasSaga))

/** Runs the body, with a cancel or without, crashing now and then, and answers how it ended and its history. */
const run = (tree: Tree, cancelAfter: number | undefined, alwaysReplay: boolean) =>
  Effect.gen(function*() {
    const workflow = Workflow.make("random", { error: Schema.String }, () => bodyOf(tree))
    const world = yield* World.make({ workflows: [workflow], alwaysReplay })
    const handle = yield* world.start(workflow, undefined, { id: "run" })
    if (cancelAfter !== undefined) {
      yield* world.advance(`${cancelAfter} minutes`)
      yield* Effect.ignore(world.run(Client.cancel("run")))
    }
    const append = (yield* world.appendCount) + (yield* Random.nextIntBetween(1, 8))
    yield* world.crashAt({ append, moment: (yield* Random.nextBoolean) ? "before" : "after" })
    yield* Effect.exit(world.runToEnd(handle))
    const { status } = yield* world.run(Client.describe("run"))
    return { status, ...read(yield* world.history("run")) }
  }).pipe(Effect.scoped)

describe("undos of random bodies", () => {
  for (let seed = 1; seed <= 120; seed++) {
    it.effect(`seed ${seed}`, () =>
      Effect.gen(function*() {
        const tree = yield* randomTree(DEPTH, "s")
        const cancelAfter = seed % 3 === 0 ? yield* Random.nextIntBetween(0, 12) : undefined
        const { completed, done, status, undone } = yield* run(tree, cancelAfter, seed % 2 === 0)
        const compensated = done.filter((name) => compensatedIn(tree).includes(name))
        if (!hasParallel(tree) && cancelAfter === undefined) expect(completed).toEqual(traceOf(tree))
        // Each at most once, and only what has been done.
        expect(new Set(undone).size).toBe(undone.length)
        expect(undone.filter((name) => !compensated.includes(name))).toEqual([])
        if (status === "completed") return expect(hasSaga(tree) ? [] : undone).toEqual([])
        expect([...undone].toSorted()).toEqual([...compensated].toSorted())
        if (!hasSaga(tree)) expect(undone).toEqual(compensated.toReversed())
      }).pipe(Effect.withRandom(Random.make(seed))))
  }
})
