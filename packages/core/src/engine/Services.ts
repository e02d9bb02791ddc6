/**
 * The default services of every program: time, chance, configuration, logs, console and spans, each answering from the
 * run that drains. One set serves all programs, because only one drains at a time (engine/Containment.ts, R1).
 */
import {
  type Cause,
  Clock,
  Config,
  ConfigError,
  ConfigProvider,
  ConfigProviderPathPatch as PathPatch,
  Console,
  Context,
  DefaultServices,
  Duration,
  Effect,
  Either,
  Exit,
  FiberId,
  FiberRef,
  FiberRefs,
  HashSet,
  Logger,
  type LogLevel,
  Option,
  Random,
  Redacted,
  Runtime,
  RuntimeFlags,
  Tracer
} from "effect"
import { Activation, type ActivationShape } from "../define/Activation.js"
import type { Json } from "../model/Json.js"
import { current } from "./Containment.js"
import { FiberPath, type FiberPlace } from "./FiberPath.js"
import type { Output } from "./ProgramState.js"

/** The runtime on which programs run: ours for everything that a replay must repeat, Effect's for the rest. */
export const makeRuntime = (activation: ActivationShape, minimumLogLevel: LogLevel.LogLevel): Runtime.Runtime<Activation> => {
  const services = DefaultServices.liveServices.pipe(
    Context.add(Clock.Clock, clockOf(activation)),
    Context.add(Random.Random, random),
    Context.add(ConfigProvider.ConfigProvider, configOf(activation)),
    Context.add(Console.Console, programConsole),
    Context.add(Tracer.Tracer, tracer)
  )
  const fiberRefs = FiberRefs.empty().pipe(
    FiberRefs.updateAs({ fiberId: FiberId.none, fiberRef: DefaultServices.currentServices, value: services }),
    FiberRefs.updateAs({ fiberId: FiberId.none, fiberRef: FiberRef.currentLoggers, value: HashSet.make(logger) }),
    FiberRefs.updateAs({ fiberId: FiberId.none, fiberRef: FiberRef.currentMinimumLogLevel, value: minimumLogLevel }),
    FiberRefs.updateAs({ fiberId: FiberId.none, fiberRef: FiberRef.unhandledErrorLogLevel, value: Option.none() })
  )
  return Runtime.make({
    context: Context.make(Activation, activation),
    // Without runtime metrics: replays would count fibers twice.
    runtimeFlags: RuntimeFlags.disable(Runtime.defaultRuntimeFlags, RuntimeFlags.RuntimeMetrics),
    fiberRefs
  })
}

/** The place of the fiber that runs; every fiber of a program has one. */
export const placeOf = (refs: { getFiberRef: <A>(ref: FiberRef.FiberRef<A>) => A }): FiberPlace => {
  const here = refs.getFiberRef(FiberPath)
  if (here === undefined) throw new Error("a workflow's service was used outside its program")
  return here
}

/** Tells the world after the commit; while replaying the world knows already. */
const tell = (output: () => Output): void => {
  const program = current()
  if (program.recorded === undefined && !program.aside) program.outputs.push(output())
}

// ---- time: the instant of the event being delivered; sleeping is a durable timer ----

const clockOf = (activation: ActivationShape): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => current().now,
  unsafeCurrentTimeNanos: () => BigInt(current().now) * 1_000_000n,
  currentTimeMillis: Effect.sync(() => current().now),
  currentTimeNanos: Effect.sync(() => BigInt(current().now) * 1_000_000n),
  sleep: (duration) => activation.perform<"Sleep">({ _tag: "Sleep", millis: Duration.toMillis(duration) })
})

// ---- chance: a stream for each fiber path, so that one branch never shifts another ----

