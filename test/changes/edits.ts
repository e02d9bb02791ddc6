/** Every kind of edit, by the id of its row in docs/guide/changing-a-workflow.md. */
import { Clock, Config, Effect, Random, Schedule, Schema } from "effect"
import { Awakeable, Child, Client, Query, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import { After, around, Before, between, type Edit, ID, type Part, type Verdict } from "./Edit.js"

type Verdicts = readonly [before: Verdict, within: Verdict, past: Verdict]
type Many = ReadonlyArray<Workflow.Any>

const edit = (
  id: string,
  old: Part | Many,
  next: Part | Many,
  [before, within, past]: Verdicts,
  push?: Edit["push"]
): Edit => ({
  id,
  old: workflowsOf(old),
  new: workflowsOf(next),
  verdicts: { before, in: within, past },
  ...(push === undefined ? {} : { push })
})

const workflowsOf = (part: Part | Many): Many => (Effect.isEffect(part) ? [around(part)] : part)

// ---- parts ----

const quick = (name: string, output = name) => Step.run(name, Effect.succeed(output))
const slow = (name: string, output = name) => Step.run(name, Effect.as(Effect.sleep("1 hour"), output))
const seq = (...parts: ReadonlyArray<Effect.Effect<unknown, unknown, any>>): Part =>
  Effect.map(Effect.forEach(parts, (part) => part), (outputs) => outputs.filter((output) => typeof output === "string").join(" ")) as Part
const together = (concurrency: number | "unbounded", ...parts: ReadonlyArray<Effect.Effect<string, never, any>>): Part =>
  Effect.map(Effect.all(parts, { concurrency }), (outputs) => outputs.join(" "))
const caught = (effect: Effect.Effect<string, unknown, any>): Part =>
  Effect.catchAll(effect, (error) => Effect.succeed(`caught ${tagOf(error)}`))
const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)

const a = slow("a")
const EXTRA = "! Divergence extra"
const MISSING = "! Divergence missing"
const ORDER = "! Divergence order"
const REPLACED = "! Divergence replaced"
const LENGTH = "! Divergence length"
const FIBER = "! Divergence fiber"
const VALUE = "! ProgramValueInvalid"
/** An edit that no run notices but by its new output. */
const all = (verdict: Verdict): Verdicts => [verdict, verdict, verdict]

// ---- steps ----

const minutes = Effect.map(Clock.currentTimeMillis, (now) => (now - 1_735_689_600_000) / 60_000)
const third = Effect.flatMap(Step.attempt, ({ attempt }) =>
  attempt < 3 ? Effect.fail("busy") : Effect.map(minutes, (at) => `attempt 3 after ${at} minutes`))
const keyed = Effect.flatMap(Step.attempt, ({ idempotencyKey }) => Effect.as(Effect.sleep("1 hour"), idempotencyKey))
const hour = Effect.as(Effect.sleep("1 hour"), "a")

const steps: ReadonlyArray<Edit> = [
  edit("step-add", seq(a), seq(quick("b"), a), ["b a", REPLACED, REPLACED]),
  edit("step-add-after", seq(a), seq(a, quick("b")), ["a b", "a b", EXTRA]),
  edit("step-remove", seq(quick("b"), a), seq(a), ["a", ORDER, ORDER]),
  edit("step-rename", seq(a), seq(slow("b")), ["b", REPLACED, REPLACED]),
  edit("step-reorder", seq(a, quick("b")), seq(quick("b"), a), ["b a", REPLACED, ORDER]),
  edit("step-body", seq(slow("a", "old")), seq(slow("a", "new")), ["new", "new", "old"]),
  edit(
    "step-output-wider",
    seq(Step.run("a", hour, { output: Schema.String })),
    seq(Step.run("a", hour, { output: Schema.Union(Schema.String, Schema.Number) })),
    all("a")
  ),
  edit(
    "step-output-other",
    seq(Step.run("a", hour, { output: Schema.String })),
    seq(Effect.map(Step.run("a", Effect.as(hour, 7), { output: Schema.Number }), String)),
    ["7", "7", VALUE]
  ),
  edit(
    "step-error-other",
    caught(Step.run("a", Effect.zipRight(hour, Effect.fail("old")), { error: Schema.String })),
    caught(Effect.mapError(Step.run("a", Effect.zipRight(hour, Effect.fail(7)), { error: Schema.Number }), String)),
    ["caught 7", "caught 7", VALUE]
  ),
  edit(
    "step-retry",
    caught(Step.run("a", third, { retry: Schedule.spaced("2 hours") })),
    caught(Step.run("a", third, { retry: Schedule.spaced("1 minute") })),
    ["attempt 3 after 2 minutes", "attempt 3 after 121 minutes", "attempt 3 after 240 minutes"]
  ),
  edit(
    "step-timeout",
    caught(Step.run("a", hour, { timeout: "1 day" })),
    caught(Step.run("a", hour, { timeout: "1 minute" })),
    ["caught StepTimedOut", "a", "a"]
  ),
  edit(
    "step-deadline",
    caught(Step.run("a", hour, { deadline: "1 day" })),
    caught(Step.run("a", hour, { deadline: "1 minute" })),
    ["caught StepTimedOut", "a", "a"]
  ),
  edit("step-on-unknown", caught(Step.run("a", hour)), caught(Step.run("a", hour, { onUnknown: "fail" })), all("a")),
  edit("step-summary", caught(Step.run("a", hour)), caught(Step.run("a", hour, { summary: "new" })), all("a")),
  edit(
    "step-key",
    caught(Step.run("a", keyed, { idempotencyKey: "old" })),
    caught(Step.run("a", keyed, { idempotencyKey: "new" })),
    ["new", "old", "old"]
  ),
  edit(
    "step-to-sensor",
    seq(a),
    seq(Effect.as(Sensor.until("a", Effect.succeed(true), { every: "1 hour" }), "a")),
    ["a", REPLACED, REPLACED]
  )
]

