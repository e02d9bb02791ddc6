/**
 * Tries a workflow under everything that can go wrong. A world plays the same scene again and again: first with each
 * crash alone, then with pairs, then with plans of faults that chance draws. Whatever happens, the outcome must be the one
 * without faults, or one that the test allows, and Reprise must keep its word.
 *
 * A failure is made as small as it can be, and told as a story with the command that plays it again.
 */
import { Effect, FastCheck as fc, Logger, LogLevel } from "effect"
import type { Workflow } from "@reprise/core"
import { SimulationFailed } from "../Errors.js"
import type * as World from "../World.js"
import * as Plan from "./Plan.js"
import * as Scene from "./Scene.js"
import * as Search from "./Search.js"
import * as Story from "./Story.js"
import { complaints, type Judgement } from "./Verdict.js"

export { play, type Scene, type Seen, type SeenRun, type Surroundings } from "./Scene.js"
export { showStrike } from "./Story.js"
export { always } from "./Verdict.js"
export { Plan }

/** Sets the scene. */
export type Given<Input, R> =
  & {
    /** The input, or an arbitrary that draws inputs. */
    readonly input?: Input | fc.Arbitrary<Input>
    /** What happens. Default: the workflow is started with the input and taken to its end. */
    readonly script?: (world: World.World, input: Input) => Effect.Effect<unknown, unknown>
    /** Other workflows, such as children. */
    readonly others?: ReadonlyArray<Workflow.Any>
    /**
     * The workflows of deployments to come: a process that begins may have those of any of them. Each must be able to run
     * what the script starts.
     */
    readonly deployments?: ReadonlyArray<ReadonlyArray<Workflow.Any>>
  }
  & ([R] extends [never] ? { readonly world?: () => Scene.Surroundings<R> }
    /** What stands around: services, stand-ins of steps, bounds. Made anew for each play. */
    : { readonly world: () => Scene.Surroundings<R> })

export interface Bounds {
  /** Pairs of faults at appends; 0 leaves them out. Default: 200. */
  readonly pairs?: number
  /** Plans drawn by chance. Default: 200. */
  readonly plans?: number
  /** Which faults chance may draw. Default: all; deployments, if there are some. */
  readonly deeds?: ReadonlyArray<Plan.Deed>
  /** The longest delay or pause, in milliseconds. Default: 10,000. */
  readonly millisMax?: number
  /** Where chance begins. Default: 1. */
  readonly seed?: number
}

/** What was tried. */
export interface Report {
  readonly plays: number
  /** Faults that have struck. */
  readonly strikes: number
  readonly processes: number
}

/** Plays one thing again: set by the command that a failure prints. */
const AGAIN = "REPRISE_SIMULATION"

type Again = { readonly plan: Plan.Plan } | Search.Seed

/**
 * Runs the workflow under simulated faults; succeeds when nothing was found. Nothing is logged meanwhile, except when one
 * failure is played again.
 *
 * @example
 * import { Effect } from "effect"
 * import { Step, Workflow } from "@reprise/core"
 * import { Simulation } from "@reprise/testing"
 *
 * const Order = Workflow.make("order", {}, () =>
 *   Effect.zipRight(Step.run("reserve", Effect.succeed(1)), Step.run("charge", Effect.succeed("charged"))))
 *
 * const test = Simulation.check(Order, {
 *   property: ({ calls }) => calls.some(({ step }) => step === "charge") || "nobody was charged"
 * })
 */
export const check = <Input, A, E, R>(
  workflow: Workflow.Workflow<Input, A, E, R>,
  options: Options<Input, R>
): Effect.Effect<Report, SimulationFailed> =>
  Effect.suspend(() => {
    const { input } = options.given ?? {}
    const inputs = Scene.isArbitrary(input) ? input : fc.constant(input)
    const search: Searching<unknown> = {
      name: workflow.name,
      workflows: known([workflow, ...options.given?.others ?? [], ...options.given?.deployments?.flat() ?? []]),
      hasDeployments: options.given?.deployments !== undefined,
      sceneOf: (input) => sceneOf(workflow, options, input as Input),
      options,
      calm: new Map(),
      report: { plays: 0, strikes: 0, processes: 0 }
    }
    const again = process.env[AGAIN]
    if (again === undefined) return Logger.withMinimumLogLevel(everything(search, inputs), LogLevel.None)
    return once(search, inputs, JSON.parse(again) as Again)
  })

export type Options<Input, R> =
  & Judgement
  & Bounds
  & ([R] extends [never] ? { readonly given?: Given<Input, R> } : { readonly given: Given<Input, R> })

