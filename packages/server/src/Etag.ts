/** What a run was like when it was read: weak, because two reads of one state may differ in what is worked out from it. */
import type { Log } from "@reprise/core/engine"

export const of = ({ eventCount, paused, status }: Log.RunSummary): string => `W/"${eventCount}-${status}${paused ? "-paused" : ""}"`

/** Whether a header such as `If-Match` names this tag. Weak and strong are compared alike. */
export const isIn = (header: string, tag: string): boolean =>
  header.trim() === "*" || header.split(",").some((other) => opaque(other) === opaque(tag))

const opaque = (tag: string): string => tag.trim().replace(/^W\//, "")
