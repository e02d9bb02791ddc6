/**
 * Random workflow programs as data, and random scripts of what happens to them from outside.
 *
 * Everything that takes time ends at an instant of its own: an instant that fits its residue modulo `CYCLE`. So no two
 * things ever happen at once, and a step that is tried again after a crash ends when it would have ended without one.
 * What a program does is therefore determined by the program and the script, wherever its worker crashes.
 */
import { FastCheck as fc } from "effect"

interface Common {
  /** Unique in its program, from 1, in order of appearance. */
  readonly id: number
  /** When, within a cycle, this node ends; free to shrink, since the slot belongs to the residue as well. */
  readonly rank: number
  readonly slot: number
  readonly children: ReadonlyArray<Node>
}

export type Node =
  & Common
  & (
    /** Fails its first `fails` attempts; is tried again `times` times, at once or a cycle later. */
    | {
      readonly kind: "step"
      readonly fails: number
      readonly times: number
      readonly delayed: boolean
      readonly defect: boolean
      readonly deadline: boolean
      /** What comes of an attempt of which nobody knows what became. Missing: another one. */
      readonly unsure?: "fail" | "ask"
    }
    | { readonly kind: "sleep" | "draw" | "value" | "seq" | "timeout" | "ensuring" | "acquire" | "uninterruptible" }
    | { readonly kind: "receive" | "poll"; readonly name: number }
    | { readonly kind: "set" | "get"; readonly cell: number }
    | { readonly kind: "awakeable" | "condition" | "deferred" | "queue" | "handle" }
    | { readonly kind: "repeat" | "retry" | "semaphore" | "onInterrupt" | "finalizer" | "cached" | "disconnect" }
    | { readonly kind: "sensor"; readonly polls: number }
    | { readonly kind: "all"; readonly concurrency: number; readonly either: boolean }
    | { readonly kind: "race"; readonly how: "race" | "raceFirst" | "raceAll" }
    | { readonly kind: "catch"; readonly causes: boolean }
    | { readonly kind: "fork"; readonly how: "join" | "interrupt" | "daemon" | "leave" }
    | Life
  )

/** What concerns a run as a whole, or other runs; played by FamilyDurable.ts. */
type Life =
  /**
   * A child: its first branch is the child's program. It is awaited, left alone, awaited after the second branch, or
   * cancelled after that. `alias`: it takes the run id of another child of the story.
   */
  | {
    readonly kind: "child"
    readonly how: "run" | "start" | "late" | "cancel"
    readonly policy: "cancel" | "terminate" | "abandon"
    readonly existing: boolean
    readonly delayed: boolean
    readonly limited: boolean
    readonly alias: number | undefined
  }
  /** A signal to the n-th run of the story, or to nobody. */
  | { readonly kind: "tell"; readonly to: number | undefined; readonly name: number }
  /** A step whose undo fails its first `fails` attempts, and is tried again `times` times. */
  | { readonly kind: "compensate"; readonly fails: number; readonly times: number }
  | { readonly kind: "add" | "within" }
  | { readonly kind: "patched"; readonly patch: number }
  /** Continues as new, unless this is the last generation. */
  | { readonly kind: "again" }
export type Kind = Node["kind"]
export type Of<K extends Kind> = Extract<Node, { readonly kind: K }>

/** One thing that an outsider does, once for each of `moments`; only the first that arrives may count. */
export interface Message {
  readonly kind: "signal" | "update" | "settle" | "reject" | "cancel" | "terminate" | "query" | "pause" | "resume"
  /** Which signal, or which of the program's awakeables. */
  readonly target: number
  readonly moments: ReadonlyArray<readonly [cycle: number, rank: number]>
  /** Which of the story's runs it is for; the first when it is missing. */
  readonly run?: number
}

export interface Story {
  readonly program: Node
  readonly script: ReadonlyArray<Message>
  /** Many things happen at once, in whatever order: then only what holds of every run can be said of this one. */
  readonly isTied: boolean
}

// ---- instants ----

const RANKS = 64
const SLOTS = 512
export const CYCLE = RANKS * SLOTS
/** When each run starts. */
export const START = 1_000_000 * CYCLE
export const NODES_MAX = 100

const FIRST_MESSAGE_SLOT = 128
const FIRST_HANDLER_SLOT = 192
/** The slot of everything that is tied. */
const TIED = 0
const TIED_RANKS = 3
/** The instant at which a step's deadline passes comes from this half of the slots. */
const DEADLINE = 256
export const MESSAGES_MAX = 12
const COPIES_MAX = 3

const residue = (rank: number, slot: number): number => rank * SLOTS + slot
export const residueOf = (node: Node): number => residue(node.rank, node.slot)
/** The step of an update handler ends at an instant that is its message's, too. */
const slotOf = ({ slot }: Node, message: number | undefined): number =>
  message === undefined || slot === TIED ? slot : FIRST_HANDLER_SLOT + message
