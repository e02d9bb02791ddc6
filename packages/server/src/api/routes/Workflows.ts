/** Routes about what this server can run. */
import { Schema } from "effect"
import { Workflow } from "../Model.js"
import * as Route from "../Route.js"

const tag = "workflows"

export const listWorkflows = Route.make("listWorkflows", "GET", "/api/v1/workflows", {
  tag,
  summary: "The registered workflows",
  access: "read",
  answer: Schema.Struct({ items: Schema.Array(Workflow) })
})

export const describeWorkflow = Route.make("describeWorkflow", "GET", "/api/v1/workflows/{workflow}", {
  tag,
  summary: "A workflow with the JSON Schemas of its input, output, errors and messages",
  access: "read",
  params: Schema.Struct({ workflow: Schema.String }),
  answer: Workflow,
  problems: ["WorkflowUnknown"]
})
