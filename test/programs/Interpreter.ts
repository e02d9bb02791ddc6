/**
 * Plays a program as an Effect, on whatever gives meaning to its steps and messages: the engine, or the oracle.
 *
 * A program tells what it sees in notes, each with its instant; they are what two plays of one story are compared by.
 */
import { Cause, Clock, Deferred, Effect, Fiber, Option, Queue } from "effect"
import { CYCLE, deadlineResidue, type Node, type Of, residueOf, until } from "./Program.js"

type Play<R> = Effect.Effect<string, string, R>

export interface Ops<R> {
  /** A step; `message` is the number of the update that it serves. */
  readonly step: (node: Of<"step">, message: number | undefined) => Play<R>
  readonly receive: (name: number) => Effect.Effect<string, never, R>
  readonly poll: (name: number) => Effect.Effect<Option.Option<string>, never, R>
  readonly awakeable: (id: number) => Play<R>
  readonly sensor: (node: Of<"sensor">) => Play<R>
  readonly value: (id: number) => Effect.Effect<number, never, R>
  readonly draw: Effect.Effect<number, never, R>
  readonly condition: (holds: () => boolean) => Effect.Effect<void, never, R>
  /** Runs when the program's scope closes. */
  readonly finalizer: (cleanup: Effect.Effect<void, never, R>) => Effect.Effect<void, never, R>
  readonly handle: (run: (message: number) => Play<R>) => Effect.Effect<void, never, R>
  /** Missing where there is but one run, which ends with its first generation. */
  readonly life?: LifeOps<R>
}

/** A child that need not be awaited. */
interface Begun<R> {
  readonly result: Play<R>
  readonly cancel: Effect.Effect<void, never, R>
}

/** What concerns a run as a whole, or other runs. */
export interface LifeOps<R> {
  readonly run: (node: Of<"child">) => Play<R>
  readonly start: (node: Of<"child">) => Effect.Effect<Begun<R>, string, R>
  readonly tell: (node: Of<"tell">) => Effect.Effect<void, string, R>
  readonly compensate: (node: Of<"compensate">) => Play<R>
  readonly add: (node: Node, undo: Play<R>) => Effect.Effect<void, never, R>
  readonly within: (effect: Play<R>) => Play<R>
  /** With the cells that the next generation begins with. */
  readonly again: (cells: ReadonlyArray<string>) => Play<R>
  readonly patched: (patch: number) => Effect.Effect<boolean, never, R>
}

/** What one play of a program has seen. */
export interface Trace {
  /** The same in every play of a story. */
  readonly notes: Array<string>
  /** What chance gave, by node: the same in every play of one run. */
  readonly chance: Array<string>
}

interface Scene<R> {
  readonly ops: Ops<R>
  readonly trace: Trace
  readonly cells: Array<string>
  /** The update that is being served. */
  readonly message: number | undefined
}

export const play = <R>(program: Node, ops: Ops<R>, trace: Trace, cells: ReadonlyArray<string> = ["", ""]): Play<R> =>
  Effect.suspend(() => visit({ ops, trace, cells: [...cells], message: undefined }, program))

const note = <R>(scene: Scene<R>, what: string): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeMillis, (now) => void scene.trace.notes.push(`${now} ${what}`))

/** Milliseconds until the node's next instant. */
const untilOf = (node: Node): Effect.Effect<number> => Effect.map(Clock.currentTimeMillis, (now) => until(now, residueOf(node)))

const visit = <R>(scene: Scene<R>, node: Node): Play<R> =>
  Effect.zipRight(
    note(scene, `enter ${node.id}`),
    Effect.tapBoth(act(scene, node), {
      onSuccess: (value) => note(scene, `${node.id} gave ${value}`),
      onFailure: (error) => note(scene, `${node.id} failed ${error}`)
    })
  )

