/** Where a process of the command line logs: standard error. Standard output is for results. */
import { Layer, Logger } from "effect"

export const FORMATS = ["logfmt", "json", "pretty"] as const
export type Format = typeof FORMATS[number]

const LOGGERS = {
  logfmt: Logger.withConsoleError(Logger.logfmtLogger),
  json: Logger.withConsoleError(Logger.jsonLogger),
  // It writes by itself, several lines for each message.
  pretty: Logger.prettyLogger({ stderr: true, colors: "auto" })
}

/** What every command begins with. */
export const standard: Layer.Layer<never> = Logger.replace(Logger.defaultLogger, LOGGERS.logfmt)

/** In the place of `standard`. */
export const layer = (format: Format): Layer.Layer<never> => Logger.replace(LOGGERS.logfmt, LOGGERS[format])
