// expect: Type 'number' is not assignable to type 'string'
import { Workflow } from "@reprise/core"
import { Reprise } from "@reprise/server/client"
import { Effect } from "effect"

const Count = Workflow.make("count", {}, () => Effect.succeed(1))
const client = Reprise.connect({ url: "http://127.0.0.1:4300" })
export const result: string = await client.execute(Count, undefined) // <- here
