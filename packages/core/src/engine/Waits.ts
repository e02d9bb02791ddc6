/** What the fibers of a tracked program wait for, once its replay has come to its end. */
import { Context, Effect, Exit, type Fiber, FiberId, FiberRef, FiberStatus, HashSet, Option, Tracer } from "effect"
import { FiberPath } from "./FiberPath.js"
import * as Program from "./Program.js"
import type { ProgramState } from "./ProgramState.js"
import type { Asked } from "./Tracker.js"

export interface FiberWait {
  readonly path: string
  /** The names of the spans that are open around it, the outermost first. */
  readonly spans: ReadonlyArray<string>
  /** The line of its last request that has one, or of that of the fiber that forked it. */
  readonly source: string | undefined
  /** What it asked the engine for; without it, it waits for another fiber. */
  readonly asked: Asked | undefined
  /** The fibers that it waits for, as far as they are known. */
  readonly fibers: ReadonlyArray<string>
}

type Fibers = ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>

/** The fibers of a program at rest, in the order of their paths. */
export const of = (program: ProgramState): ReadonlyArray<FiberWait> => {
  const { tracker } = program.host
  if (tracker === undefined || program.finished || program.fault !== undefined) return []
  const looked = Program.look(program, Effect.flatMap(tracker.fibers.value, (fibers) => statuses(program, fibers)))
  if (looked === undefined || Exit.isFailure(looked)) return []
  const all = looked.value.map((one): Live => ({ ...one, asked: tracker.asked.get(one.path) }))
  const index = indexOf(all)
  const gatherers = new Set(all.flatMap((one) => gathererFor(index, one) ?? []))
  return all.filter((one) => !gatherers.has(one)).toSorted((a, b) => byPath(a.path, b.path)).map((one): FiberWait => ({
    path: one.path,
    spans: spansOf(one.fiber),
    source: lineOf(program, one.path),
    asked: one.asked,
    fibers: awaitedBy(index, one).filter((other) => !gatherers.has(other)).map(({ path }) => path).toSorted(byPath)
  }))
}

interface Looked {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly path: string
  readonly blockedOn: HashSet.HashSet<number>
}

interface Live extends Looked {
  readonly asked: Asked | undefined
}

const statuses = (program: ProgramState, fibers: Fibers): Effect.Effect<ReadonlyArray<Looked>> =>
  Effect.map(
    Effect.forEach(fibers, (fiber) => {
      const place = fiber.getFiberRef(FiberPath)
      // The fiber that looks is not one of those that it looks at.
      if (place === undefined || place.aside || place.program !== program) return Effect.succeed([])
      return Effect.map(fiber.status, (status): ReadonlyArray<Looked> => {
        if (FiberStatus.isDone(status)) return []
        const blockedOn = FiberStatus.isSuspended(status) ? FiberId.ids(status.blockingOn) : HashSet.empty<number>()
        return [{ fiber, path: place.path, blockedOn }]
      })
    }),
    (all) => all.flat()
  )

/** There may be as many fibers as a fan-out has branches. */
interface Index {
  readonly byId: ReadonlyMap<number, Live>
  readonly children: ReadonlyMap<string, ReadonlyArray<Live>>
}

const indexOf = (all: ReadonlyArray<Live>): Index => {
  const children = new Map<string, Array<Live>>()
  for (const one of all) {
    const parent = parentOf(one.path)
    if (parent === undefined) continue
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [one])
    else siblings.push(one)
  }
  return { byId: new Map(all.map((one) => [one.fiber.id().id, one])), children }
}

/** The fibers that one waits for: those that it is said to be blocked on, or else those that it forked. */
const awaitedBy = (index: Index, one: Live): ReadonlyArray<Live> => {
  if (one.asked !== undefined) return []
  const blockers = blockersOf(index, one)
  return blockers.length === 0 || blockers.some((other) => isGatherer(index, one, other)) ? childrenOf(index, one) : blockers
}

const blockersOf = ({ byId }: Index, one: Live): ReadonlyArray<Live> =>
  [...one.blockedOn].flatMap((id) => {
    const other = byId.get(id)
    return other === undefined || other === one ? [] : [other]
  })

const childrenOf = ({ children }: Index, { path }: Live): ReadonlyArray<Live> => children.get(path) ?? []

/** `Effect.all` and its like fork a fiber of their own that waits for those of the author: it would only be in the way. */
const gathererFor = (index: Index, one: Live): Live | undefined =>
  one.asked === undefined ? blockersOf(index, one).find((other) => isGatherer(index, one, other)) : undefined

const isGatherer = (index: Index, one: Live, other: Live): boolean =>
  other.asked === undefined && HashSet.size(other.blockedOn) === 0 && parentOf(other.path) === one.path &&
  childrenOf(index, other).length === 0 && childrenOf(index, one).length > 1

const spansOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): ReadonlyArray<string> => {
  const names: Array<string> = []
  let span = Context.getOption(fiber.getFiberRef(FiberRef.currentContext), Tracer.ParentSpan)
  while (Option.isSome(span) && span.value._tag === "Span") {
    names.unshift(span.value.name)
    span = span.value.parent
  }
  return names
}

/** A fiber that has asked for nothing yet stands where the one that forked it stands. */
const lineOf = (program: ProgramState, path: string): string | undefined => {
  for (let at: string | undefined = path; at !== undefined; at = parentOf(at)) {
    const line = program.lines.get(at)?.()
    if (line !== undefined) return line
  }
  return undefined
}

const parentOf = (path: string): string | undefined => {
  const dot = path.lastIndexOf(".")
  return dot < 0 ? undefined : path.slice(0, dot)
}

/** `0.10` comes after `0.9`. */
const byPath = (a: string, b: string): number => {
  const [left, right] = [a.split("."), b.split(".")]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] === right[i]) continue
    const order = Number(left[i]) - Number(right[i])
    return Number.isNaN(order) ? (left[i]! < right[i]! ? -1 : 1) : order
  }
  return left.length - right.length
}
