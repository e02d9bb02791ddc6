/**
 * What an operator says of a run as a whole comes before everything else that waits: a pause takes effect at once, however
 * much has come before it, and a paused run hears of nothing but a resume or its end. Pure.
 */
import type { Run } from "@reprise/core/engine"
import type { Fact } from "./State.js"

type MessageFact = Extract<Fact, { readonly _tag: "Message" }>

const says = (fact: Fact | undefined, ...tags: ReadonlyArray<MessageFact["message"]["_tag"]>): boolean =>
  fact?._tag === "Message" && tags.includes(fact.message._tag)

const isPauseOrResume = (fact: Fact): boolean => says(fact, "Pause", "Resume")

/** Whether a fact concerns the run as a whole, so that it is taken while the run is paused. */
export const isWord = (fact: Fact | undefined): boolean => says(fact, "Pause", "Resume", "Terminate")

/**
 * The order in which facts are taken. Pauses and resumes come first, in the order of their arrival: a second pause that
 * came before a resume must not come after it. A run begins before it can be paused.
 */
export const inOrder = (run: Run.RunState, facts: ReadonlyArray<Fact>): Array<Fact> => {
  if (run.paused === undefined && !facts.some(isPauseOrResume)) return [...facts]
  const rank = (fact: Fact): number =>
    says(fact, "Start") ? 0 : isPauseOrResume(fact) ? 1 : says(fact, "Terminate") ? 2 : 3
  return facts.toSorted((a, b) => rank(a) - rank(b))
}

/** Whether the first of these facts begins a run that is to be paused at once. */
export const beginsPaused = (facts: ReadonlyArray<Fact>): boolean =>
  says(facts[0], "Start") && facts.some((fact) => says(fact, "Pause"))
