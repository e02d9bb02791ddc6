/** Signals and awakeables inside a program: what has arrived, and who waits for it. */
import type { Settlement } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { AwakeableBox, ProgramState, SignalBox } from "./ProgramState.js"

export const signalBox = (program: ProgramState, name: string): SignalBox => {
  let box = program.signals.get(name)
  if (box === undefined) program.signals.set(name, box = { arrived: [], takers: new Set() })
  return box
}

export const deliverSignal = (box: SignalBox, payload: Json | undefined): void => {
  for (const taker of box.takers) {
    box.takers.delete(taker)
    return taker(payload)
  }
  box.arrived.push(payload)
}

export const awakeableBox = (program: ProgramState, id: string): AwakeableBox => {
  let box = program.awakeables.get(id)
  if (box === undefined) program.awakeables.set(id, box = { settlement: undefined, accepts: undefined, takers: new Set() })
  return box
}

export const settleAwakeable = (box: AwakeableBox, settlement: Settlement): void => {
  if (box.settlement !== undefined) return
  box.settlement = settlement
  for (const taker of box.takers) taker(settlement)
  box.takers.clear()
}
