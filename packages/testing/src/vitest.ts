/**
 * Tests of workflows for vitest: `it` of `@effect/vitest`, and with it `it.durable`, which gives each test a world of its
 * own. An entry of its own, because the rest of the test kit works with any test runner.
 */
import * as effectVitest from "@effect/vitest"
import type { Workflow } from "@reprise/core"
import { Arbitrary, Effect, type FastCheck as fc, Schema, type Scope, type TestServices } from "effect"
import * as Crashes from "./Crashes.js"
import { SimulationFailed } from "./Errors.js"
import * as Simulation from "./simulation/Simulation.js"
import * as World from "./World.js"

/** What a test's world is made of; a function when something of it is to be made anew for each world. */
export type Setting<W extends Workflow.Any> = World.Options<W> | (() => World.Options<W>)

/** A number is a timeout in milliseconds. */
type Limit = number | effectVitest.TestOptions
type PropertyLimit<Value> = number | (effectVitest.TestOptions & { readonly fastCheck?: fc.Parameters<[Value]> })

/** A search plays a script hundreds of times. */
const SEARCH_TIMEOUT_MILLIS = 60_000

type Body<Values extends ReadonlyArray<unknown>> = (
  world: World.World,
  ...values: Values
) => Effect.Effect<unknown, unknown, Scope.Scope | TestServices.TestServices>

const made = <W extends Workflow.Any>(setting: Setting<W>): World.Options<W> => (typeof setting === "function" ? setting() : setting)

const within = <W extends Workflow.Any, Values extends ReadonlyArray<unknown>>(setting: Setting<W>, body: Body<Values>) =>
(...values: Values) => Effect.scoped(Effect.flatMap(Effect.suspend(() => World.make(made(setting))), (world) => body(world, ...values)))

/** A test in a world of its own, which ends with the test. */
const durable = <W extends Workflow.Any>(name: string, setting: Setting<W>, body: Body<[]>, limit?: Limit): void =>
  effectVitest.it.effect(name, () => within(setting, body)(), limit)

/** `Crashes.everywhere` as a test: the script with a crash before and after each append. `expectations` judge the run without one. */
const everywhere = <W extends Workflow.Any, A, E>(
  name: string,
  setting: Setting<W>,
  script: (world: World.World) => Effect.Effect<A, E>,
  expectations: (seen: Crashes.Seen<A, E>) => void = () => {}
): void =>
  effectVitest.it.effect(name, () => Effect.map(Crashes.everywhere(() => made(setting), script), expectations), SEARCH_TIMEOUT_MILLIS)

/** `Simulation.check` as a test. When it fails, its message is the story, and the command that plays this test again. */
const check = <Input, A, E, R>(
  name: string,
  workflow: Workflow.Workflow<Input, A, E, R>,
  options: Simulation.Options<Input, R>,
  limit: Limit = SEARCH_TIMEOUT_MILLIS
): void =>
  effectVitest.it.effect(name, ({ task }) =>
    Effect.mapError(Simulation.check(workflow, options), (failure) =>
      new SimulationFailed({ ...failure, again: `${failure.again} npx vitest run ${task.file.name} -t '${patternOf(task.name)}'` })), limit)

/** `-t` takes a pattern, and the shell takes the quotes. */
const patternOf = (name: string): string => name.replace(/[^\w ,:-]/g, ".")

/** What draws values: a schema, an arbitrary, or a workflow, of which the inputs are drawn. */
type Values<Value, Encoded> =
  | Schema.Schema<Value, Encoded>
  | fc.Arbitrary<Value>
  | Workflow.Workflow<Value, unknown, unknown, unknown>

/** A schema may look like anything: a class of values has static members of its own. */
const isWorkflow = <Value, Encoded>(values: Values<Value, Encoded>): values is Workflow.Workflow<Value, unknown, unknown, unknown> =>
  !Schema.isSchema(values) && "program" in values

const drawn = <Value, Encoded>(values: Values<Value, Encoded>): Schema.Schema<Value, Encoded> | fc.Arbitrary<Value> =>
  isWorkflow(values) ? Arbitrary.make(values.input.schema ?? Schema.make<Value, unknown>(Schema.Undefined.ast)) : values

/** A property: the test again and again, each time in a new world, with a value that is drawn. */
const prop = <W extends Workflow.Any, Value, Encoded>(
  name: string,
  values: Values<Value, Encoded>,
  setting: Setting<W>,
  body: Body<[value: Value]>,
  limit: PropertyLimit<Value> = SEARCH_TIMEOUT_MILLIS
): void => effectVitest.it.effect.prop(name, [drawn(values)], ([value]) => Effect.asVoid(within(setting, body)(value)), limit)

/**
 * Tests of workflows, besides all that `it` of `@effect/vitest` has.
 *
 * @example
 * import { Step, Workflow } from "@reprise/core"
 * import { it } from "@reprise/testing/vitest"
 * import { Effect, Schema } from "effect"
 * import { expect } from "vitest"
 *
 * const Greet = Workflow.make("greet", { input: Schema.String }, (name) =>
 *   Effect.zipRight(Effect.sleep("30 days"), Step.run("greet", Effect.succeed(`Hello, ${name}`))))
 *
 * it.durable("greets after a month", { workflows: [Greet] }, (world) =>
 *   Effect.gen(function*() {
 *     expect(yield* world.execute(Greet, "Ada")).toBe("Hello, Ada")
 *   }))
 */
export const it = Object.assign(effectVitest.it, { durable: Object.assign(durable, { everywhere, check, prop }) })
