/** Runs that start, end and signal one another: workflows for children, and a row of a table for a parent. */
import { it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { expect } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, type World } from "@reprise/testing"

export class Declined extends Schema.TaggedError<Declined>()("Declined", { by: Schema.String }) {}

export const Doubles = Workflow.make("doubles", { input: Schema.Number }, (n) =>
  Effect.gen(function*() {
    const twice = yield* Step.run("double", Effect.succeed(n * 2))
    yield* Effect.sleep("1 minute")
    return yield* Step.run("say", Effect.succeed(twice))
  }))
export const Declines = Workflow.make("declines", { input: Schema.String, error: Declined }, (by) =>
  Effect.zipRight(Step.run("ask", Effect.void), new Declined({ by })))
export const Dies = Workflow.make("dies in a step", {}, () => Step.run("die", Effect.die(new Error("broken"))))
export const Waits = Workflow.make("waits", {}, () => Effect.sleep("100 days"))
/** Takes a while to clean up, durably. */
export const Cleans = Workflow.make("cleans up", {}, () =>
  Effect.onInterrupt(Effect.sleep("100 days"), () =>
    Effect.zipRight(Effect.sleep("1 hour"), Step.run("clean up", Effect.void))))

export const children = [Doubles, Declines, Dies, Waits, Cleans]

type Bare<A, E> = Workflow.Workflow<void, A, E, never>

export interface Row<A, E> {
  /** What happens, and what is looked at; by default the parent is started and taken to its end. */
  readonly script?: (world: World.World, parent: Bare<A, E>) => Effect.Effect<unknown, unknown>
  /** Workflows beside the parent and `children`. */
  readonly others?: ReadonlyArray<Workflow.Workflow<any, any, any, never>>
  /** Something of what is left behind, and what it must be. */
  readonly leaves?: readonly [of: (seen: Crashes.Seen<unknown, unknown>) => unknown, expected: unknown]
}

/** The parent's run is called `p`. The workflow's name is the test's. */
export const survives = <A, E>(parent: Bare<A, E>, expected: unknown, row: Row<A, E> = {}): void =>
  it.effect(parent.name, () =>
    Effect.gen(function*() {
      const workflows = [parent, ...row.others ?? [], ...children]
      const script = row.script ?? ((world) => world.execute(parent, undefined, { id: "p" }))
      const seen = yield* Crashes.everywhere(() => ({ workflows }), (world) => script(world, parent))
      expect(seen.exit).toStrictEqual(Exit.succeed(expected))
      expect(row.leaves?.[0](seen)).toEqual(row.leaves?.[1])
    }))

export const start = <A, E>(world: World.World, parent: Bare<A, E>) => world.start(parent, undefined, { id: "p" })

/** Lets time pass until nothing is due in any run. */
export const settle = (world: World.World): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(world.skip, { while: (moved) => moved }))

export const statusOf = (world: World.World, runId: string) =>
  world.run(Effect.map(Client.describe(runId), ({ status }) => status))

export const tags = (events: ReadonlyArray<Event.Event> | undefined) => (events ?? []).map((event) => event._tag)
