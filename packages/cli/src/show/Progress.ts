/** Shows on a terminal that long work goes on, and for how long it has; on standard error, and only from the first second on. */
import { Clock, Effect } from "effect"
import * as Moment from "./Moment.js"
import * as Paint from "./Paint.js"
import { Screen } from "./Screen.js"

const QUIET = "1 second"
const EVERY = "250 millis"
const CLEAR = "\r\u001b[K"

export const during = <A, E, R>(what: string, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Screen, ({ progress }) => progress === undefined ? work : shown(what, progress, work))

const shown = <A, E, R>(what: string, write: (text: string) => void, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    let isShown = false
    const tick = Effect.map(Clock.currentTimeMillis, (now) => {
      isShown = true
      write(`${CLEAR}${Paint.dim(`${what} … ${Moment.length(Math.floor((now - began) / 1_000) * 1_000)}`)}`)
    })
    const ticks = Effect.delay(Effect.forever(Effect.zipRight(tick, Effect.sleep(EVERY))), QUIET)
    const clear = Effect.sync(() => {
      if (isShown) write(CLEAR)
    })
    return yield* Effect.ensuring(Effect.raceFirst(work, ticks), clear)
  })
