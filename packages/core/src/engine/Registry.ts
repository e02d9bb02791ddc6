/** Which workflows this process can run: by name, each with its versions in the order of registration. */
import type { Any } from "../define/Workflow.js"
import { ConfigurationInvalid, NameInvalid, WorkflowUnknown } from "../model/Errors.js"
import { Limits } from "../model/Limits.js"

export interface Registry {
  readonly byName: ReadonlyMap<string, ReadonlyArray<Any>>
}

/** Throws when one name and version is given twice: runs would not know which code is theirs. */
export const make = (workflows: ReadonlyArray<Any>): Registry => {
  const byName = new Map<string, Array<Any>>()
  for (const workflow of workflows) {
    const { name } = workflow
    if (name === "" || name.length > Limits.nameCharsMax) {
      const detail = name === "" ? "is empty" : `has more than ${Limits.nameCharsMax} characters`
      throw new NameInvalid({ what: "workflow name", value: name, detail })
    }
    const versions = byName.get(workflow.name) ?? []
    if (versions.some((other) => other.version === workflow.version && other !== workflow)) {
      const which = `workflow "${workflow.name}" version "${workflow.version}"`
      throw new ConfigurationInvalid({ detail: `${which} is registered twice; give one of them another version` })
    }
    byName.set(workflow.name, [...versions, workflow])
  }
  return { byName }
}

/** The version a run was started with, or else the newest registered one: its replay says whether it fits. */
export const forRun = (registry: Registry, name: string, version: string): Any | WorkflowUnknown => {
  const versions = registry.byName.get(name)
  const found = versions?.find((workflow) => workflow.version === version) ?? versions?.at(-1)
  return found ?? new WorkflowUnknown({ workflow: name, version, known: [...registry.byName.keys()] })
}

/** The versions whose code a run may go on with, the first that fits: its own, or else all that are registered, newest first. */
export const candidates = (registry: Registry, name: string, version: string): ReadonlyArray<string> => {
  const versions = (registry.byName.get(name) ?? []).map((workflow) => workflow.version)
  return versions.length === 0 || versions.includes(version) ? [version] : versions.toReversed()
}

/** Exactly this version, for a run that is to begin with it. */
export const exact = (registry: Registry, name: string, version: string): Any | WorkflowUnknown => {
  const known = [...registry.byName.keys()]
  const versions = registry.byName.get(name)
  if (versions === undefined) return new WorkflowUnknown({ workflow: name, version, known })
  const found = versions.find((workflow) => workflow.version === version)
  return found ?? new WorkflowUnknown({ workflow: name, version, known, versions: versions.map((other) => other.version) })
}

/** The newest registered version, for new runs. */
export const newest = (registry: Registry, name: string): Any | WorkflowUnknown =>
  registry.byName.get(name)?.at(-1) ?? new WorkflowUnknown({ workflow: name, known: [...registry.byName.keys()] })
