/** Random secrets, and what is kept of them. A secret has so many random bits that one pass of SHA-256 hides it. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { Redacted } from "effect"

export const random = (bytes: number): string => randomBytes(bytes).toString("hex")

export const hash = (secret: Redacted.Redacted): string => createHash("sha256").update(Redacted.value(secret)).digest("hex")

/** Takes as long whether they differ at their beginnings or at their ends. */
export const same = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
