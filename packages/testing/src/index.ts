/** The test kit: a world that a test drives by hand, the log in memory, and the suite that every log must pass. */
export * as Crashes from "./Crashes.js"
export * as LogSuite from "./logSuite/LogSuite.js"
export * as MemoryLog from "./MemoryLog.js"
export * as World from "./World.js"
