/**
 * The server without a port: a function from requests to responses. It owns what every request goes through, and nothing
 * that only one route needs.
 *
 * - A1 A request becomes one fiber, which is interrupted when its caller goes. Whatever it has committed by then stays.
 * - A2 Nothing is compiled and no layer is built for a request: routes are mounted once.
 * - A3 Every answer is encoded by the schema of its route; every refusal is a problem document. What dies is told as
 *      `InternalError`, and logged with its cause under the id of the request.
 * - A4 The caller is known, counted and compared with the access of the route before anything else of a request is read.
 * - A5 Whatever is no reading is told to the audit log, done or refused.
 * - A6 A request is answered in time, whatever the store does. What hangs there may come to its end afterwards.
 */
import { Cause, Clock, Context, Effect, Exit, FiberId, Runtime, type Scope } from "effect"
import { METHOD_NAME_ALL } from "hono/router"
import { RegExpRouter } from "hono/router/reg-exp-router"
import type { Asked, Refusal } from "./api/Handler.js"
import type { Caller } from "./api/Model.js"
import { PROBLEMS } from "./api/Problem.js"
import * as Auth from "./auth/Auth.js"
import { isMutation } from "./auth/Headers.js"
import * as Role from "./auth/Role.js"
import * as Body from "./Body.js"
import * as BulkJobs from "./bulk/BulkJobs.js"
import {
  AnswerLate,
  Forbidden,
  HostRefused,
  InternalError,
  MethodNotAllowed,
  RouteUnknown,
  ServerStopping,
  Unauthenticated
} from "./Errors.js"
import * as Exchange from "./Exchange.js"
import * as Figures from "./metrics/Figures.js"
import * as Requests from "./metrics/Requests.js"
import * as Mounted from "./Mounted.js"
import { complete, type Options, type Settings } from "./Options.js"
import * as Streams from "./stream/Streams.js"

export interface App {
  /** Answers a request; never rejects. */
  readonly fetch: (request: Request, from?: Exchange.From) => Promise<Response>
  /** The same, for who writes the answer without a `Response`. */
  readonly answer: (request: Request, from?: Exchange.From) => Promise<Exchange.Answer>
  /** Refuses what comes from now on, ends the streams, and waits until all that came before is answered. */
  readonly drain: Effect.Effect<void>
  /** Takes the figures that are taken when somebody asks for them, for exporters that ask nobody. */
  readonly sample: Effect.Effect<void>
  /** Whether callers must say who they are. */
  readonly guarded: boolean
}

interface State {
  readonly settings: Settings
  readonly auth: Auth.AuthShape
  readonly streams: Streams.StreamsShape
  readonly figures: Figures.FiguresShape
  readonly runtime: Runtime.Runtime<Mounted.Services>
  /** Requests without an answer. */
  readonly open: Set<Exchange.Exchange>
  /** Called when the last of them is answered. */
  idle: () => void
  stopping: boolean
}

/** What an app stands on. */
export type Requirements = Exclude<Mounted.Services, Auth.Auth | BulkJobs.BulkJobs | Figures.Figures | Streams.Streams>

export const make = (options: Options = {}): Effect.Effect<App, never, Requirements | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = complete(options)
    const auth = yield* Auth.make(settings)
    const streams = yield* Streams.make(settings)
    const jobs = yield* BulkJobs.make
    const figures = yield* Effect.provideService(Figures.make, Streams.Streams, streams)
    const services = Context.make(Auth.Auth, auth).pipe(
      Context.add(Streams.Streams, streams),
      Context.add(BulkJobs.BulkJobs, jobs),
      Context.add(Figures.Figures, figures)
    )
    const runtime = yield* Effect.provide(Effect.runtime<Mounted.Services>(), services)
    const state: State = { settings, auth, streams, figures, runtime, open: new Set(), idle: () => {}, stopping: false }
    const router = mount()
    const answer: App["answer"] = (request, from = {}) => receive(state, router, request, from)
    return {
      fetch: async (request, from) => Exchange.responseOf(await answer(request, from)),
      answer,
      drain: drain(state),
      sample: Effect.asVoid(figures.sample),
      guarded: auth.configured
    }
  })

const drain = (state: State): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.suspend(() => {
      state.stopping = true
      return Streams.stop(state.streams)
    }),
    Effect.async((resume) => {
      state.idle = () => resume(Effect.void)
      if (state.open.size === 0) state.idle()
    })
  )

