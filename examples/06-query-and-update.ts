/**
 * Queries and updates: a query reads the state of a live run and leaves no trace; an update changes it, may
 * be refused before anything is recorded, and answers. The state is an ordinary `Ref`: replay rebuilds it
 * from the log.
 *
 *   npm run example -- 06-query-and-update
 */
import { Client, Query, Step, Update, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Ref, Schema } from "effect"

const Item = Schema.Struct({ name: Schema.String, price: Schema.Number })
const Total = Query.make("total", { output: Schema.Number })
const Add = Update.make("add", { input: Item, output: Schema.Number })
const CheckOut = Update.make("check out")

const Cart = Workflow.make("cart", { messages: [Total, Add, CheckOut] }, () =>
  Effect.gen(function*() {
    const items = yield* Ref.make<ReadonlyArray<typeof Item.Type>>([])
    const total = Effect.map(Ref.get(items), (all) => all.reduce((sum, { price }) => sum + price, 0))
    let open = true

    yield* Query.handle(Total, () => total)
    yield* Update.handle(Add, {
      validate: ({ name, price }) => (price > 0 ? Effect.void : Effect.fail(`a ${name} is not for free`)),
      run: (item) =>
        Effect.gen(function*() {
          yield* Step.run("reserve", Effect.sync(() => console.log(`reserved a ${item.name}`)))
          yield* Ref.update(items, (all) => [...all, item])
          return yield* total
        })
    })
    yield* Update.handle(CheckOut, {
      run: () =>
        Effect.sync(() => {
          open = false
        })
    })

    yield* Workflow.condition(() => !open)
    return `sold for ${yield* total}`
  }))

const Store = Sqlite.layer({ filename: "06-query-and-update.db" })
const Live = Worker.layer({ workflows: [Cart] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const { result, runId } = yield* Client.start(Cart, undefined)
  console.log(`total: ${yield* Client.update(runId, Add, { name: "book", price: 30 })}`)
  console.log(`total: ${yield* Client.update(runId, Add, { name: "pen", price: 5 })}`)

  const refused = yield* Effect.flip(Client.update(runId, Add, { name: "cup", price: 0 }))
  console.log(refused._tag === "UpdateRejected" ? `refused: ${refused.reason}` : refused.message)

  console.log(`a query says ${yield* Client.query(runId, Total, undefined)}`)
  yield* Client.update(runId, CheckOut, undefined)
  console.log(yield* result)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
reserved a book
total: 30
reserved a pen
total: 35
refused: a cup is not for free
a query says 35
sold for 35
*/
