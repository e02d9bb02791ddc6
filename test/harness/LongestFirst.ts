/** The order of test files: the longest first, so that at the end no worker waits for another. */
import { relative } from "node:path"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Files that take more than ten seconds, about, on a quiet machine; those that start processes of their own come early. */
const LONGEST = [
  "test/simulate/simulate.test.ts",
  "test/simulate/workflows.test.ts",
  "test/mutants/mutants.test.ts",
  "test/http/fuzz.test.ts",
  "test/outside/killed.test.ts",
  "test/programs/programs.test.ts",
  "packages/core/test/Programs.test.ts",
  "packages/cli/test/Cli.test.ts",
  "test/torture/syscalls.test.ts",
  "packages/cli/test/Serve.test.ts",
  "test/pack.test.ts",
  "test/crash/crash.test.ts",
  "test/crash/lifecycle.test.ts",
  "test/examples.test.ts",
  "test/outside/streams.test.ts",
  "test/torture/damage.test.ts",
  "packages/sql/test/Store.test.ts",
  "test/replay-check/programs.test.ts",
  "test/torture/disk.test.ts"
]

export default class LongestFirst extends BaseSequencer {
  /** Those that are not named come last, the larger before the smaller, or as the last run has found them. */
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.indexOf(relative(this.ctx.config.root, moduleId).replaceAll("\\", "/"))
      return at < 0 ? LONGEST.length : at
    }
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}
