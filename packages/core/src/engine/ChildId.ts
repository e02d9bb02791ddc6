/**
 * The id of a child that is given none: readable, the same whenever the same command asks for it, and no other
 * command's. Built on the parent's id and the command's, so children of children show their line.
 */

/** `charsMax` is at least a few dozen (model/Limits.ts). */
export const make = (runId: string, commandId: string, charsMax: number): string => {
  const id = `${runId}/${commandId.replaceAll("#", ":")}`
  if (id.length <= charsMax) return id
  const mark = `~${fingerprint(id)}`
  return `${whole(id.slice(0, Math.max(0, charsMax - mark.length)))}${mark}`.slice(0, charsMax)
}

/** A text that was cut must not end in half a surrogate pair. */
const whole = (text: string): string => text.replace(/[\ud800-\udbff]$/, "")

const OFFSET = 0xcbf29ce484222325n
const PRIME = 0x100000001b3n

/** FNV-1a over UTF-16 units, 64 bits in 16 digits. */
const fingerprint = (text: string): string => {
  let hash = OFFSET
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * PRIME)
  return hash.toString(16).padStart(16, "0")
}
