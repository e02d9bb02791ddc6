/** What was given, for functions that tell a missing field from one that is `undefined`. */
import type { Json, Log } from "@reprise/core/engine"
import type { Caller, Run } from "../api/Model.js"

type Given<Fields> = { [K in keyof Fields]?: Exclude<Fields[K], undefined> }

/** The fields that are not `undefined`. */
export const given = <Fields extends object>(fields: Fields): Given<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<Fields>

/** A field of a body: that was parsed from JSON, and its schema lets anything pass. */
export const jsonOf = (value: unknown): Json.Json | undefined => value as Json.Json | undefined

/** Who asks, as histories record it. Where nobody signs in, nobody is recorded. */
export const by = (caller: Caller): { readonly by?: string } => (caller.via === "anonymous" ? {} : { by: caller.name })

/** A filter of runs as routes have it. */
export interface Filter {
  readonly workflow?: string | undefined
  readonly key?: string | undefined
  readonly status?: ReadonlyArray<Run["status"]> | undefined
  readonly parent?: string | undefined
  readonly paused?: boolean | undefined
  readonly blocked?: boolean | undefined
  readonly createdAfter?: number | undefined
  readonly createdBefore?: number | undefined
}

/** The same as the log has it. */
export const conditionsOf = ({ createdAfter, ...filter }: Filter): Log.RunConditions => given({ ...filter, createdFrom: createdAfter })
