/**
 * One story from beginning to end: lives that are tortured, each a process of its own on the same place, then one in peace
 * that serves every customer, and the judgement.
 */
import { Data, Effect } from "effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Judge from "./Judge.js"
import * as Orders from "./Orders.js"
import * as Server from "./Server.js"
import { type Place, serve } from "./Service.js"

export interface Story {
  readonly root: string
  readonly name: string
  readonly place: Place
  readonly book: Orders.Book
}

export const begin = (root: string, name: string, wanted: Orders.Wanted): Story => ({
  root,
  name,
  place: { filename: join(root, `${name}.db`), ledger: join(root, `${name}.ledger`) },
  book: Orders.book(wanted)
})

/** Removes its files. */
export const forget = ({ place }: Story): void => {
  for (const path of [place.ledger, ...["", "-wal", "-shm", ".lock"].map((end) => `${place.filename}${end}`)]) rmSync(path, { force: true })
}

/** How a life ended, and with which error it refused to begin, if it did. */
export interface Lived extends Server.End {
  readonly notOpened: string | undefined
}

/** It stood still: neither an answer nor an end. */
export class Stuck extends Data.TaggedError("Stuck")<{
  readonly story: string
  readonly life: string
  readonly said: string
}> {
  override get message() {
    return `${this.story} stood still in life ${this.life}: ${this.said}`
  }
}

/** Lives until every customer is served, or until it dies. `torture` is done to it meanwhile. */
export const live = (
  { book, name, place, root }: Story,
  life: string,
  wrapper: ReadonlyArray<string> = [],
  torture: (server: Server.Server) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<Lived, Orders.Unexpected | Stuck> =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* Server.start(root, place, life, wrapper)
    yield* Effect.forkScoped(torture(server))
    return yield* Effect.zipRight(server.opened, Orders.drive(book, server.ask)).pipe(
      Effect.zipRight(server.close),
      Effect.map((end): Lived => ({ ...end, notOpened: undefined })),
      Effect.catchTags({
        Gone: ({ end }) => Effect.succeed<Lived>({ ...end, notOpened: undefined }),
        NotOpened: ({ end, tag }) => Effect.succeed<Lived>({ ...end, notOpened: tag })
      }),
      Effect.timeoutFail({ duration: PATIENCE, onTimeout: () => new Stuck({ story: name, life, said: server.said() }) })
    )
  }))

const PATIENCE = "60 seconds"

/** What is wrong once a life in peace, in this process, has served everybody. */
export const end = ({ book, name, place }: Story): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.gen(function*() {
    yield* serve(place, "last", (ask) => Effect.either(Orders.drive(book, ask))).pipe(
      Effect.flatten,
      Effect.timeoutFail({ duration: PATIENCE, onTimeout: () => new Stuck({ story: name, life: "last", said: "" }) })
    )
    return yield* Judge.atEnd(place, book)
  })