export const stepResidue = (node: Node, message: number | undefined): number => residue(node.rank, slotOf(node, message))
export const deadlineResidue = (node: Node, message: number | undefined): number =>
  node.slot === TIED
    ? residue((node.rank + 1) % TIED_RANKS, TIED)
    : residue((node.rank * 37 + 11) % RANKS, DEADLINE + slotOf(node, message))

/** Milliseconds from `now` until the first instant of this residue: 0 when that is now. */
export const until = (now: number, residue: number): number => (((residue - now) % CYCLE) + CYCLE) % CYCLE

// ---- generating ----

export const rank = fc.nat({ max: RANKS - 1 })
export const few = fc.nat({ max: 2 })

export const node = <P extends object>(
  kind: Kind,
  children: fc.Arbitrary<ReadonlyArray<Node>>,
  own: { [K in keyof P]: fc.Arbitrary<P[K]> }
): fc.Arbitrary<Node> =>
  // The table below gives each kind its own fields.
  fc.record({ kind: fc.constant(kind), id: fc.constant(0), slot: fc.constant(0), rank, children, ...own }) as unknown as fc.Arbitrary<Node>

export const none = fc.constant<ReadonlyArray<Node>>([])
export const seldom = fc.nat({ max: 5 }).map((roll) => roll === 5)

export const step = node("step", none, {
  fails: fc.constantFrom(0, 0, 0, 1, 2),
  times: few,
  delayed: fc.boolean(),
  defect: seldom,
  deadline: seldom
})
const sleep = node("sleep", none, {})

const name = fc.constantFrom(0, 0, 0, 1)
const receive = (name: number): fc.Arbitrary<Node> => node("receive", none, { name: fc.constant(name) })
/** What comes meanwhile is taken one by one, or by those who wait side by side. */
const takers: fc.Arbitrary<Node> = name.chain((name) =>
  fc.oneof(
    node("seq", fc.tuple(sleep, receive(name), receive(name)), {}),
    node("all", fc.tuple(receive(name), receive(name)), { concurrency: fc.constant(0), either: fc.boolean() })
  ))

/** What may stand where nothing can interrupt it: it ends by itself. */
export const simple: fc.Arbitrary<Node> = fc.letrec<{ readonly node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 1 },
    { arbitrary: step, weight: 4 },
    { arbitrary: sleep, weight: 1 },
    { arbitrary: node("value", none, {}), weight: 1 },
    { arbitrary: node("seq", fc.array(tie("node"), { minLength: 1, maxLength: 2 }), {}), weight: 1 },
    { arbitrary: node("all", fc.array(tie("node"), { minLength: 1, maxLength: 2 }), { concurrency: few, either: fc.boolean() }), weight: 1 }
  )
})).node

type Tie = (key: "node") => fc.Arbitrary<Node>
type Entries = Array<fc.WeightedArbitrary<Node>>

/** Any program; `extra` are the kinds that not every story has. */
export const anyWith = (extra: (tie: Tie) => Entries): fc.Arbitrary<Node> => fc.letrec<{ readonly node: Node }>((tie) => {
  const one = fc.tuple(tie("node"))
  const two = fc.tuple(tie("node"), tie("node"))
  const some = fc.array(tie("node"), { minLength: 1, maxLength: 4 })
  const cleaned = fc.tuple(tie("node"), simple)
  return {
    node: fc.oneof(
      { maxDepth: 4, depthSize: "large" },
      { arbitrary: step, weight: 6 },
      { arbitrary: sleep, weight: 3 },
      { arbitrary: node("draw", none, {}), weight: 1 },
      { arbitrary: node("value", none, {}), weight: 1 },
      { arbitrary: node("receive", none, { name }), weight: 3 },
      { arbitrary: takers, weight: 2 },
      { arbitrary: node("poll", none, { name: fc.nat({ max: 1 }) }), weight: 1 },
      { arbitrary: node("set", none, { cell: fc.nat({ max: 1 }) }), weight: 1 },
      { arbitrary: node("get", none, { cell: fc.nat({ max: 1 }) }), weight: 1 },
      { arbitrary: node("awakeable", none, {}), weight: 1 },
      { arbitrary: node("sensor", none, { polls: few }), weight: 1 },
      { arbitrary: node("seq", some, {}), weight: 5 },
      { arbitrary: node("all", some, { concurrency: fc.nat({ max: 3 }), either: fc.boolean() }), weight: 4 },
      { arbitrary: node("race", two, { how: fc.constantFrom("race", "raceFirst", "raceAll") }), weight: 3 },
      { arbitrary: node("timeout", one, {}), weight: 3 },
      { arbitrary: node("catch", two, { causes: fc.boolean() }), weight: 2 },
      { arbitrary: node("ensuring", cleaned, {}), weight: 2 },
      { arbitrary: node("acquire", fc.tuple(simple, tie("node"), simple), {}), weight: 2 },
      { arbitrary: node("fork", two, { how: fc.constantFrom("join", "interrupt", "daemon", "leave") }), weight: 2 },
      { arbitrary: node("condition", one, {}), weight: 1 },
      { arbitrary: node("deferred", two, {}), weight: 1 },
      { arbitrary: node("queue", two, {}), weight: 1 },
      { arbitrary: node("handle", fc.tuple(step), {}), weight: 1 },
      { arbitrary: node("repeat", one, {}), weight: 1 },
      { arbitrary: node("retry", one, {}), weight: 1 },
      { arbitrary: node("semaphore", some, {}), weight: 1 },
      { arbitrary: node("onInterrupt", cleaned, {}), weight: 1 },
      { arbitrary: node("finalizer", fc.tuple(simple), {}), weight: 1 },
      { arbitrary: node("cached", one, {}), weight: 1 },
      { arbitrary: node("disconnect", one, {}), weight: 1 },
      { arbitrary: node("uninterruptible", fc.tuple(simple), {}), weight: 1 },
      ...extra(tie)
    )
  }
}).node

