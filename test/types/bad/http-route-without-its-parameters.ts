// expect: Property 'params' is missing
import { Reprise, ROUTES } from "@reprise/server/client"

const client = Reprise.connect({ url: "http://127.0.0.1:4300" })
export const why = client.call(ROUTES.whyRun, {}) // <- here
