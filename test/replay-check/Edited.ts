/** Edits a workflow from outside, at the n-th thing that its program asks for: what a deployment does inside the code. */
import { Clock, Duration, Effect } from "effect"
import type { Workflow } from "@reprise/core"
import { Activation } from "@reprise/core/engine"

/** What is done to the n-th request. */
export type Edit = "rename" | "insert" | "drop"
export const EDITS: ReadonlyArray<Edit> = ["rename", "insert", "drop"]

export interface Edited {
  readonly workflow: Workflow.Any
  /** How many requests its last generation has made. */
  readonly asked: () => number
}

interface Request {
  readonly _tag: string
  readonly name?: string
  readonly workflow?: string
  readonly config?: boolean
}

/** Requests that always leave an event. A configuration value that was read before leaves none. */
const isRecorded = ({ _tag, config }: Request): boolean =>
  _tag === "RunStep" || _tag === "StartChild" || _tag === "SendSignal" || _tag === "CreateAwakeable" ||
  (_tag === "RecordValue" && config !== true)

/** The n-th request, from 1; without an edit it only counts. */
export const edited = (workflow: Workflow.Any, at?: { readonly number: number; readonly edit: Edit }): Edited => {
  let count = 0
  const isHere = (): boolean => ++count === at?.number
  const program: typeof workflow.program = (input) =>
    Effect.suspend(() => {
      count = 0
      return Effect.flatMap(Activation.Activation, (own) =>
        Effect.clockWith((clock) =>
          workflow.program(input).pipe(
            Effect.provideService(Activation.Activation, activationOf(own, isHere, at?.edit)),
            Effect.withClock(clockOf(clock, own, isHere, at?.edit))
          )))
    })
  return { workflow: { ...workflow, program }, asked: () => count }
}

const activationOf = (
  own: Activation.ActivationShape,
  isHere: () => boolean,
  edit: Edit | undefined
): Activation.ActivationShape => ({
  ...own,
  perform: ((request: Request) =>
    Effect.suspend(() => {
      if (!isRecorded(request) || !isHere()) return own.perform(request as never)
      if (edit === "rename") return own.perform(renamed(request) as never)
      return edit === "insert" ? Effect.zipRight(inserted(own), own.perform(request as never)) : waiting(own)
    })) as typeof own.perform
})

const renamed = (request: Request): Request =>
  request._tag === "StartChild" ? { ...request, workflow: `${request.workflow}!` } : { ...request, name: `${request.name}!` }

const inserted = (own: Activation.ActivationShape) =>
  own.perform<"RecordValue">({ _tag: "RecordValue", name: "inserted", config: false, evaluate: () => 1, source: undefined })

/** In the place of what was dropped the program waits for something that leaves no event. */
const waiting = (own: Activation.ActivationShape) =>
  own.perform<"ReceiveSignal">({ _tag: "ReceiveSignal", name: "never sent" })

/** A sleep is another length, comes after something new, or is gone. One of no length, or without end, leaves no event. */
const clockOf = (
  clock: Clock.Clock,
  own: Activation.ActivationShape,
  isHere: () => boolean,
  edit: Edit | undefined
): Clock.Clock => ({
  ...clock,
  sleep: (duration) =>
    Effect.suspend(() => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0 || millis === Infinity || !isHere()) return clock.sleep(duration)
      if (edit === "rename") return clock.sleep(Duration.sum(duration, "1 second"))
      return edit === "insert" ? Effect.zipRight(inserted(own), clock.sleep(duration)) : Effect.void
    })
})
