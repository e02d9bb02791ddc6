/** Why a check cannot be made, and what it found. docs/errors.md has a heading for each. */
import type { Client } from "@reprise/core"
import { Data } from "effect"
import type * as Plan from "./simulation/Plan.js"

const told = (tag: string, what: string, hint: string): string =>
  `${what}\n  hint: ${hint}\n  see: docs/errors.md#${tag.toLowerCase()}`

/** One of the documents given to a replay check is not an exported run. `index` counts from 0. */
export class DocumentInvalid extends Data.TaggedError("DocumentInvalid")<{
  readonly index: number
  readonly detail: string
}> {
  get hint() {
    return "Give the unchanged results of an export, each run once."
  }
  override get message() {
    return told("DocumentInvalid", `Document ${this.index + 1} cannot be replayed: ${this.detail}`, this.hint)
  }
}

/** Runs do not fit this build. The message is the whole report. */
export class MisfitsFound extends Data.TaggedError("MisfitsFound")<{
  readonly report: Client.Report
  readonly text: string
}> {
  get hint() {
    return "Put the change behind Workflow.patched, keep the old code under its version, or fork the runs from before it."
  }
  override get message() {
    return told("MisfitsFound", this.text, this.hint)
  }
}

/** With these faults, a workflow did what it must not do. The message is the whole story. */
export class SimulationFailed extends Data.TaggedError("SimulationFailed")<{
  readonly complaints: ReadonlyArray<string>
  readonly plan: Plan.Plan
  readonly input: unknown
  readonly story: string
  readonly again: string
}> {
  get hint() {
    return `Play it again, alone: ${this.again}`
  }
  override get message() {
    return told("SimulationFailed", this.story, this.hint)
  }
}
