/** A connection that a test reads by hand, chunk by chunk. */
import { Effect } from "effect"
import * as Events from "./events.js"
import * as Process from "./process.js"

export interface Connection {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>
  readonly events: Events.Reader
  text: string
  isOver: boolean
}

export const connect = (reply: Parameters<typeof Process.bodyOf>[0]): Connection => ({
  reader: Process.bodyOf(reply).getReader(),
  events: Events.reader(undefined),
  text: "",
  isOver: false
})

/** The next chunk; it is waited for. */
export const take = (connection: Connection) =>
  Effect.map(Effect.promise(() => connection.reader.read()), ({ done, value }) => {
    connection.isOver = done
    if (value === undefined) return
    connection.events.take(value)
    connection.text += new TextDecoder().decode(value)
  })

export const toEnd = (connection: Connection) => Effect.repeat(take(connection), { until: () => connection.isOver })

/** Given back, as by a caller who goes. */
export const leave = (connection: Connection) => Effect.promise(() => connection.reader.cancel())

export const seqs = (connection: Connection): ReadonlyArray<unknown> =>
  connection.events.messages.filter(({ type }) => type === "message").map(({ data }) => JSON.parse(data).seq)

export const types = (connection: Connection) => connection.events.messages.map(({ type }) => type)

/** How many streams the server remembers, in each place where it does. */
export const remembered = ({ streams }: Process.Process): number => {
  const { all, counts, logs, open, runs } = streams
  return open.size + all.size + runs.size + logs.size + counts.size
}
