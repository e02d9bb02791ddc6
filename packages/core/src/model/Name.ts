/** What may stand for something: run ids, keys, and names of messages. */

/** Control characters, except the space, would make ids and keys unreadable in logs and URLs. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/
/** Half of a surrogate pair has no UTF-8: the store would read back another name. */
const HALF = /\p{Surrogate}/u

/** Why a text cannot be a name, worded to follow it; `undefined` when it can. */
export const faultOf = (value: string, charsMax: number): string | undefined => {
  if (value === "") return "is empty"
  if (value.length > charsMax) return `has more than ${charsMax} characters`
  if (HALF.test(value)) return "holds half of a surrogate pair"
  return CONTROL.test(value) ? "holds a control character" : undefined
}
