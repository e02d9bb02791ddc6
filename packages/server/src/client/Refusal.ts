/** A problem document as the error that it was made of: `error instanceof RunNotFound` holds on both sides. */
import { Errors as Core } from "@reprise/core/engine"
import { Either, ParseResult, Schema } from "effect"
import { type Code, Problem, PROBLEMS } from "../api/Problem.js"
import * as Server from "../Errors.js"
import { Refused } from "./Errors.js"

/** The class of each code. */
const CLASSES: { readonly [C in Code]: Schema.Schema.AnyNoContext } = {
  BodyMalformed: Server.BodyMalformed,
  RequestInvalid: Server.RequestInvalid,
  CursorInvalid: Server.CursorInvalid,
  Unauthenticated: Server.Unauthenticated,
  Forbidden: Server.Forbidden,
  CsrfRefused: Server.CsrfRefused,
  HostRefused: Server.HostRefused,
  RouteUnknown: Server.RouteUnknown,
  RunNotFound: Core.RunNotFound,
  WorkflowUnknown: Core.WorkflowUnknown,
  MessageUnknown: Core.MessageUnknown,
  AwakeableUnknown: Core.AwakeableUnknown,
  KeyUnknown: Server.KeyUnknown,
  BulkJobUnknown: Server.BulkJobUnknown,
  ApiKeyUnknown: Server.ApiKeyUnknown,
  UserUnknown: Server.UserUnknown,
  MethodNotAllowed: Server.MethodNotAllowed,
  NotAcceptable: Server.NotAcceptable,
  RequestLate: Server.RequestLate,
  RunExists: Core.RunExists,
  RunClosed: Core.RunClosed,
  AwakeableAlreadySettled: Core.AwakeableAlreadySettled,
  UserExists: Server.UserExists,
  UpdateRejected: Core.UpdateRejected,
  PreconditionFailed: Server.PreconditionFailed,
  BodyTooLarge: Server.BodyTooLarge,
  PayloadTooLarge: Core.PayloadTooLarge,
  MediaTypeUnsupported: Server.MediaTypeUnsupported,
  BodyInvalid: Server.BodyInvalid,
  PayloadInvalid: Core.PayloadInvalid,
  NameInvalid: Core.NameInvalid,
  ForkInvalid: Core.ForkInvalid,
  IdempotencyKeyReused: Server.IdempotencyKeyReused,
  QueryFailed: Core.QueryFailed,
  UpdateFailed: Core.UpdateFailed,
  RateLimited: Server.RateLimited,
  HeadersTooLarge: Server.HeadersTooLarge,
  InternalError: Server.InternalError,
  HistoryDamaged: Core.HistoryDamaged,
  AnswerLate: Server.AnswerLate,
  IssuerUnavailable: Server.IssuerUnavailable,
  // Its cause stays with the server; what is left is its text.
  LogError: Schema.transform(Schema.Struct({ operation: Schema.String }), Schema.instanceOf(Core.LogError), {
    strict: true,
    decode: ({ operation }) => new Core.LogError({ operation, cause: "see the log of the server" }),
    encode: ({ operation }) => ({ operation })
  }),
  WorkerMissing: Core.WorkerMissing,
  ServerStopping: Server.ServerStopping,
  TooManyStreams: Server.TooManyStreams
}

const isCode = (code: string): code is Code => Object.hasOwn(PROBLEMS, code)

/** The document of each error that was made here; goes with the error. */
const documents = new WeakMap<Error, Problem>()

/** The error that a problem stands for. */
export const errorOf = (problem: Problem): Error => {
  const error = built(problem) ??
    new Refused({ code: problem.code, status: problem.status, detail: problem.detail, advice: problem.hint })
  documents.set(error, problem)
  return error
}

const built = ({ code, data }: Problem): Error | undefined => {
  if (!isCode(code)) return undefined
  const fields = typeof data === "object" && data !== null ? data : {}
  return Either.getOrUndefined(ParseResult.decodeUnknownEither(CLASSES[code])({ ...fields, _tag: code }))
}

/** What the server said about an error that a call threw: its status, the request's id, where in the request it lies. */
export const problemOf = (error: unknown): Problem | undefined =>
  error instanceof Error ? documents.get(error) : undefined

/** Reads a problem document. */
export const parse = ParseResult.decodeUnknownEither(Schema.parseJson(Problem))