// ---- time ----

const nap = (length: "1 hour" | "2 hours") => Effect.as(Effect.sleep(length), length)

const time: ReadonlyArray<Edit> = [
  edit("sleep-length", seq(nap("1 hour")), seq(nap("2 hours")), ["2 hours", LENGTH, LENGTH]),
  edit("sleep-add", seq(a), seq(nap("1 hour"), a), ["1 hour a", EXTRA, EXTRA]),
  edit("sleep-remove", seq(nap("1 hour"), quick("b")), seq(quick("b")), ["b", EXTRA, ORDER]),
  edit("timeout-add", seq(a), caught(Effect.timeout(a, "5 hours")), ["a", FIBER, FIBER]),
  edit("timeout-length", caught(Effect.timeout(a, "5 hours")), caught(Effect.timeout(a, "6 hours")), ["a", LENGTH, LENGTH]),
  edit("timeout-remove", caught(Effect.timeout(a, "5 hours")), seq(a), ["a", FIBER, FIBER]),
  edit("race-remove", Effect.race(a, slow("b")) as Part, seq(a), ["a", FIBER, FIBER]),
  edit("race-add", seq(a), Effect.race(a, slow("b")) as Part, ["a", FIBER, FIBER])
]

// ---- branches, loops, concurrency ----

const when = (entered: boolean) => Effect.if(entered, { onTrue: () => quick("b"), onFalse: () => Effect.void })
const above = (bound: number): Part => (150 > bound ? slow("large") : slow("small"))
const times = (count: number): Part => seq(...Array.from({ length: count }, (_, i) => slow(`page ${i}`)))
const [b, c] = [slow("b"), slow("c")]

const shape: ReadonlyArray<Edit> = [
  edit("branch-add", seq(a), seq(when(true), a), ["b a", REPLACED, REPLACED]),
  edit("branch-add-untaken", seq(a), seq(when(false), a), all("a")),
  edit("branch-condition", above(100), above(200), ["small", REPLACED, REPLACED]),
  edit("loop-more", times(2), times(3), ["page 0 page 1 page 2", "page 0 page 1 page 2", EXTRA]),
  edit("loop-fewer", times(2), times(1), ["page 0", "page 0", MISSING]),
  edit("item-add", together("unbounded", a, b), together("unbounded", a, b, c), ["a b c", EXTRA, EXTRA]),
  edit("item-remove", together("unbounded", a, b), together("unbounded", a), ["a", MISSING, MISSING]),
  edit("item-reorder", together("unbounded", a, b), together("unbounded", b, a), ["b a", ORDER, ORDER]),
  edit("concurrency-number", together(2, a, b, c), together(3, a, b, c), ["a b c", EXTRA, ORDER]),
  edit("parallelise", seq(a, b), together("unbounded", a, b), ["a b", FIBER, FIBER]),
  edit("serialise", together("unbounded", a, b), seq(a, b), ["a b", FIBER, FIBER])
]

// ---- messages ----

const Go = Signal.make("go")
const Text = Signal.make("note", { payload: Schema.String })
const Wide = Signal.make("note", { payload: Schema.Union(Schema.String, Schema.Number) })
const Count = Signal.make("note", { payload: Schema.Number })
const State = Query.make("state", { output: Schema.String })
const Change = Update.make("change", { output: Schema.String })
const go = () => Client.signal(ID, Go, undefined)
const change = () => Client.update(ID, Change, undefined)
const handling = (run: Effect.Effect<string, never, any>, validate?: Effect.Effect<void, string>): Part =>
  seq(Update.handle(Change, { run: () => run as never, ...(validate === undefined ? {} : { validate: () => validate }) }), a)
