/** What a program keeps of its open steps. A settled one leaves nothing behind, however many there are. */
import type { Accepts, Body } from "../define/Activation.js"
import type { Json } from "../model/Json.js"
import type { ProgramState } from "./ProgramState.js"

export const open = (
  program: ProgramState,
  id: string,
  body: Body,
  accepts: Accepts<Json | undefined> | undefined
): void => {
  program.bodies.set(id, body)
  if (accepts !== undefined) program.accepts.set(id, accepts)
}

export const settled = (program: ProgramState, id: string): void => {
  program.bodies.delete(id)
  program.accepts.delete(id)
}
