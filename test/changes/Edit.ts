/**
 * One edit of a workflow's code, tried on runs that stand before the edited place, in it, and past it.
 *
 * The edited part stands between two signals. "In it" is half an hour after the first: a slow step takes an hour.
 */
import { Effect, Schema } from "effect"
import { Client, Signal, Workflow } from "@reprise/core"
import type { Errors, Event } from "@reprise/core/engine"
import { World } from "@reprise/testing"

export const PLACES = ["before", "in", "past"] as const
export type Place = (typeof PLACES)[number]

/** What becomes of a run: its output, or what blocks it, as `!` with the fault's tag and the kind of change. */
export type Verdict = string

export interface Edit {
  /** Names the row of the table in docs/guide/changing-a-workflow.md. */
  readonly id: string
  readonly old: ReadonlyArray<Workflow.Any>
  readonly new: ReadonlyArray<Workflow.Any>
  readonly verdicts: Readonly<Record<Place, Verdict>>
  /** What takes a run past the place, beside time: sent by a client of the old code, or of the new one. */
  readonly push?: (by: "old" | "new") => Effect.Effect<unknown, unknown, Client.Client>
}

export const ID = "run"
export const Before = Signal.make("before")
export const After = Signal.make("after")

export type Part = Effect.Effect<string, never, any>

/** A workflow around a part; the services of a part are the engine's, whatever its type says. */
export const around = (part: Part, options: { readonly name?: string; readonly version?: string } = {}): Workflow.Any => {
  const { name = "order", version = "1" } = options
  return Workflow.make(name, { version, output: Schema.String }, () => between(part) as never)
}

export const between = (part: Part): Part =>
  Effect.zipRight(Before.receive, Effect.zipLeft(part, After.receive)) as Part

/** Deploys the edit on a run at `place`, and takes it as far as it goes. */
export const trial = ({ new: next, old, push = () => Effect.void }: Edit, place: Place): Effect.Effect<Verdict> =>
  Effect.scoped(Effect.gen(function*() {
    const world = yield* World.make({ workflows: old, services: undefined as never })
    const send = (signal: typeof Before) => Effect.zipRight(world.run(Effect.orDie(Client.signal(ID, signal, undefined))), world.idle)
    // A message that the code does not know is refused: whoever sends it learns that.
    const pushed = (by: "old" | "new") => Effect.zipRight(world.run(Effect.ignore(push(by))), world.advance("20 days"))
    yield* Effect.orDie(world.start(old.at(-1) as Workflow.Workflow<unknown, unknown, unknown, never>, "input", { id: ID }))
    if (place !== "before") yield* Effect.zipRight(send(Before), world.advance("30 minutes"))
    if (place === "past") yield* pushed("old")
    yield* world.restart(next)
    if (place === "before") yield* Effect.zipRight(send(Before), world.advance("30 minutes"))
    if (place !== "past") yield* pushed("new")
    yield* send(After)
    yield* world.advance("20 days")
    const run = yield* Effect.orDie(world.run(Client.describe(ID)))
    return run.blocked === undefined ? ended(yield* world.history(ID)) : blocked(run.blocked as unknown as Errors.Fault)
  }))

const ended = (history: ReadonlyArray<Event.Event>): Verdict => {
  const last = history.at(-1)
  return last?._tag === "RunCompleted" ? String(last.output) : `? ${last?._tag}`
}

const blocked = (fault: Errors.Fault): Verdict =>
  fault._tag === "Divergence" ? `! Divergence ${fault.change}` : `! ${fault._tag}`

export const isBlocked = (verdict: Verdict): boolean => verdict.startsWith("!")
