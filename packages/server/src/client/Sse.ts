/** Server-sent events, as the HTML standard has them, out of a body that may break off anywhere. */
import * as Retry from "./Retry.js"

export interface Message {
  /** `message` unless the server named it. */
  readonly event: string
  /** Where a later stream goes on. */
  readonly id: string | undefined
  /** Missing where only the id moves. */
  readonly data: string | undefined
}

/** What has come of the message that is being read. */
interface Draft {
  event: string
  id: string | undefined
  readonly data: Array<string>
}

const blank = (): Draft => ({ event: "message", id: undefined, data: [] })

/** Takes text in any pieces and answers the messages that it has completed. One that is never completed is dropped. */
export const parser = (): (text: string) => ReadonlyArray<Message> => {
  let rest = ""
  let draft = blank()
  return (text) => {
    rest += text
    const found: Array<Message> = []
    // A CR at the end may be half of a CRLF.
    for (let end = /\r\n|\n|\r(?!$)/.exec(rest); end !== null; end = /\r\n|\n|\r(?!$)/.exec(rest)) {
      const line = rest.slice(0, end.index)
      rest = rest.slice(end.index + end[0].length)
      if (line !== "") {
        take(draft, line)
        continue
      }
      const { data, event, id } = draft
      if (data.length > 0 || id !== undefined) found.push({ event, id, data: data.length > 0 ? data.join("\n") : undefined })
      draft = blank()
    }
    return found
  }
}

const take = (draft: Draft, line: string): void => {
  const [, name, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
  if (name === "event") draft.event = value
  if (name === "id") draft.id = value
  if (name === "data") draft.data.push(value)
}

/**
 * The messages of a body, read only as fast as they are taken. Ends where the body ends, breaks off, or is silent for too
 * long; the body is given back in any case.
 */
export async function* messages(response: Response, silenceMillisMax: number, signal: AbortSignal | undefined): AsyncGenerator<Message> {
  if (response.body === null) return
  const reader = response.body.getReader()
  const parse = parser()
  const decoder = new TextDecoder()
  try {
    for (;;) {
      const read = await within(reader.read(), silenceMillisMax, signal)
      if (read === undefined || read.done) return
      yield* parse(decoder.decode(read.value, { stream: true }))
    }
  } finally {
    // Whoever serves it may have gone already.
    reader.cancel().catch(() => undefined)
  }
}

/** `undefined` when nothing came in time, or an error; rejects when the signal is aborted. */
const within = async <A>(coming: Promise<A>, millis: number, signal: AbortSignal | undefined): Promise<A | undefined> => {
  const stop = new AbortController()
  const abort = () => stop.abort()
  signal?.addEventListener("abort", abort, { once: true })
  const silence = Retry.pause(millis, stop.signal).then(() => undefined, () => undefined)
  try {
    signal?.throwIfAborted()
    const first = await Promise.race([coming.catch(() => undefined), silence])
    signal?.throwIfAborted()
    return first
  } finally {
    signal?.removeEventListener("abort", abort)
    stop.abort()
  }
}
