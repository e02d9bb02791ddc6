import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import LongestFirst from "./harness/LongestFirst.js"

const conditions = ["reprise-source", "node", "import", "module", "default"]

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  // Tests see the packages' sources, never a build that may be stale.
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    // They speak to the kernel of Linux: strace, mount and prlimit. docs/contributing.md says so.
    exclude: process.platform === "linux" ? [] : ["test/torture/**"],
    passWithNoTests: false,
    // A test that passes only the second time has found a defect.
    retry: 0,
    // To find what hangs, not what is slow: simulations and torture run beside every other test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // better-sqlite3 is native: processes, not threads. Two, so that crash and demo tests keep their timing.
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    sequence: { sequencer: LongestFirst }
  }
})
