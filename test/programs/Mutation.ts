/** Changes to a program such as a deployment may bring, each with whether a replay of a history must notice it (P5). */
import type { Event } from "@reprise/core/engine"
import { CYCLE, type Node, nodesOf, residueOf } from "./Program.js"

export interface Mutant {
  readonly what: string
  readonly program: Node
  /** Whether the recorded part of the run has come to where the program was changed. */
  readonly isReached: boolean
}

interface Past {
  readonly history: ReadonlyArray<Event.Event>
  /** Nodes that were entered while the history was written. */
  readonly entered: ReadonlySet<number>
}

/** All mutants of a program, one change each. */
export const mutants = (program: Node, history: ReadonlyArray<Event.Event>, notes: ReadonlyArray<string>): ReadonlyArray<Mutant> => {
  const past: Past = { history, entered: enteredIn(notes) }
  return nodesOf(program).flatMap((node) => [
    ...renamed(program, node, past),
    ...lengthened(program, node, past),
    ...inserted(program, node, past),
    ...removed(program, node, past),
    ...retried(program, node),
    ...swapped(program, node, past)
  ])
}

const enteredIn = (notes: ReadonlyArray<string>): ReadonlySet<number> =>
  new Set(notes.flatMap((note) => {
    const [, enter, id] = note.split(" ")
    return enter === "enter" ? [Number(id)] : []
  }))

const isScheduled = ({ history }: Past, node: Node): boolean =>
  history.some((event) => event._tag === "StepScheduled" && event.name === `n${node.id}`)

const replaced = (root: Node, old: Node, by: Node): Node =>
  root === old ? by : { ...root, children: root.children.map((child) => replaced(child, old, by)) }

/** An id, hence a name, that the program has not. */
const newId = (program: Node): number => nodesOf(program).length + 1

const renamed = (program: Node, node: Node, past: Past): ReadonlyArray<Mutant> => {
  if (node.kind !== "step" && node.kind !== "sensor") return []
  const mutant = replaced(program, node, { ...node, id: newId(program) })
  return [{ what: `renamed step ${node.id}`, program: mutant, isReached: isScheduled(past, node) }]
}

/** A sleep always takes until the same instant of a cycle, so another instant is another length. */
const lengthened = (program: Node, node: Node, past: Past): ReadonlyArray<Mutant> => {
  if (node.kind !== "sleep") return []
  const longer = { ...node, rank: node.rank + 1 }
  const isStarted = past.history.some((event) =>
    event._tag === "TimerStarted" && event.dueAt % CYCLE === residueOf(node) && past.entered.has(node.id))
  return [{ what: `lengthened sleep ${node.id}`, program: replaced(program, node, longer), isReached: isStarted }]
}

const inserted = (program: Node, node: Node, past: Past): ReadonlyArray<Mutant> => {
  // A sequence of its own keeps the fibers, so that only the new step differs.
  const step: Node = { kind: "value", id: newId(program), rank: 0, slot: 0, children: [] }
  const pair: Node = { kind: "seq", id: newId(program) + 1, rank: 0, slot: 0, children: [step, node] }
  return [{ what: `inserted before ${node.id}`, program: replaced(program, node, pair), isReached: past.entered.has(node.id) }]
}

const removed = (program: Node, node: Node, past: Past): ReadonlyArray<Mutant> => {
  if (node.kind !== "step") return []
  const nothing: Node = { kind: "seq", id: node.id, rank: 0, slot: 0, children: [] }
  return [{ what: `removed step ${node.id}`, program: replaced(program, node, nothing), isReached: isScheduled(past, node) }]
}

/** What follows a failure is in the history: another policy holds from the next one on. */
const retried = (program: Node, node: Node): ReadonlyArray<Mutant> => {
  if (node.kind !== "step") return []
  const mutant = replaced(program, node, { ...node, times: node.times + 1 })
  return [{ what: `another try of step ${node.id}`, program: mutant, isReached: false }]
}

const swapped = (program: Node, node: Node, past: Past): ReadonlyArray<Mutant> => {
  if (node.kind !== "seq") return []
  return node.children.flatMap((first, i) => {
    const second = node.children[i + 1]
    if (second === undefined || first.kind !== "step" || second.kind !== "step") return []
    const children = node.children.toSpliced(i, 2, second, first)
    return [{
      what: `swapped ${first.id} and ${second.id}`,
      program: replaced(program, node, { ...node, children }),
      isReached: isScheduled(past, first)
    }]
  })
}