/** Code that a deployment changes under its version is not what the first runs were written by. */
const known = (workflows: ReadonlyArray<Workflow.Any>): ReadonlyArray<Workflow.Any> =>
  workflows.filter(({ name, version }, i) => i === workflows.findIndex((other) => other.name === name && other.version === version))

/** One search: its scene, and what it has come to. */
interface Searching<Input> {
  readonly name: string
  readonly workflows: ReadonlyArray<Workflow.Any>
  readonly hasDeployments: boolean
  readonly sceneOf: (input: Input) => Scene.Scene
  readonly options: Judgement & Bounds
  /** Plays without faults, by input. */
  readonly calm: Map<Input, Scene.Seen>
  readonly report: { plays: number; strikes: number; processes: number }
}

const sceneOf = <Input, A, E, R>(
  workflow: Workflow.Workflow<Input, A, E, R>,
  { given }: Options<Input, R>,
  input: Input
): Scene.Scene => ({
  workflows: [workflow, ...given?.others ?? []],
  deployments: given?.deployments ?? [],
  // The services that the workflow needs are asked for by `Given`.
  world: (given?.world ?? (() => ({}))) as () => Scene.Surroundings<never>,
  script: (world) => given?.script?.(world, input) ?? world.execute(workflow, input)
})

const SEED = 1

const everything = <Input>(search: Searching<Input>, inputs: fc.Arbitrary<Input>): Effect.Effect<Report, SimulationFailed> =>
  Effect.gen(function*() {
    const { pairs = 200, plans = 200, seed = SEED } = search.options
    const input = fc.sample(inputs, { numRuns: 1, seed })[0]!
    const { appendCount } = yield* calmOf(search, input)
    for (const plan of [...Search.singles(appendCount), ...Search.pairs(appendCount, pairs)]) {
      yield* judged(search, input, plan, () => ({ plan }))
    }
    if (plans > 0) yield* byChance(search, inputs, plans, { seed })
    return { ...search.report }
  })

/** Plays what a failure has printed. */
const once = <Input>(search: Searching<Input>, inputs: fc.Arbitrary<Input>, again: Again): Effect.Effect<Report, SimulationFailed> =>
  Effect.gen(function*() {
    if ("seed" in again) yield* byChance(search, inputs, search.options.plans ?? 200, again)
    else yield* judged(search, fc.sample(inputs, { numRuns: 1, seed: search.options.seed ?? SEED })[0]!, again.plan, () => again)
    return { ...search.report }
  })

const byChance = <Input>(search: Searching<Input>, inputs: fc.Arbitrary<Input>, count: number, from: Search.Seed) =>
  Effect.gen(function*() {
    const { deeds = search.hasDeployments ? [...Plan.ALL, "deployment" as const] : Plan.ALL, millisMax = 10_000 } = search.options
    const plans = Plan.arbitrary({ deeds, callsMax: 40, faultsMax: 12, millisMax })
    const found = yield* Search.smallest(fc.record({ input: inputs, plan: plans }), count, from, ({ input, plan }) =>
      Effect.map(verdictOf(search, input, plan), ({ wrong }) => wrong.length === 0))
    if (found === undefined) return
    const { again, counterexample: { input, plan } } = found
    yield* judged(search, input, plan, () => again)
  })

const calmOf = <Input>(search: Searching<Input>, input: Input): Effect.Effect<Scene.Seen> =>
  Effect.suspend(() => {
    const known = search.calm.get(input)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(Scene.play(search.sceneOf(input), Plan.NONE), (seen) => void search.calm.set(input, seen))
  })

const verdictOf = <Input>(search: Searching<Input>, input: Input, plan: Plan.Plan) =>
  Effect.gen(function*() {
    const calm = yield* calmOf(search, input)
    const seen = yield* Scene.play(search.sceneOf(input), plan)
    search.report.plays += 1
    search.report.strikes += seen.damage.strikes.length
    search.report.processes += seen.damage.processCount
    return { seen, wrong: complaints(search.workflows, search.options, seen, calm) }
  })

/** Fails with the story of a play that is not as it should be. */
const judged = <Input>(search: Searching<Input>, input: Input, plan: Plan.Plan, again: () => Again) =>
  Effect.gen(function*() {
    const { seen, wrong } = yield* verdictOf(search, input, plan)
    if (wrong.length === 0) return
    return yield* new SimulationFailed({
      complaints: wrong,
      plan,
      input,
      story: Story.tell(search.name, input, plan, seen, wrong),
      again: `${AGAIN}='${JSON.stringify(again())}'`
    })
  })
