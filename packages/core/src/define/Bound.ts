/** How long something may take, as it is recorded: JSON has no infinity, and what is unbounded has no bound. */
import { Duration } from "effect"

/** Whole milliseconds; `undefined` without a bound, or with an infinite one. */
export const millisOf = (duration: Duration.DurationInput = Infinity): number | undefined => {
  const millis = Math.ceil(Duration.toMillis(duration))
  return millis === Infinity ? undefined : millis
}
