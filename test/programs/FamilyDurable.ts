/** Plays the runs of a family's story on the engine: one workflow, whose input says which program of the story it is. */
import { Effect, Schedule, Schema } from "effect"
import { Child, Compensation, Query, Step, Workflow } from "@reprise/core"
import { opsOf, query, signals, sleepUntil, unlessDead } from "./Durable.js"
import { type LifeOps, play, type Trace } from "./Interpreter.js"
import { GENERATIONS_MAX, nthRun, programsOf, runIdOf } from "./FamilyProgram.js"
import { CYCLE, deadlineResidue, type Node, type Of, residueOf } from "./Program.js"

const Input = Schema.Struct({ program: Schema.String, generation: Schema.Number, cells: Schema.Array(Schema.String) })
type Input = typeof Input.Type

export const FIRST: Input = { program: runIdOf(0), generation: 0, cells: ["", ""] }

export interface Played {
  readonly workflow: Workflow.Workflow<Input, string, string, never>
  /** What the last play of each generation of a run has seen, one after the other. */
  readonly notes: (runId: string) => ReadonlyArray<string>
  /** Steps whose bodies began before their scheduling was committed: run and step. */
  readonly scheduled: Set<string>
  readonly premature: Array<string>
}

/** `isDead`: its step bodies and recorded values must not run. */
export const make = (story: Node, isDead = false): Played => {
  const traces = new Map<string, Array<Trace>>()
  const scheduled = new Set<string>()
  const premature: Array<string> = []
  const programs = programsOf(story)
  let valueCount = 0
  const base = opsOf(isDead, () => ++valueCount, ({ runId, stepId }) => {
    if (!scheduled.has(`${runId} ${stepId}`)) premature.push(`${runId} ${stepId}`)
  })
  const body = (input: Input) =>
    Effect.flatMap(Workflow.info, ({ generation, runId }) => {
      const trace: Trace = { notes: [], chance: [] }
      const own = traces.get(runId) ?? []
      own[generation] = trace
      traces.set(runId, own)
      const life = lifeOf(story, played.workflow, input, isDead)
      const answered = Query.handle(query, () => Effect.sync(() => trace.notes.length))
      return Effect.zipRight(answered, play(programs.get(input.program)!, { ...base, life }, trace, input.cells))
    })
  const played: Played = {
    // The ops' requirements are the engine's own; their errors are strings.
    workflow: Workflow.make("played", { input: Input, error: Schema.String }, body as never),
    notes: (runId) => (traces.get(runId) ?? []).flatMap(({ notes }) => notes),
    scheduled,
    premature
  }
  return played
}

/** An error of the engine is known by its tag. */
const told = <A, R>(effect: Effect.Effect<A, string | { readonly _tag: string }, R>): Effect.Effect<A, string, R> =>
  Effect.mapError(effect, (error) => (typeof error === "string" ? error : error._tag))

const lifeOf = (story: Node, workflow: Played["workflow"], input: Input, isDead: boolean): LifeOps<never> => {
  const optionsOf = (node: Of<"child">): Child.Options => ({
    id: childIdOf(story, node),
    parentClose: node.policy,
    onConflict: node.existing ? "use_existing" : "fail",
    ...(node.delayed ? { delay: CYCLE } : {}),
    ...(node.limited ? { timeout: 2 * CYCLE } : {})
  })
  const inputOf = (node: Of<"child">): Input => ({ ...FIRST, program: childIdOf(story, node) })
  const life: LifeOps<unknown> = {
    run: (node) => told(Child.run(workflow, inputOf(node), optionsOf(node))),
    start: (node) =>
      Effect.map(told(Child.start(workflow, inputOf(node), optionsOf(node))), ({ cancel, result }) =>
        ({ result: told(result), cancel })),
    tell: (node) => told(signals[node.name]!.send(receiverOf(story, node), `n${node.id}`)),
    compensate: (node) => compensate(node, isDead),
    add: (node, undo) => Compensation.add(`n${node.id}`, () => undo),
    within: (effect) => Compensation.within(effect),
    // Not a string, but it shows as one.
    again: (cells) =>
      input.generation >= GENERATIONS_MAX ? Effect.succeed("last") : Workflow.continueAsNew({
        ...input,
        generation: input.generation + 1,
        cells: [...cells]
      }) as unknown as Effect.Effect<never, string>,
    patched: (patch) => Workflow.patched(`p${patch}`)
  }
  return life as unknown as LifeOps<never>
}

/** An alias stands for another child of the story; the run then plays that child's program. */
export const childIdOf = (story: Node, { alias, id }: Of<"child">): string => {
  const children = [...programsOf(story).keys()].slice(1)
  return alias === undefined ? runIdOf(id) : children[alias % children.length]!
}

export const receiverOf = (story: Node, { to }: Of<"tell">): string => (to === undefined ? "nobody" : nthRun(story, to))

const compensate = (node: Of<"compensate">, isDead: boolean) =>
  Step.run(`n${node.id}`, unlessDead(isDead, Effect.as(sleepUntil(residueOf(node)), `n${node.id}.1`)), {
    compensate: {
      run: () =>
        Effect.gen(function*() {
          const { attempt } = yield* Step.attempt
          yield* unlessDead(isDead, sleepUntil(deadlineResidue(node, undefined)))
          if (attempt <= node.fails) yield* Effect.fail(`n${node.id}`)
        }),
      retry: Schedule.recurs(node.times)
    }
  })

