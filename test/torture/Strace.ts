/** Faults at system calls, put in by strace. */
import { spawnSync } from "node:child_process"

/** The calls by which a process changes what outlives it, and tells of it, with about how many of each a life of three orders makes. */
export const CALLS = { pwrite64: 500, write: 64, fsync: 34, ftruncate: 5, unlink: 3 } as const

export type Call = keyof typeof CALLS

const command = (calls: ReadonlyArray<string>, injections: ReadonlyArray<string>): ReadonlyArray<string> => [
  "strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls.join(",")}`, ...injections.flatMap((one) => ["-e", `inject=${one}`])
]

/** Kills with SIGKILL when a thread is about to make the `count`-th call of this kind. */
export const killAt = (call: Call, count: number): ReadonlyArray<string> => command([call], [`${call}:signal=SIGKILL:when=${count}`])

/** Makes calls fail with `error`: the `count`-th (`when` "once"), or that and all after it ("on"). */
export const failAt = (call: Call, error: string, count: number, when: "once" | "on"): ReadonlyArray<string> =>
  command([call], [`${call}:error=${error}:when=${count}${when === "on" ? "+" : ""}`])

/** Why it cannot be used here; `undefined` when it can. */
export const missing = (): string | undefined => {
  const tried = spawnSync("strace", ["-qq", "-o", "/dev/null", "true"], { encoding: "utf8" })
  if (tried.status === 0) return undefined
  const reason = tried.error?.message ?? tried.stderr.trim()
  return `strace does not work here: ${reason}. On Debian: apt-get install strace; in a container: --cap-add=SYS_PTRACE`
}
