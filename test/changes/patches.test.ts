/**
 * Random programs, changed behind patches while a run is open. Whatever stands where: the run goes on, also after a crash,
 * and does the same in memory and replayed for every event; and so it does when the patches are retired.
 */
import { it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Crashes, type World } from "@reprise/testing"

const SEEDS = 15
const Go = Signal.make("go")

/** A part of a program: what it does, and before it, perhaps, a change behind a patch. */
type Op =
  | { readonly _tag: "Step" | "Sleep" | "Receive" | "Value"; readonly name: string; readonly patch?: string }
  | { readonly _tag: "Both"; readonly branches: ReadonlyArray<ReadonlyArray<Op>>; readonly patch?: string }

type Body = Effect.Effect<unknown, never, any>

const LEAVES = ["Step", "Sleep", "Step", "Receive", "Value"] as const

const opsOf = (depth: number, prefix: string): Effect.Effect<ReadonlyArray<Op>> =>
  Effect.gen(function*() {
    const count = yield* Random.nextIntBetween(1, 5)
    const ops: Array<Op> = []
    for (let i = 0; i < count; i++) {
      const name = `${prefix}${i}`
      // Ids are shared now and then: one change that shows at several places.
      const patch = (yield* Random.nextIntBetween(0, 3)) === 0 ? { patch: `p${yield* Random.nextIntBetween(0, 4)}` } : {}
      if (depth > 0 && (yield* Random.nextIntBetween(0, 4)) === 0) {
        const branches = yield* Effect.all([opsOf(depth - 1, `${name}a`), opsOf(depth - 1, `${name}b`)])
        ops.push({ _tag: "Both", branches, ...patch })
      } else ops.push({ _tag: LEAVES[yield* Random.nextIntBetween(0, LEAVES.length)]!, name, ...patch })
    }
    return ops
  })

/** `ask` decides what stands for a patch: nothing (old code), the question, or only the new branch (retired). */
const bodyOf = (ops: ReadonlyArray<Op>, ask: (patch: string) => Effect.Effect<boolean, never, any>): Body =>
  Effect.forEach(ops, (op) =>
    Effect.gen(function*() {
      if (op.patch !== undefined && (yield* ask(op.patch))) yield* Step.run(`new ${op.patch}`, Effect.void)
      if (op._tag === "Both") return yield* Effect.all(op.branches.map((branch) => bodyOf(branch, ask)), { concurrency: 2 })
      if (op._tag === "Step") return yield* Step.run(op.name, Effect.as(Effect.sleep("10 minutes"), op.name))
      if (op._tag === "Sleep") return yield* Effect.sleep("15 minutes")
      if (op._tag === "Value") return yield* Step.value(op.name, Effect.succeed(op.name))
      return yield* Go.receive
    })) as Body

const order = (body: Body) => Workflow.make("order", {}, () => Effect.asVoid(body) as never) as Workflow.Workflow<void, void, never, never>

const deliver = (world: World.World, count: number) =>
  Effect.forEach(Array.from({ length: count }, (_, i) => i), (i) =>
    Effect.zipRight(Effect.ignore(world.run(Client.signal("run", Go, undefined, { messageId: `go ${i}` }))), world.advance("20 minutes")))

const across = (from: ReturnType<typeof order>, to: ReturnType<typeof order>, early: number) => (world: World.World) =>
  Effect.gen(function*() {
    yield* world.start(from, undefined, { id: "run" })
    yield* deliver(world, early)
    yield* world.restart([to])
    yield* deliver(world, 40)
    const { blocked, status } = yield* Effect.orDie(world.run(Client.describe("run")))
    return { status, blocked }
  })

it.effect(`${SEEDS} random programs`, () =>
  Effect.gen(function*() {
    let markers = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { crash, early, ops } = yield* Effect.withRandom(
        Effect.all({ ops: opsOf(2, "s"), early: Random.nextIntBetween(0, 5), crash: Random.nextIntBetween(1, 12) }),
        Random.make(seed)
      )
      const old = order(bodyOf(ops, () => Effect.succeed(false)))
      const patched = order(bodyOf(ops, Workflow.patched))
      const retired = order(bodyOf(ops, () => Effect.succeed(true)))
      for (const [what, from, to] of [["patched", old, patched], ["retired", patched, retired]] as const) {
        const options = () => ({ workflows: [from] })
        const script = across(from, to, early)
        const seen = yield* Crashes.once(options, script, { crash: undefined, alwaysReplay: false })
        const ended = { _tag: "Success", value: { status: "completed", blocked: undefined } }
        expect(seen.exit, `seed ${seed}, ${what}`).toMatchObject(ended)
        // Sorted: what falls on one instant may come in either order.
        const tags = (histories: typeof seen.histories) =>
          (histories["run"] ?? []).map((event) =>
            [event._tag, "id" in event ? event.id : "", "patch" in event ? event.patch : ""].join(" ")
          ).toSorted()
        markers += seen.histories["run"]?.filter(({ _tag }) => _tag === "VersionMarked").length ?? 0
        const replayed = yield* Crashes.once(options, script, { crash: undefined, alwaysReplay: true })
        expect(tags(replayed.histories), `seed ${seed}, ${what}`).toEqual(tags(seen.histories))
        // A step that runs again takes its time twice, so a signal may come before another event than without the crash.
        for (const alwaysReplay of [false, true]) {
          const other = yield* Crashes.once(options, script, { crash: { append: crash, moment: "after" }, alwaysReplay })
          expect(other.exit, `seed ${seed}, ${what}, crash at ${crash}`).toMatchObject(ended)
          expect(other.calls.filter((call) => call.isRepeated)).toEqual([])
        }
      }
    }
    // Otherwise nothing was tried.
    expect(markers).toBeGreaterThan(SEEDS)
  }), 60_000)