const draw = <A>(from: (stream: Random.Random) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.withFiberRuntime((fiber) => {
    const here = placeOf(fiber)
    here.random ??= Random.make(`${here.program.seed}/${here.path}`)
    return from(here.random)
  })

const random: Random.Random = {
  [Random.RandomTypeId]: Random.RandomTypeId,
  next: draw((stream) => stream.next),
  nextBoolean: draw((stream) => stream.nextBoolean),
  nextInt: draw((stream) => stream.nextInt),
  nextRange: (min, max) => draw((stream) => stream.nextRange(min, max)),
  nextIntBetween: (min, max) => draw((stream) => stream.nextIntBetween(min, max)),
  shuffle: (elements) => draw((stream) => stream.shuffle(elements))
}

// ---- configuration: the first read of a path is recorded; a secret is recorded as a reference and read anew ----

const SECRET = { secret: true } as const

const configOf = (activation: ActivationShape): ConfigProvider.ConfigProvider => {
  const provider = recordingConfig(activation)
  return ConfigProvider.make({
    flattened: provider.flattened,
    load: (config) => provider.load(markSecrets(config, false))
  })
}

const recordingConfig = (activation: ActivationShape): ConfigProvider.ConfigProvider =>
  ConfigProvider.fromFlat(ConfigProvider.makeFlat({
    patch: PathPatch.empty,
    // The set of children is read live: it decides how a nested config is looked up, and each value found is recorded.
    enumerateChildren: (path) => Effect.suspend(() => current().host.config.flattened.enumerateChildren(path)),
    load: (path, primitive, split) =>
      Effect.gen(function*() {
        const name = path.join(".")
        // A value is evaluated outside the walls, where no program is current.
        const { config } = current().host
        const recorded = yield* activation.perform<"RecordValue">({
          _tag: "RecordValue",
          name: `config ${name}`,
          config: true,
          source: undefined,
          evaluate: () => readConfig(config, path, primitive, split)
        })
        return yield* parseConfig(config, recorded, path, primitive, split)
      })
  }))

const rawText = { description: "text", parse: (text: string) => Either.right(text) } as unknown as Parameters<
  ConfigProvider.ConfigProvider.Flat["load"]
>[1]

type Load = ConfigProvider.ConfigProvider.Flat["load"]
type Primitive = Parameters<Load>[1]

type Source = ConfigProvider.ConfigProvider

const loadRaw = (config: Source, path: ReadonlyArray<string>, split: boolean | undefined) =>
  Effect.runSync(Effect.either(config.flattened.load(path, rawText, split)))

const readConfig = (
  config: Source,
  path: ReadonlyArray<string>,
  primitive: Primitive,
  split: boolean | undefined
): Json => {
  const texts = loadRaw(config, path, split)
  if (Either.isLeft(texts)) return { missing: true }
  const values = texts.right as Array<string>
  return values.some((text) => isSecret(primitive, text)) ? SECRET : { values }
}

const secrets = new WeakSet<object>()

/** `Config.redacted` wraps what it hides; the flat provider sees only what is inside, so that is marked here. */
const markSecrets = <A>(config: Config.Config<A>, within: boolean): Config.Config<A> => {
  const fields = config as unknown as Record<string, unknown>
  const isHidden = within || fields["_tag"] === "Redacted"
  const copy = Object.create(Object.getPrototypeOf(config) as object) as Record<string, unknown> & Config.Config<A>
  for (const [key, value] of Object.entries(fields)) {
    copy[key] = Config.isConfig(value)
      ? markSecrets(value, isHidden)
      : fields["_tag"] === "Lazy" && typeof value === "function"
      ? () => markSecrets(value() as Config.Config<unknown>, isHidden)
      : value
  }
  if (isHidden) secrets.add(copy)
  return copy
}

const isSecret = (primitive: Primitive, text: string): boolean => {
  if (secrets.has(primitive)) return true
  const parsed = primitive.parse(text)
  return Either.isRight(parsed) && Redacted.isRedacted(parsed.right)
}

const parseConfig = <A>(
  config: Source,
  recorded: Json | undefined,
  path: ReadonlyArray<string>,
  primitive: { readonly description: string; parse: (text: string) => Either.Either<A, ConfigError.ConfigError> },
  split: boolean | undefined
): Effect.Effect<Array<A>, ConfigError.ConfigError> => {
  const missing = Effect.fail(ConfigError.MissingData([...path], `no ${primitive.description} was configured when the run read it`))
  if (typeof recorded !== "object" || recorded === null || "missing" in recorded) return missing
  if ("values" in recorded) return Effect.forEach(recorded["values"] as ReadonlyArray<string>, (text) => primitive.parse(text))
  const live = loadRaw(config, path, split)
  return Either.isLeft(live) ? missing : Effect.forEach(live.right as Array<string>, (text) => primitive.parse(text))
}

// ---- logs, console and spans: kept until the commit, silent on replay ----

const logger = Logger.make<unknown, void>((options) => {
  tell(() => ({ _tag: "Log", options, fiberPath: FiberRefs.getOrDefault(options.context, FiberPath)?.path ?? "" }))
})

const print = (method: string) => (...args: ReadonlyArray<unknown>): void =>
  tell(() => ({ _tag: "Console", method, args }))

const METHODS = [
  "assert",
  "clear",
  "count",
  "countReset",
  "debug",
  "dir",
  "dirxml",
  "error",
  "group",
  "groupCollapsed",
  "groupEnd",
  "info",
  "log",
  "table",
  "time",
  "timeEnd",
  "timeLog",
  "trace",
  "warn"
] as const

/** Effect's Console has methods that return effects, and two that are effects. */
const EFFECTS = new Set<string>(["clear", "groupEnd"])

const programConsole = {
  [Console.TypeId]: Console.TypeId,
  unsafe: Object.fromEntries(METHODS.map((method) => [method, print(method)])),
  ...Object.fromEntries(METHODS.map((method) => [
    method,
    EFFECTS.has(method)
      ? Effect.sync(print(method))
      : (...args: ReadonlyArray<unknown>) => Effect.sync(() => print(method)(...args))
  ]))
} as unknown as Console.Console

const tracer = Tracer.make({
  span: (name, parent, context, links, startTime, kind) => new ProgramSpan(name, parent, context, links, startTime, kind),
  context: (run) => run()
})

/** Ids are counted, not drawn: a replay makes the same ones. */
class ProgramSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly traceId: string
  readonly spanId: string
  readonly sampled = true
  readonly attributes = new Map<string, unknown>()
  status: Tracer.SpanStatus
  constructor(
    readonly name: string,
    readonly parent: Option.Option<Tracer.AnySpan>,
    readonly context: Context.Context<never>,
    readonly links: ReadonlyArray<Tracer.SpanLink>,
    readonly startTime: bigint,
    readonly kind: Tracer.SpanKind
  ) {
    this.traceId = current().info.runId
    this.spanId = `${current().seq}.${name}`
    this.status = { _tag: "Started", startTime }
  }
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.status = { _tag: "Ended", startTime: this.startTime, endTime, exit }
    const { attributes, kind, name, startTime } = this
    const cause: Cause.Cause<unknown> | undefined = Exit.isFailure(exit) ? exit.cause : undefined
    tell(() => ({ _tag: "Span", span: { name, kind, startTime, endTime, attributes, cause } }))
  }
  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
  }
  event(): void {
    // Events inside a program's span are not exported: the run's own history tells them better.
  }
  addLinks(): void {
    // Nor are links.
  }
}