type Router = RegExpRouter<Mounted.Methods>

const mount = (): Router => {
  const router: Router = new RegExpRouter()
  for (const [path, methods] of Mounted.byPath()) router.add(METHOD_NAME_ALL, path.replaceAll(/\{(\w+)\}/g, ":$1"), methods)
  return router
}

/** A path is decoded once, and not before it is known where its segments end. */
const routed = (state: State, router: Router, exchange: Exchange.Exchange): Promise<Exchange.Answer> => {
  const [[found]] = router.match(METHOD_NAME_ALL, exchange.path)
  if (found !== undefined) return run(state, exchange, dispatch(state, found[0], exchange))
  const unknown = new RouteUnknown({ path: exchange.path.slice(0, SHOWN_MAX) })
  return Promise.resolve(Exchange.refusal(exchange, foreign(state, exchange) ?? unknown))
}

const SHOWN_MAX = 200

const receive = async (state: State, router: Router, request: Request, from: Exchange.From): Promise<Exchange.Answer> => {
  const exchange = Exchange.make(request, from, state.settings)
  const begun = performance.now()
  state.open.add(exchange)
  try {
    const answer = await routed(state, router, exchange)
    observe(state, exchange, answer.status, performance.now() - begun)
    return answer
  } finally {
    state.open.delete(exchange)
    if (state.open.size === 0) state.idle()
  }
}

const observe = ({ figures }: State, { code, method, route }: Exchange.Exchange, status: number, millis: number): void => {
  Requests.count({ route, method, status, code, millis })
  if (code === "LogError") figures.hasStoreFailed = true
}

/** A1, A6. The answer to a caller who has gone is seen by nobody. */
const run = (
  state: State,
  exchange: Exchange.Exchange,
  answer: Effect.Effect<Exchange.Answer, never, Mounted.Services>
): Promise<Exchange.Answer> =>
  new Promise((resolve) => {
    const { signal } = exchange
    const fiber = Runtime.runFork(state.runtime, answer)
    const leave = () => fiber.unsafeInterruptAsFork(FiberId.none)
    const late = setTimeout(() => {
      resolve(Exchange.refusal(exchange, new AnswerLate()))
      leave()
    }, state.settings.answerMillis)
    signal.addEventListener("abort", leave)
    if (signal.aborted) leave()
    fiber.addObserver((exit) => {
      clearTimeout(late)
      signal.removeEventListener("abort", leave)
      resolve(Exit.isSuccess(exit) ? exit.value : Exchange.refusal(exchange, new ServerStopping()))
    })
  })

const dispatch = (
  state: State,
  methods: Mounted.Methods,
  exchange: Exchange.Exchange
): Effect.Effect<Exchange.Answer, never, Mounted.Services> => {
  const { method } = exchange
  const mounted = methods.byMethod.get(method === "HEAD" ? "GET" : method)
  if (mounted === undefined) return Effect.sync(() => unmounted(state, methods, exchange))
  exchange.route = mounted.route.path
  const answered = Effect.matchCauseEffect(answer(state, mounted, exchange), {
    onSuccess: Effect.succeed,
    onFailure: (cause) => failed(mounted, exchange, cause)
  })
  if (!isMutation(method)) return answered
  // Also for a caller who has gone: what was asked may have been done.
  return Effect.onExit(answered, (exit) => audit(state, mounted, exchange, Exit.isSuccess(exit) ? exit.value.status : unheard(exchange)))
}

/** What the audit log tells of an answer that came to nobody: the caller had gone, or was told that it is late. */
const unheard = ({ code }: Exchange.Exchange): number => (code === undefined ? CALLER_GONE : PROBLEMS[code].status)
const CALLER_GONE = 499

const unmounted = (state: State, { allowed }: Mounted.Methods, exchange: Exchange.Exchange): Exchange.Answer => {
  const refused = foreign(state, exchange)
  if (refused !== undefined) return Exchange.refusal(exchange, refused)
  if (exchange.method === "OPTIONS") return Exchange.respond(exchange, 204, { allow: allowed.join(", ") }, null)
  return Exchange.refusal(exchange, new MethodNotAllowed({ method: exchange.method.slice(0, SHOWN_MAX), allowed }))
}

