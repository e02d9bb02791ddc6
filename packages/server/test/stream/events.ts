/** Server-sent events as a browser reads them: a byte at a time, and nothing counts before the empty line after it. */
export interface Message {
  readonly type: string
  readonly data: string
}

export interface Reader {
  /** What a browser would send as `Last-Event-ID`. */
  lastId: string | undefined
  readonly messages: Array<Message>
  readonly take: (bytes: Uint8Array) => void
}

/** A reader of one connection, which goes on where another was cut off. */
export const reader = (lastId: string | undefined, messages: Array<Message> = []): Reader => {
  const decoder = new TextDecoder()
  let text = ""
  const self: Reader = {
    lastId,
    messages,
    take: (bytes) => {
      text += decoder.decode(bytes, { stream: true })
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        dispatch(self, text.slice(0, end).split("\n"))
        text = text.slice(end + 2)
      }
    }
  }
  return self
}

const dispatch = (self: Reader, lines: ReadonlyArray<string>): void => {
  const valueOf = (field: string) => lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2)
  self.lastId = valueOf("id") ?? self.lastId
  const data = valueOf("data")
  if (data !== undefined) self.messages.push({ type: valueOf("event") ?? "message", data })
}
