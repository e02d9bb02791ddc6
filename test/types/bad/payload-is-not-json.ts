// expect: Type 'Date' is not assignable
import type { Json } from "@reprise/core"

export const payload: Json = new Date() // <- here