/** A name that was made to lead to this machine is none of its own. */
const foreign = ({ auth }: State, { header }: Exchange.Exchange): HostRefused | undefined => {
  const host = header("host")
  return auth.answersFor(host) ? undefined : new HostRefused({ host: (host ?? "").slice(0, SHOWN_MAX) })
}

// ---- a request that has a handler ----

const answer = (
  state: State,
  mounted: Mounted.Mounted,
  exchange: Exchange.Exchange
): Effect.Effect<Exchange.Answer, Refusal, Mounted.Services> =>
  Effect.gen(function*() {
    const caller = yield* admit(state, mounted, exchange)
    const params = yield* mounted.decode.params(exchange.path)
    exchange.runId = Mounted.runIdIn(params)
    const query = yield* mounted.decode.query(exchange.search)
    const body = yield* bodyOf(state, mounted, exchange)
    const { header, remoteAddress, requestId, signal } = exchange
    const asked: Asked<Mounted.Route> = { params, query, body, header, caller, requestId, remoteAddress, signal }
    const reply = yield* mounted.handle(asked)
    if (reply._tag === "Value") {
      exchange.runId ??= Mounted.runIdIn(reply.value)
      // Who signs in is known afterwards.
      exchange.caller ??= Mounted.callerIn(reply.value)
    }
    return yield* mounted.encode(exchange, reply)
  })

const bodyOf = (state: State, { decode, route }: Mounted.Mounted, { request }: Exchange.Exchange): Effect.Effect<unknown, Refusal> =>
  route.body === undefined ? Effect.succeed(undefined) : Effect.flatMap(Body.read(request, limitsFor(state, route)), decode.body)

/** From whom nobody knows no more is read than a sign-in needs. */
const limitsFor = ({ settings }: State, { access }: Mounted.Route): Body.Limits =>
  access === "open" ? { ...settings, bodyBytesMax: Math.min(settings.bodyBytesMax, OPEN_BODY_BYTES_MAX) } : settings

const OPEN_BODY_BYTES_MAX = 16_384

const NOBODY: Caller = { name: "anonymous", role: "viewer", via: "anonymous" }

/** A4. */
const admit = (state: State, { route }: Mounted.Mounted, exchange: Exchange.Exchange): Effect.Effect<Caller, Refusal> =>
  Effect.gen(function*() {
    const { auth } = state
    const refused = foreign(state, exchange)
    if (refused !== undefined) return yield* refused
    const isOpen = route.access === "open"
    if (state.stopping && !isOpen) return yield* new ServerStopping()
    const caller = isOpen ? undefined : yield* auth.authenticate(exchange)
    exchange.caller = caller
    const { headers, refusal } = yield* auth.admit(caller, exchange.remoteAddress)
    exchange.headers = { ...exchange.headers, ...headers }
    if (refusal !== undefined) return yield* refusal
    if (isOpen) return NOBODY
    if (caller === undefined) return yield* new Unauthenticated()
    if (!Role.may(caller.role, route.access)) return yield* new Forbidden({ access: route.access, role: caller.role })
    return caller
  })

/** A refusal is told as it is; a store that fails is also for the operator, and so is all that dies (A3). */
const failed = (mounted: Mounted.Mounted, exchange: Exchange.Exchange, cause: Cause.Cause<Refusal>): Effect.Effect<Exchange.Answer> => {
  const failure = Cause.failureOption(cause)
  const note = { requestId: exchange.requestId, route: mounted.route.name }
  const told = (refusal: Refusal) => Effect.sync(() => Exchange.refusal(exchange, refusal))
  if (failure._tag === "Some" && Exchange.isTold(failure.value)) {
    const { value } = failure
    if (!FOR_OPERATORS.has(value._tag)) return told(value)
    return Effect.zipRight(Effect.annotateLogs(Effect.logWarning(value.message), note), told(value))
  }
  if (Cause.isInterruptedOnly(cause)) return told(new ServerStopping())
  const logged = Effect.annotateLogs(Effect.logError("a request was answered with InternalError", cause), note)
  return Effect.zipRight(logged, told(new InternalError()))
}

const FOR_OPERATORS: ReadonlySet<string> = new Set(["LogError", "HistoryDamaged"])

/** A5. */
const audit = (
  { auth }: State,
  { route }: Mounted.Mounted,
  { caller, code, method, path, requestId, runId }: Exchange.Exchange,
  status: number
): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (at) =>
    auth.audit.write({ at, requestId, caller, action: route.name, method, path, status, code, runId }))
