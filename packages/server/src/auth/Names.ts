/** Names of users and of keys. */
import { Errors } from "@reprise/core/engine"
import { Effect } from "effect"

export const NAME_CHARS_MAX = 100

// A colon ends the name in Basic credentials; blanks are seen by nobody.
const USER = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]+$/u

/** One spelling for names that look the same: upper and lower case, full and half width. */
export const normalise = (name: string): string | undefined => {
  if (name.length > NAME_CHARS_MAX) return undefined
  const one = name.normalize("NFKC").toLowerCase().normalize("NFKC")
  return one.length <= NAME_CHARS_MAX && USER.test(one) ? one : undefined
}

const invalid = (what: string, value: string, detail: string) => Effect.fail(new Errors.NameInvalid({ what, value, detail }))

export const user = (name: string): Effect.Effect<string, Errors.NameInvalid> => {
  const one = normalise(name)
  const detail = `must be letters, digits and . _ @ + -, at most ${NAME_CHARS_MAX}, and begin with a letter or a digit`
  return one === undefined ? invalid("name of a user", name, detail) : Effect.succeed(one)
}

export const key = (name: string): Effect.Effect<string, Errors.NameInvalid> =>
  name.trim() !== "" && name.length <= NAME_CHARS_MAX && PRINTABLE.test(name)
    ? Effect.succeed(name.trim())
    : invalid("name of an API key", name, `must be at most ${NAME_CHARS_MAX} characters that can be seen`)
