/** The test kit: a world that a test drives by hand, the log in memory, and the suite that every log must pass. */
export * as Crashes from "./Crashes.js"
export * as LogSuite from "./logSuite/LogSuite.js"
export * as DocumentLog from "./DocumentLog.js"
export { DocumentInvalid, MisfitsFound, SimulationFailed } from "./Errors.js"
export * as MemoryLog from "./MemoryLog.js"
export * as ReplayCheck from "./ReplayCheck.js"
export * as Simulation from "./simulation/Simulation.js"
export * as World from "./World.js"
