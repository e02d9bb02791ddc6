/** The token of an awakeable: it leads to its run, and its secret cannot be guessed. */
import { Either, Encoding } from "effect"

const PREFIX = "awk_"

export const make = (runId: string, secret: string): string => `${PREFIX}${Encoding.encodeBase64Url(runId)}.${secret}`

/** The run that a token leads to, or `undefined` when it is no token. A dot is in no base64url text. */
export const runIdOf = (token: string): string | undefined => {
  const [encoded, secret] = token.slice(PREFIX.length).split(".")
  if (!token.startsWith(PREFIX) || encoded === undefined || secret === undefined) return undefined
  return Either.getOrUndefined(Encoding.decodeBase64UrlString(encoded))
}