const any = anyWith(() => [])

export const numbered = (root: Node): Node => {
  let count = 0
  const visit = (node: Node): Node => {
    const id = ++count
    return { ...node, id, slot: id, children: node.children.map(visit) }
  }
  return visit(root)
}

/** All nodes of a program, in order of appearance. */
export const nodesOf = (root: Node): ReadonlyArray<Node> => [root, ...root.children.flatMap(nodesOf)]

export const program: fc.Arbitrary<Node> = node("seq", fc.array(any, { minLength: 1, maxLength: 5, size: "max" }), {})
  .map(numbered)
  .filter((root) => nodesOf(root).length <= NODES_MAX)

const message: fc.Arbitrary<Message> = fc.record({
  kind: fc.oneof<Array<fc.WeightedArbitrary<Message["kind"]>>>(
    { arbitrary: fc.constantFrom("signal", "update", "settle"), weight: 8 },
    { arbitrary: fc.constantFrom("reject", "cancel", "query"), weight: 3 },
    { arbitrary: fc.constant("terminate"), weight: 1 }
  ),
  target: fc.constantFrom(0, 0, 0, 1),
  moments: fc.array(fc.tuple(fc.nat({ max: 4 }), rank), { minLength: 1, maxLength: COPIES_MAX })
})

/** Several signals of one name, to one run. */
export const letters = (run: fc.Arbitrary<number | undefined>): fc.Arbitrary<ReadonlyArray<Message>> =>
  fc.record({ target: name, run, sent: fc.array(fc.tuple(fc.nat({ max: 2 }), rank), { minLength: 2, maxLength: 3 }) }).map(
    ({ run, sent, target }) =>
      sent.map((moment): Message => ({ kind: "signal", target, moments: [moment], ...(run === undefined ? {} : { run }) }))
  )

const script = fc.tuple(
  fc.array(message, { maxLength: 8, size: "max" }),
  fc.oneof(fc.constant([]), letters(fc.constant(undefined)))
).map((parts) => parts.flat())

export const story: fc.Arbitrary<Story> = fc.record({ program, script, isTied: fc.constant(false) })

const tied = (node: Node): Node => ({ ...node, rank: node.rank % TIED_RANKS, slot: TIED, children: node.children.map(tied) })

export const tiedStory: fc.Arbitrary<Story> = fc.record({ program: program.map(tied), script, isTied: fc.constant(true) })

/** The same story, with some steps that must not be tried again when nobody knows what became of them. */
export const unsure = (story: Story): Story => ({ ...story, program: unsureNode(story.program) })

const unsureNode = (node: Node): Node => {
  const children = node.children.map(unsureNode)
  if (node.kind !== "step" || node.id % 4 < 2) return { ...node, children }
  return { ...node, unsure: node.id % 4 === 2 ? "fail" : "ask", children }
}

/** The script in the order of its moments. */
export const moments = ({ isTied, script }: Story) =>
  script.flatMap((message, number) =>
    message.moments.map(([cycle, rank], copy) => {
      const slot = FIRST_MESSAGE_SLOT + number * COPIES_MAX + copy
      const within = isTied ? residue(rank % TIED_RANKS, TIED) : residue(rank, slot)
      return { message, number, at: START + cycle * CYCLE + within }
    })
  ).sort((a, b) => a.at - b.at)

// ---- showing ----

const showNode = (node: Node): string => {
  const { children, id, kind, rank, slot: _slot, ...own } = node
  const settings = Object.values(own).join(",")
  const inside = children.length === 0 ? "" : `[${children.map(showNode).join(", ")}]`
  return `${kind}${settings === "" ? "" : `(${settings})`}#${id}${rank === 0 ? "" : `@${rank}`}${inside}`
}

const showMessage = ({ kind, moments, run, target }: Message, i: number): string =>
  `m${i}: ${kind} ${target}${run === undefined ? "" : ` to ${run}`} at ${JSON.stringify(moments)}`

/** A story in one line for each message. */
export const show = ({ program, script }: Story): string => [showNode(program), ...script.map(showMessage)].join("\n")