const made = (name: string) => Effect.as(Awakeable.make(name), name)

const messages: ReadonlyArray<Edit> = [
  edit("receive-add", seq(a), seq(Go.receive, a), ["a", MISSING, MISSING], go),
  edit("receive-remove", seq(Go.receive, a), seq(a), ["a", EXTRA, ORDER], go),
  edit("receive-rename", seq(Effect.zipRight(Go.receive, quick("b"))), seq(Effect.zipRight(Text.receive, quick("b"))), [
    "b",
    "b",
    MISSING
  ], (by) => by === "old" ? go() : Client.signal(ID, Text, "x")),
  edit("poll-add", seq(a), seq(Go.poll, a), all("a"), go),
  edit("payload-wider", seq(Text.receive, a), seq(Effect.map(Wide.receive, String), a), all("x a"), () => Client.signal(ID, Text, "x")),
  edit("payload-other", seq(Text.receive, a), seq(Effect.map(Count.receive, String), a), ["7 a", "7 a", VALUE], (by) =>
    by === "old" ? Client.signal(ID, Text, "x") : Client.signal(ID, Count, 7)),
  edit("awakeable-add", seq(a), seq(made("hook"), a), ["hook a", EXTRA, EXTRA]),
  edit("awakeable-remove", seq(made("hook"), a), seq(a), ["a", ORDER, ORDER]),
  edit("query-add", seq(a), seq(Query.handle(State, () => Effect.succeed("s")), a), all("a"), () => Client.query(ID, State, undefined)),
  edit("query-remove", seq(Query.handle(State, () => Effect.succeed("s")), a), seq(a), all("a"), () => Client.query(ID, State, undefined)),
  edit("update-add", seq(a), handling(Effect.succeed("done")), all("a")),
  edit("update-remove", handling(Effect.succeed("done")), seq(a), ["a", "a", MISSING], (by) => by === "old" ? change() : Effect.void),
  edit("update-validator", handling(Effect.succeed("done")), handling(Effect.succeed("done"), Effect.fail("no")), all("a"), change),
  edit("update-step-add", handling(Effect.succeed("done")), handling(quick("b")), ["a", "a", EXTRA], change),
  edit("update-answer", handling(Effect.succeed("done")), handling(Effect.succeed("new")), ["a", "a", "! Divergence value"], change)
]

// ---- values ----

const value = (name: string, is: string) => Step.value(name, Effect.succeed(is))

const values: ReadonlyArray<Edit> = [
  edit("value-add", seq(a), seq(value("v", "v"), a), ["v a", EXTRA, EXTRA]),
  edit("value-remove", seq(value("v", "v"), a), seq(a), ["a", ORDER, ORDER]),
  edit("value-change", seq(value("v", "old"), a), seq(value("v", "new"), a), ["new a", "old a", "old a"]),
  edit("config-add", seq(a), seq(Effect.orDie(Config.withDefault(Config.string("REPRISE_REGION"), "eu")), a), ["eu a", EXTRA, EXTRA]),
  edit("random-add", seq(a), seq(Effect.asVoid(Random.next), a), all("a"))
]

// ---- children ----

const childOf = (name: string) => Workflow.make(name, {}, () => Effect.as(Effect.sleep("1 hour"), name))
const [Ship, Mail] = [childOf("ship"), childOf("mail")]
const withChildren = (part: Part): Many => [Ship, Mail, around(part)]
const child = (workflow: typeof Ship, options?: Child.Options) => Effect.orDie(Child.run(workflow, undefined, options))

const told = Effect.asVoid(Effect.ignore(Text.send("nobody", "old")))
const toldMore = Effect.asVoid(Effect.ignore(Text.send("nobody", "new")))

const children: ReadonlyArray<Edit> = [
  edit("child-add", withChildren(seq(a)), withChildren(seq(child(Ship), a)), ["ship a", EXTRA, EXTRA]),
  edit("child-remove", withChildren(seq(child(Ship), a)), withChildren(seq(a)), ["a", EXTRA, ORDER]),
  edit("child-other", withChildren(seq(child(Ship))), withChildren(seq(child(Mail))), ["mail", REPLACED, REPLACED]),
  edit("child-policy", withChildren(seq(child(Ship))), withChildren(seq(child(Ship, { parentClose: "terminate" }))), all("ship")),
  edit("send-add", seq(a), seq(told, a), ["a", EXTRA, EXTRA]),
  edit("send-payload", seq(told, a), seq(toldMore, a), all("a")),
  edit("step-to-child", withChildren(seq(slow("ship"))), withChildren(seq(child(Ship))), ["ship", EXTRA, EXTRA])
]

// ---- the workflow itself ----

