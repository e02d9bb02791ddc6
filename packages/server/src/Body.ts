/** Reading the JSON of a request: its type, size, depth and encoding are judged before anybody looks at a value. */
import { Effect } from "effect"
import { BodyMalformed, BodyTooLarge, MediaTypeUnsupported } from "./Errors.js"
import type { Bounds } from "./Options.js"

export type Limits = Pick<Bounds, "bodyBytesMax" | "depthMax">

type Refused = BodyMalformed | BodyTooLarge | MediaTypeUnsupported

/**
 * The body as JSON; `undefined` when it is empty. The content type must be given even then: a page of another site cannot
 * send it without asking first, which is what keeps such pages away from a server without auth.
 */
export const read = (request: Request, { bodyBytesMax, depthMax }: Limits): Effect.Effect<unknown, Refused> =>
  Effect.suspend(() => {
    const contentType = request.headers.get("content-type")
    if (!isJson(contentType)) {
      return new MediaTypeUnsupported(contentType === null ? {} : { contentType: contentType.slice(0, SHOWN_MAX) })
    }
    const contentEncoding = request.headers.get("content-encoding")
    if (contentEncoding !== null && !/^identity$/i.test(contentEncoding.trim())) {
      return new MediaTypeUnsupported({ contentEncoding: contentEncoding.slice(0, SHOWN_MAX) })
    }
    return Effect.flatMap(bytesOf(request, bodyBytesMax), (bytes) => parse(bytes, depthMax))
  })

const SHOWN_MAX = 100
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
const isJson = (contentType: string | null): boolean => contentType !== null && JSON_TYPE.test(contentType.trim())

const bytesOf = (request: Request, bytesMax: number): Effect.Effect<Uint8Array, Refused> => {
  const tooLarge = () => new BodyTooLarge({ bytesMax })
  const told = request.headers.get("content-length")
  if (told !== null && Number(told) > bytesMax) return tooLarge()
  const cutOff = () => new BodyMalformed({ detail: "it ended before it was whole" })
  // Node reads no more than the length that was told; without one, what comes is counted.
  const reading = told === null
    ? Effect.tryPromise({ try: () => counted(request, bytesMax), catch: cutOff })
    : Effect.tryPromise({ try: async () => new Uint8Array(await request.arrayBuffer()), catch: cutOff })
  return Effect.flatMap(reading, (bytes) => bytes === undefined || bytes.length > bytesMax ? tooLarge() : Effect.succeed(bytes))
}

/** `undefined` when there is more than that. */
const counted = async (request: Request, bytesMax: number): Promise<Uint8Array | undefined> => {
  if (request.body === null) return new Uint8Array()
  const chunks: Array<Uint8Array> = []
  let length = 0
  const reader = request.body.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length
    if (length > bytesMax) {
      await reader.cancel()
      return undefined
    }
    chunks.push(next.value)
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
}

const decoder = new TextDecoder("utf-8", { fatal: true })

const parse = (bytes: Uint8Array, depthMax: number): Effect.Effect<unknown, BodyMalformed> =>
  Effect.suspend(() => {
    if (bytes.length === 0) return Effect.succeed(undefined)
    try {
      const text = decoder.decode(bytes)
      if (isDeeper(text, depthMax)) return new BodyMalformed({ detail: `it is nested more than ${depthMax} deep` })
      return Effect.succeed(JSON.parse(text))
    } catch (thrown) {
      return new BodyMalformed({ detail: thrown instanceof SyntaxError ? sentence(thrown.message) : "it is not UTF-8" })
    }
  })

/** The parser's words show parts of the body, which may be long. */
const sentence = (message: string): string => message.replace(/\s+/g, " ").slice(0, SHOWN_MAX)

const QUOTE = 34
const BACKSLASH = 92

/** Looked at before it is parsed, because a body of brackets becomes a thousand times its size. */
const isDeeper = (text: string, depthMax: number): boolean => {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === QUOTE) inString = !inString
    else if (inString) {
      if (char === BACKSLASH) i += 1
    } else if (char === 123 || char === 91) {
      depth += 1
      if (depth > depthMax) return true
    } else if (char === 125 || char === 93) depth -= 1
  }
  return false
}
