/** What the output goes to. */
import { Context } from "effect"

export interface ScreenShape {
  /** Columns of the terminal; `undefined` when the results go to a file or a pipe. */
  readonly width: number | undefined
  /** Writes as it is, to show progress; `undefined` when nobody watches. */
  readonly progress: ((text: string) => void) | undefined
}

export class Screen extends Context.Reference<Screen>()("@reprise/cli/Screen", {
  defaultValue: (): ScreenShape => ({ width: undefined, progress: undefined })
}) {}