const act = <R>(scene: Scene<R>, node: Node): Play<R> => {
  const { cells, ops } = scene
  const child = (i: number): Play<R> => visit(scene, node.children[i]!)
  switch (node.kind) {
    case "step":
      return ops.step(node, scene.message)
    case "sleep":
      return Effect.as(Effect.flatMap(untilOf(node), Effect.sleep), "slept")
    case "draw":
      return Effect.map(ops.draw, (drawn) => (scene.trace.chance.push(`drawn ${node.id} ${drawn}`), "drawn"))
    case "value":
      return Effect.map(ops.value(node.id), (value) => (scene.trace.chance.push(`valued ${node.id} ${value}`), "valued"))
    case "receive":
      return ops.receive(node.name)
    case "poll":
      return Effect.map(ops.poll(node.name), Option.getOrElse(() => "nothing"))
    case "set":
      return Effect.sync(() => (cells[node.cell] = `${node.id}`))
    case "get":
      return Effect.sync(() => cells[node.cell]!)
    case "awakeable":
      return ops.awakeable(node.id)
    case "sensor":
      return ops.sensor(node)
    case "seq":
      return joined(Effect.all(node.children.map((_, i) => child(i))))
    case "all":
      return all(node, node.children.map((_, i) => child(i)))
    case "race":
      return race(node, child(0), child(1))
    case "timeout":
      // When it is played again at its own instant: not at once, which would be a race.
      return Effect.flatMap(untilOf(node), (millis) =>
        Effect.map(Effect.timeoutOption(child(0), millis || CYCLE), Option.getOrElse(() => "timed out")))
    case "catch":
      return node.causes ? Effect.catchAllCause(child(0), () => child(1)) : Effect.catchAll(child(0), () => child(1))
    case "ensuring":
      return Effect.ensuring(child(0), Effect.ignore(child(1)))
    case "acquire":
      return Effect.acquireUseRelease(child(0), () => child(1), () => Effect.ignore(child(2)))
    case "uninterruptible":
      return Effect.uninterruptible(child(0))
    case "repeat":
      return Effect.repeatN(child(0), 1)
    case "retry":
      return Effect.retry(child(0), { times: 1 })
    case "semaphore":
      return Effect.flatMap(Effect.makeSemaphore(1), (semaphore) =>
        joined(Effect.all(node.children.map((_, i) => semaphore.withPermits(1)(child(i))), { concurrency: "unbounded" })))
    case "onInterrupt":
      return Effect.onInterrupt(child(0), () => Effect.ignore(child(1)))
    case "finalizer":
      return Effect.as(ops.finalizer(Effect.ignore(child(0))), "added")
    case "cached":
      return Effect.flatMap(Effect.cached(child(0)), (cached) => both(cached, cached))
    case "disconnect":
      return Effect.disconnect(child(0))
    case "fork":
      return fork(node, child(0), child(1))
    case "condition":
      return condition(scene, child(0))
    case "deferred":
      return deferred(child(0), child(1))
    case "queue":
      return queue(child(0), child(1))
    case "handle":
      return Effect.as(ops.handle((message) => visit({ ...scene, message }, node.children[0]!)), "handled")
    case "child":
      return family(scene, node)
    case "tell":
      return lifeOf(scene, ({ tell }) => apart(node, Effect.as(tell(node), "told")))
    case "compensate":
      return lifeOf(scene, ({ compensate }) => compensate(node))
    case "add":
      return lifeOf(scene, ({ add }) => Effect.as(add(node, child(0)), "added"))
    case "within":
      return lifeOf(scene, ({ within }) => within(child(0)))
    case "again":
      return lifeOf(scene, ({ again }) => Effect.suspend(() => again(cells)))
    case "patched":
      return lifeOf(scene, ({ patched }) => Effect.map(patched(node.patch), String))
  }
}

const lifeOf = <R>({ ops }: Scene<R>, use: (life: LifeOps<R>) => Play<R>): Play<R> =>
  ops.life === undefined ? Effect.dieMessage("there are no lives here") : use(ops.life)

/** What reaches another run has an instant of its own, and so has what follows from its answer. */
const apart = <R>(node: Node, effect: Play<R>): Play<R> =>
  Effect.flatMap(untilOf(node), (millis) => Effect.zipRight(Effect.sleep(millis), later(node, effect)))