const taking = (input: Schema.Schema<any, any>) => [
  Workflow.make("order", { input }, (given) => between(seq(a, Effect.succeed(String(given)))) as never)
]
const giving = (output: Schema.Schema<any, any>) => [Workflow.make("order", { output }, () => between(seq(a)) as never)]
const failing = (error: Schema.Schema<any, any>) => [
  Workflow.make("order", { error, output: Schema.String }, () => between(seq(a)) as never)
]

/** A loop of two turns: the part stands in the first, the wait behind it in the second. */
const looping = (continueAfter: number) => [
  Workflow.loop("order", { input: Schema.Union(Schema.String, Schema.Number), continueAfter }, (turn) =>
    turn === 2
      ? Effect.as(After.receive, Workflow.done("a"))
      : Effect.zipRight(Effect.zipRight(Before.receive, a), Effect.succeed(Workflow.next(2))))
]

const whole: ReadonlyArray<Edit> = [
  edit("workflow-rename", seq(a), [around(seq(a), { name: "purchase" })], all("! WorkflowUnknown")),
  edit("version-only", seq(a), [around(seq(a), { version: "2" })], all("a")),
  edit("version-beside", seq(a), [around(seq(a)), around(seq(quick("b"), a), { version: "2" })], all("a")),
  edit("input-wider", taking(Schema.String), taking(Schema.Union(Schema.String, Schema.Number)), all("a input")),
  edit("input-other", taking(Schema.String), taking(Schema.Number), all(VALUE)),
  edit("continue-later", looping(1), looping(1_000), all("a")),
  edit("continue-sooner", looping(1_000), looping(1), all("a")),
  edit("output-schema", giving(Schema.String), giving(Schema.Union(Schema.String, Schema.Number)), all("a")),
  edit("error-schema", failing(Schema.String), failing(Schema.Number), all("a"))
]

// ---- what leaves no trace, and what does ----

const helper = (): Part => Effect.gen(function*() {
  return yield* a
}) as Part

const undoable = Step.run("a", hour, { compensate: () => Effect.void })

const plain: ReadonlyArray<Edit> = [
  edit("log-add", seq(a), seq(Effect.log("here"), a, Effect.log("there")), all("a")),
  edit("pure-add", seq(a), Effect.map(seq(a), (text) => text.toUpperCase()), all("A")),
  edit("refactor", seq(a, quick("b")), seq(helper(), Effect.suspend(() => quick("b"))), all("a b")),
  edit("span-add", seq(a), seq(Effect.withSpan(a, "work", { attributes: { new: true } })), all("a")),
  edit("catch-add", seq(a), seq(Effect.catchAllCause(a, () => quick("b"))), all("a")),
  edit("fork-add", seq(a), seq(Effect.asVoid(Effect.fork(quick("b"))), a), ["a", EXTRA, EXTRA]),
  edit("fork-add-first", together("unbounded", a, b), seq(Effect.asVoid(Effect.fork(Effect.void)), together("unbounded", a, b)), [
    "a b",
    FIBER,
    FIBER
  ]),
  edit("fork-add-last", seq(Effect.flatMap(Effect.fork(a), (fiber) => fiber)), seq(
    Effect.flatMap(Effect.fork(a), (fiber) => Effect.zipRight(Effect.fork(Effect.void), fiber))
  ), all("a")),
  edit("compensate-add", seq(a), seq(undoable), all("a")),
  edit("compensate-remove", seq(undoable), seq(a), all("a")),
  edit("finalizer-add", seq(a), seq(Effect.ensuring(a, quick("b"))), ["a", "a", EXTRA]),
  edit("finalizer-remove", seq(Effect.ensuring(a, quick("b"))), seq(a), ["a", "a", MISSING])
]

// ---- patches ----

const branch = (patch: string, fresh: Part): Part =>
  Effect.flatMap(Workflow.patched(patch), (taken) => taken ? fresh : Effect.succeed("-")) as Part

const patches: ReadonlyArray<Edit> = [
  edit("patch-add", seq(a), seq(branch("p", quick("b")), a), ["b a", "- a", "- a"]),
  edit("patch-remove", seq(branch("p", quick("b")), a), seq(quick("b"), a), all("b a")),
  edit("patch-remove-early", seq(a), seq(quick("b"), a), ["b a", REPLACED, REPLACED]),
  edit("patch-rename", seq(branch("p", quick("b")), a), seq(branch("q", quick("b")), a), ["b a", ORDER, ORDER]),
  edit("patch-reuse", seq(branch("p", quick("b")), a), seq(quick("b"), a, branch("p", quick("c"))), ["b a c", "! PatchUsed", "! PatchUsed"])
]

export const edits: ReadonlyArray<Edit> = [
  ...steps,
  ...time,
  ...shape,
  ...messages,
  ...values,
  ...children,
  ...whole,
  ...plain,
  ...patches
]
