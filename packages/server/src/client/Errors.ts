/** What a client throws beside the errors of the server and of core: the server was not reached, or not understood. */
import { Data } from "effect"

/** The text that an error shows: what happened, what to do, where to read on. */
const told = (tag: string, what: string, hint: string): string => `${what}\n  hint: ${hint}\n  see: docs/errors.md#${tag.toLowerCase()}`

/** No answer came, as often as it was tried. Whether a request that changes something was heard is not known. */
export class ServerUnreachable extends Data.TaggedError("ServerUnreachable")<{
  readonly url: string
  readonly detail: string
  readonly tryCount: number
  readonly cause?: unknown
}> {
  get hint() {
    return "Check the address and whether the server runs; asking again with the same id or message id does nothing twice."
  }
  override get message() {
    const tries = this.tryCount === 1 ? "once" : `${this.tryCount} times`
    return told("ServerUnreachable", `${this.url} was tried ${tries} and did not answer: ${this.detail}`, this.hint)
  }
}

/** Something answered that is no Reprise server, or one of another version. */
export class AnswerInvalid extends Data.TaggedError("AnswerInvalid")<{
  readonly url: string
  readonly status: number
  readonly detail: string
}> {
  get hint() {
    return "Check that the address is that of a Reprise server, and that client and server have one version."
  }
  override get message() {
    return told("AnswerInvalid", `What ${this.url} answered (${this.status}) is not understood: ${this.detail}`, this.hint)
  }
}

/** A refusal with a code that this client does not know: the server is newer. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly code: string
  readonly status: number
  readonly detail: string
  readonly advice: string
}> {
  get hint() {
    return this.advice
  }
  override get message() {
    return told("Refused", `${this.code}: ${this.detail}`, this.hint)
  }
}