const later = <R>(node: Node, effect: Play<R>): Play<R> =>
  Effect.tapBoth(effect, { onSuccess: () => afterwards(node), onFailure: () => afterwards(node) })

const afterwards = (node: Node): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(until(now, deadlineResidue(node, undefined))))

const family = <R>(scene: Scene<R>, node: Of<"child">): Play<R> =>
  lifeOf(scene, (life) => {
    if (node.how === "run") return apart(node, life.run(node))
    return Effect.flatMap(untilOf(node), (millis) =>
      Effect.zipRight(
        Effect.sleep(millis),
        Effect.flatMap(Effect.tapError(life.start(node), () => afterwards(node)), ({ cancel, result }) => {
          const started = Effect.as(afterwards(node), "started")
          if (node.how === "start") return started
          const ended = node.how === "late" ? result : Effect.as(cancel, "cancelled")
          return Effect.zipRight(Effect.zipRight(started, visit(scene, node.children[1]!)), later(node, ended))
        })
      ))
  })

const joined = <R>(parts: Effect.Effect<ReadonlyArray<string>, string, R>): Play<R> =>
  Effect.map(parts, (values) => `(${values.join(" ")})`)

const all = <R>(node: Of<"all">, branches: ReadonlyArray<Play<R>>): Play<R> => {
  const concurrency = node.concurrency === 0 ? "unbounded" : node.concurrency
  if (!node.either) return joined(Effect.all(branches, { concurrency }))
  return joined(Effect.map(Effect.all(branches, { concurrency, mode: "either" }), (ends) =>
    ends.map((end) => (end._tag === "Right" ? end.right : `!${end.left}`))))
}

const race = <R>({ how }: Of<"race">, left: Play<R>, right: Play<R>): Play<R> => {
  if (how === "race") return Effect.race(left, right)
  return how === "raceFirst" ? Effect.raceFirst(left, right) : Effect.raceAll([left, right])
}

const fork = <R>({ how }: Of<"fork">, side: Play<R>, main: Play<R>): Play<R> =>
  Effect.gen(function*() {
    const fiber = yield* how === "daemon" ? Effect.forkDaemon(side) : Effect.fork(side)
    const value = yield* main
    if (how === "join") return `${value} ${yield* Fiber.join(fiber)}`
    if (how !== "interrupt") return value
    const exit = yield* Fiber.interrupt(fiber)
    if (exit._tag === "Success") return `${value} ${exit.value}`
    return `${value} ${Cause.isInterruptedOnly(exit.cause) ? "interrupted" : "ended"}`
  })

const both = <R>(left: Play<R>, right: Play<R>): Play<R> =>
  Effect.map(Effect.all([left, right], { concurrency: "unbounded" }), ([a, b]) => `${a} ${b}`)

const condition = <R>({ ops }: Scene<R>, setter: Play<R>): Play<R> =>
  Effect.suspend(() => {
    let isSet = false
    const set = Effect.map(setter, (value) => (isSet = true, value))
    return both(set, Effect.as(ops.condition(() => isSet), "held"))
  })

const deferred = <R>(giver: Play<R>, taker: Play<R>): Play<R> =>
  Effect.flatMap(Deferred.make<string, string>(), (given) =>
    both(
      Effect.as(Effect.intoDeferred(giver, given), "gave"),
      Effect.zipWith(Deferred.await(given), taker, (a, b) => `${a} ${b}`)
    ))

/** Two values go through a queue with room for one. */
const queue = <R>(giver: Play<R>, taker: Play<R>): Play<R> =>
  Effect.gen(function*() {
    const between = yield* Queue.bounded<string>(1)
    const giving = Effect.gen(function*() {
      yield* Queue.offer(between, "first")
      const value = yield* giver
      yield* Queue.offer(between, value)
      return "gave"
    })
    const taking = Effect.gen(function*() {
      const first = yield* Queue.take(between)
      const own = yield* taker
      return `${first} ${own} ${yield* Queue.take(between)}`
    })
    return yield* both(giving, taking)
  })
