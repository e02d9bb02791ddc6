/** Random stories of several runs: of runs that start, end, signal and outlive one another, continue as new, and are paused. */
import { FastCheck as fc } from "effect"
import {
  anyWith,
  few,
  letters,
  type Message,
  MESSAGES_MAX,
  type Node,
  node,
  NODES_MAX,
  nodesOf,
  none,
  numbered,
  rank,
  simple,
  step,
  type Story
} from "./Program.js"

/** The run of a story that a child node starts; `0` is the first one. */
export const runIdOf = (id: number): string => (id === 0 ? "run" : `c${id}`)

/** The programs of a story by run id, the first run's first. */
export const programsOf = (program: Node): ReadonlyMap<string, Node> =>
  new Map([
    ["run", program],
    ...nodesOf(program).flatMap((node) => (node.kind === "child" ? [[runIdOf(node.id), node.children[0]!] as const] : []))
  ])

/** The n-th of a story's runs. */
export const nthRun = (program: Node, n: number): string => {
  const runIds = [...programsOf(program).keys()]
  return runIds[n % runIds.length]!
}

/** How often each run may continue as new. */
export const GENERATIONS_MAX = 2

const oneOf = fc.nat({ max: 4 })
const fromTo = fc.constantFrom("cancel" as const, "cancel" as const, "terminate" as const, "abandon" as const)

const sometimes = fc.nat({ max: 2 }).map((roll) => roll === 2)
const compensate = node("compensate", none, { fails: fc.constantFrom(0, 0, 0, 1, 2), times: few })
const add = node("add", fc.tuple(simple), {})

/** Several things to be undone, and what may make it necessary. */
const saga = (any: fc.Arbitrary<Node>): fc.Arbitrary<Node> =>
  node("within", fc.tuple(node("seq", fc.array(fc.oneof(compensate, compensate, add, any), { minLength: 2, maxLength: 4 }), {})), {})

/** Takes a signal in each generation, for as long as there is another one. */
const turns = (any: fc.Arbitrary<Node>): fc.Arbitrary<Node> =>
  node("seq", fc.tuple(node("sleep", none, {}), node("receive", none, { name: fc.constant(0) }), any, node("again", none, {})), {})

/** A child that begins later, at once with a step: it can be paused before. */
const later = (any: fc.Arbitrary<Node>): fc.Arbitrary<Node> =>
  node("child", fc.tuple(node("seq", fc.tuple(step, any), {}), simple), {
    how: fc.constantFrom("run", "start"),
    policy: fromTo,
    existing: fc.boolean(),
    delayed: fc.constant(true),
    limited: sometimes,
    alias: fc.constant(undefined)
  })

const living: fc.Arbitrary<Node> = anyWith((tie) => [
  {
    arbitrary: node("child", fc.tuple(tie("node"), simple), {
      how: fc.constantFrom("run", "run", "start", "late", "cancel"),
      policy: fromTo,
      existing: fc.boolean(),
      delayed: sometimes,
      limited: sometimes,
      alias: fc.oneof({ arbitrary: fc.constant(undefined), weight: 6 }, { arbitrary: oneOf, weight: 1 })
    }),
    weight: 9
  },
  {
    arbitrary: node("tell", none, {
      to: fc.oneof({ arbitrary: oneOf, weight: 8 }, { arbitrary: fc.constant(undefined), weight: 1 }),
      name: fc.constantFrom(0, 0, 0, 1)
    }),
    weight: 4
  },
  { arbitrary: compensate, weight: 4 },
  { arbitrary: add, weight: 2 },
  { arbitrary: node("within", fc.tuple(tie("node")), {}), weight: 1 },
  { arbitrary: saga(tie("node")), weight: 3 },
  { arbitrary: turns(tie("node")), weight: 2 },
  { arbitrary: later(tie("node")), weight: 5 },
  { arbitrary: node("patched", none, { patch: fc.nat({ max: 1 }) }), weight: 4 },
  { arbitrary: node("again", none, {}), weight: 4 }
])

/** What a family's story has not: kinds whose instants a pause would tie together, or that need their own messages. */
const simplified = (node: Node): Node => {
  const children = node.children.map(simplified)
  switch (node.kind) {
    case "step":
      return { ...node, children, deadline: false }
    case "sensor":
    case "awakeable": {
      const { id, rank, slot } = node
      return { kind: "sleep", id, rank, slot, children }
    }
    default:
      return { ...node, children }
  }
}

const family: fc.Arbitrary<Node> = fc.oneof(
  { arbitrary: node("seq", fc.array(living, { minLength: 1, maxLength: 5, size: "max" }), {}), weight: 4 },
  { arbitrary: turns(living), weight: 1 }
)
  .map((root) => numbered(simplified(root)))
  .filter((root) => nodesOf(root).length <= NODES_MAX && nodesOf(root).some(({ kind }) => kind === "child"))

const wordTo = (kinds: fc.Arbitrary<Message["kind"]>): fc.Arbitrary<Message> =>
  fc.record({
    kind: kinds,
    target: fc.constantFrom(0, 0, 0, 1),
    moments: fc.tuple(fc.tuple(fc.nat({ max: 5 }), rank)),
    run: oneOf
  })

const words = wordTo(fc.constantFrom("signal", "signal", "signal", "signal", "signal", "update", "cancel", "cancel", "terminate"))
const pauses = wordTo(fc.constantFrom("pause", "pause", "resume", "resume", "resume"))

/** A run rests for a while. */
const nap: fc.Arbitrary<ReadonlyArray<Message>> = fc.record({
  run: fc.constantFrom(0, 1, 1, 2, 3),
  from: fc.tuple(fc.constantFrom(0, 0, 1, 2), rank),
  cycles: fc.nat({ max: 2 }),
  until: rank
}).map(({ cycles, from, run, until }) => [
  { kind: "pause", target: 0, moments: [from], run },
  { kind: "resume", target: 0, moments: [[from[0] + cycles, until]], run }
])

const post = fc.oneof(fc.constant([]), letters(fc.constantFrom(0, 0, 1, 2)))

/** Several runs, which live, end and outlive one another. */
export const familyStory: fc.Arbitrary<Story> = fc.record({
  program: family,
  script: fc.tuple(fc.array(words, { maxLength: 8, size: "max" }), post).map((parts) => parts.flat()),
  isTied: fc.constant(false)
})

/** The same, where operators pause and resume them. */
export const pausedStory: fc.Arbitrary<Story> = fc.record({
  program: family,
  script: fc.tuple(
    fc.array(fc.oneof(words, pauses), { maxLength: 5, size: "max" }),
    fc.array(nap, { maxLength: 2 }).map((naps) => naps.flat()),
    post
  ).map((parts) => parts.flat().slice(0, MESSAGES_MAX)),
  isTied: fc.constant(false)
})
