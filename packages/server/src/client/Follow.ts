/**
 * Follows what a server tells as it happens, over as many connections as it takes: each goes on after the last item of the one
 * before, so that nothing is missing and nothing comes twice.
 */
import { Either, ParseResult, Schema } from "effect"
import { AnswerInvalid, ServerUnreachable } from "./Errors.js"
import * as Refusal from "./Refusal.js"
import * as Retry from "./Retry.js"
import * as Sse from "./Sse.js"

export const CONTENT_TYPE = "text/event-stream"

/** The server shows every 15 s that it is there. */
const SILENCE_MILLIS_MAX = 45_000

export interface Source<A> {
  /** For messages: what is followed. */
  readonly name: string
  readonly policy: Retry.Policy
  /** Opens a stream; after a first one, where the one before has ended. */
  readonly open: (lastEventId: string | undefined) => Promise<Response>
  readonly item: Schema.Schema<A, any>
  /** Counts up from item to item. */
  readonly positionOf: (item: A) => number
  readonly signal: AbortSignal | undefined
}

/** Ends when the server says that all is told. */
export async function* follow<A>(source: Source<A>): AsyncGenerator<A, void> {
  const decode = ParseResult.decodeUnknownEither(Schema.parseJson(source.item))
  let last: string | undefined
  let position = -1
  for (let faultCount = 0;;) {
    const response = await source.open(last)
    if (response.status === 204) return
    let heard = 0
    for await (const message of Sse.messages(response, SILENCE_MILLIS_MAX, source.signal)) {
      if (message.event === "end") return
      if (message.event === "problem") throwUnlessPassing(message)
      last = message.id ?? last
      heard += 1
      // The first message only says where the stream begins.
      if (heard > 1) faultCount = 0
      if (message.data === undefined || message.event !== "message") continue
      const item = decode(message.data)
      if (Either.isLeft(item)) throw invalid(source, response, ParseResult.TreeFormatter.formatIssueSync(item.left))
      if (source.positionOf(item.right) <= position) continue
      position = source.positionOf(item.right)
      yield item.right
    }
    faultCount += 1
    const pause = Retry.pauseOf(source.policy, { tryCount: faultCount, retryAfter: null, isPatient: true })
    if (pause === undefined) {
      throw new ServerUnreachable({ url: source.name, detail: "the stream breaks off again and again", tryCount: faultCount })
    }
    await Retry.pause(pause, source.signal)
  }
}

const invalid = ({ name }: { readonly name: string }, { status }: Response, detail: string): AnswerInvalid =>
  new AnswerInvalid({ url: name, status, detail })

/** A store that cannot be used now may be there again at the next try. */
const throwUnlessPassing = ({ data = "" }: Sse.Message): void => {
  const problem = Refusal.parse(data)
  if (Either.isRight(problem) && !Retry.STATUSES.has(problem.right.status)) throw Refusal.errorOf(problem.right)
}
