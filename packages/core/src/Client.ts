/**
 * Starting runs and talking to them. A thin layer: encode, put into the log or an inbox, decode what comes back. What
 * needs a look into a live program (a query) goes to the worker of this process.
 */
export { rejectAwakeable, resolveAwakeable } from "./client/Awakeables.js"
export { queryByName, signalByName, updateByName } from "./client/ByName.js"
export { check } from "./client/Fitting.js"
export { fork, type ForkError, type ForkOptions } from "./client/Fork.js"
export { cancel, pause, query, resolveStep, resume, type SendOptions, signal, terminate, update, type Updated } from "./client/Messages.js"
export { type Cause, type Misfit, type PatchUse, type Report, REPORTED_MAX, type Runs } from "./client/Report.js"
export { end, type Ended, outcome, result } from "./client/Results.js"
export { byKey, describe, type Description, history, list } from "./client/Runs.js"
export { Client, type ClientShape, type LocalWorker, make, type Vitals, type Waiter, type Waiters } from "./client/Shape.js"
export { why } from "./client/Why.js"
export type { Mail, Wait, WaitsFor, WhyReport } from "./client/WhyReport.js"
export { whyText } from "./client/WhyText.js"
export {
  execute,
  type Handle,
  signalWithStart,
  start,
  startByName,
  type StartError,
  type StartOptions,
  type StartSignal
} from "./client/Start.js"
