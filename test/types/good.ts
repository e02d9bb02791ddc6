/** What must compile: the counterpart of bad/. It is never run; the type check of the repository covers it. */
import type { Json } from "@reprise/core"

export const payload: Json = { order: ["a", 1, true, null] }
