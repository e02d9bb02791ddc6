// expect: this sensor's value is not JSON: give it an `output` schema
import { Sensor } from "@reprise/core"
import { Effect, Option } from "effect"

export const file = Sensor.poll("file", Effect.succeed(Option.some(new Date())), { every: "1 minute" }) // <- here
