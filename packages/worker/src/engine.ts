/** The door for test kits: a worker whose loops, runs and bodies can be seen and steered. Others use "@reprise/worker". */
export * as Attempts from "./Attempts.js"
export * as Live from "./Live.js"
export * as RunLoop from "./RunLoop.js"
export * as State from "./State.js"
export * as Worker from "./Worker.js"
