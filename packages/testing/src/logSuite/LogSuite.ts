/**
 * The conformance suite of a store, its Log, Records and RunLogs: every store passes the same cases. Hand it a way to make
 * an empty store and run each case with the test runner of your choice.
 */
import * as Append from "./Append.js"
import type { Case } from "./Case.js"
import * as Ending from "./Ending.js"
import * as Feed from "./Feed.js"
import * as Find from "./Find.js"
import * as Note from "./Note.js"
import * as Outgoing from "./Outgoing.js"
import * as Read from "./Read.js"
import * as Records from "./Records.js"
import * as Restart from "./Restart.js"
import * as RunLogs from "./RunLogs.js"
import * as Runnable from "./Runnable.js"
import * as Send from "./Send.js"
import * as Start from "./Start.js"
import * as Tally from "./Tally.js"
import * as Watch from "./Watch.js"

export type { Case, MakeStore } from "./Case.js"
export * as Random from "./Random.js"

/** By operation of the Log, and by port. */
export const cases: Readonly<Record<string, ReadonlyArray<Case>>> = {
  start: Start.cases,
  append: Append.cases,
  outgoing: Outgoing.cases,
  ending: Ending.cases,
  send: Send.cases,
  read: Read.cases,
  runnable: Runnable.cases,
  find: Find.cases,
  tally: Tally.cases,
  feed: Feed.cases,
  note: Note.cases,
  watch: Watch.cases,
  restart: Restart.cases,
  records: Records.cases,
  runLogs: RunLogs.cases
}
