/** What a page has of Reprise: the client, and the definitions that it shares with the server. */
import { Reprise } from "@reprise/server/client"
import { Approve, Order } from "./workflows.js"

const order = async (url: string): Promise<ReadonlyArray<string>> => {
  const client = Reprise.connect({ url })
  const handle = await client.start(Order, { item: "lamps", count: 2 }, { id: "from-a-page" })
  const events = handle.events()
  await handle.signal(Approve, { by: "Ada" })
  const seen = [await handle.result()]
  for await (const { event } of events) seen.push(event._tag)
  return seen
}

Object.assign(globalThis, { order })
