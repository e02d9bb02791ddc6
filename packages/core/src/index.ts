/** The door for those who write and start workflows. */
export * as Awakeable from "./define/Awakeable.js"
export * as Child from "./define/Child.js"
export * as Compensation from "./define/Compensation.js"
export * as Query from "./define/Query.js"
export * as Sensor from "./define/Sensor.js"
export * as Signal from "./define/Signal.js"
export * as Step from "./define/Step.js"
export * as Update from "./define/Update.js"
export * as Workflow from "./define/Workflow.js"
export * as Client from "./Client.js"
export {
  AwakeableAlreadySettled,
  AwakeableUnknown,
  CompensationFailed,
  ConfigurationInvalid,
  Divergence,
  ForkInvalid,
  ForeignAsync,
  GlobalForbidden,
  HistoryDamaged,
  LogError,
  MessageUnknown,
  NameInvalid,
  PatchUsed,
  PayloadInvalid,
  PayloadTooLarge,
  ProgramDefect,
  ProgramSpinning,
  ProgramStuck,
  ProgramValueInvalid,
  QueryFailed,
  RunCancelled,
  RunClosed,
  RunExists,
  RunFailed,
  RunNotFound,
  RunTerminated,
  RunTimedOut,
  StepDefect,
  StepOutcomeUnknown,
  StepTimedOut,
  UpdateFailed,
  UpdateRejected,
  WorkerMissing,
  WorkflowUnknown
} from "./model/Errors.js"
export { type Limits } from "./model/Limits.js"
export { type Json } from "./model/Json.js"
