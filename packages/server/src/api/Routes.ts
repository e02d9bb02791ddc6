/** All routes, by name. */
import * as Access from "./routes/Access.js"
import * as Bulk from "./routes/Bulk.js"
import * as Messages from "./routes/Messages.js"
import * as Runs from "./routes/Runs.js"
import * as Service from "./routes/Service.js"
import * as Workflows from "./routes/Workflows.js"

export const ROUTES = {
  startRun: Runs.startRun,
  listRuns: Runs.listRuns,
  describeRun: Runs.describeRun,
  runEvents: Runs.runEvents,
  followRuns: Runs.followRuns,
  runLogs: Runs.runLogs,
  runResult: Runs.runResult,
  whyRun: Runs.whyRun,
  signalRun: Messages.signalRun,
  signalKey: Messages.signalKey,
  queryRun: Messages.queryRun,
  queryKey: Messages.queryKey,
  updateRun: Messages.updateRun,
  updateKey: Messages.updateKey,
  cancelRun: Messages.cancelRun,
  cancelKey: Messages.cancelKey,
  terminateRun: Messages.terminateRun,
  terminateKey: Messages.terminateKey,
  pauseRun: Messages.pauseRun,
  pauseKey: Messages.pauseKey,
  resumeRun: Messages.resumeRun,
  resumeKey: Messages.resumeKey,
  resolveStep: Messages.resolveStep,
  forkRun: Messages.forkRun,
  resolveAwakeable: Messages.resolveAwakeable,
  rejectAwakeable: Messages.rejectAwakeable,
  listWorkflows: Workflows.listWorkflows,
  describeWorkflow: Workflows.describeWorkflow,
  startBulk: Bulk.startBulk,
  describeBulk: Bulk.describeBulk,
  whoAmI: Access.whoAmI,
  listKeys: Access.listKeys,
  createKey: Access.createKey,
  revokeKey: Access.revokeKey,
  listUsers: Access.listUsers,
  createUser: Access.createUser,
  removeUser: Access.removeUser,
  listAudit: Access.listAudit,
  openSession: Access.openSession,
  closeSession: Access.closeSession,
  openApi: Service.openApi,
  docs: Service.docs,
  version: Service.version,
  live: Service.live,
  ready: Service.ready,
  metrics: Service.metrics,
  stats: Service.stats
} as const

export type Routes = typeof ROUTES
export type Name = keyof Routes
