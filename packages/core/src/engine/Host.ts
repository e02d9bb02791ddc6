/** Makes what programs need of the process that hosts them; once per worker. */
import { ConfigProvider, LogLevel } from "effect"
import { Limits } from "../model/Limits.js"
import { guardBuiltins } from "./Containment.js"
import type { Host } from "./ProgramState.js"
import { activation } from "./Requests.js"
import { makeRuntime } from "./Services.js"
import * as Tracker from "./Tracker.js"

export interface Options {
  readonly limits?: Partial<Limits>
  /** Where workflow bodies read configuration. Default: the environment. */
  readonly config?: ConfigProvider.ConfigProvider
  readonly minimumLogLevel?: LogLevel.LogLevel
  /** An unguessable string for each awakeable's token. */
  readonly secret: () => string
}

export const make = (options: Options): Host => {
  guardBuiltins()
  const minimumLogLevel = options.minimumLogLevel ?? LogLevel.Info
  return {
    limits: { ...Limits, ...options.limits },
    runtime: makeRuntime(activation, minimumLogLevel),
    config: options.config ?? ConfigProvider.fromEnv(),
    minimumLogLevel,
    secret: options.secret
  }
}

/** A host of programs whose fibers are followed, so that one can say what they wait for (engine/Waits.ts). */
export const tracked = (host: Host): Host => ({ ...host, ...Tracker.make(host.runtime) })
