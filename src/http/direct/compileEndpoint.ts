/**
 * Compiles an endpoint of the API to one effect: its own handler, behind its own middlewares, without the framework's router and without what a
 * plain request does not need. The endpoint's declaration is the only source; nothing about it is repeated here.
 */
import { Context, Effect, Option, Schema } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi, type HttpApiEndpoint, type HttpApiGroup } from "effect/http-api"
import { Authentication, RequiredScope } from "../../api/middleware/Authentication.ts"
import { BoundedBody } from "../../api/middleware/BoundedBody.ts"
import { DeclaredParameters } from "../../api/middleware/DeclaredParameters.ts"
import { KeyAndDeviceLimits } from "../../api/middleware/KeyAndDeviceLimits.ts"
import { SchemaErrors } from "../../api/middleware/SchemaErrors.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { respondToFailure } from "../middleware/ErrorResponses.ts"
import { parseSimpleQuery } from "./simpleQuery.ts"

/** Their only effect is to reject input, which is checked before an endpoint is run directly. */
const inputChecks: ReadonlySet<string> = new Set([BoundedBody.key, DeclaredParameters.key, KeyAndDeviceLimits.key, SchemaErrors.key])

/** The decoded parameters of a request. */
export interface DirectInput {
  readonly params: unknown
  readonly query: unknown
  /** For handlers that read the body. */
  readonly request?: HttpServerRequest.HttpServerRequest
}

/** The input of the request that is handled directly. */
export const CurrentDirectInput = Context.Reference<DirectInput>("boardwalk/http/direct/CurrentDirectInput", {
  defaultValue: () => ({ params: undefined, query: undefined })
})

type Handled = Effect.Effect<HttpServerResponse.HttpServerResponse>
type Middleware = (handler: Handled, options: unknown) => Handled
type Handler = (request: unknown) => Effect.Effect<unknown>

/** What `HttpApiBuilder.group` provides: its type is not public. */
interface BuiltGroup {
  readonly handlers: ReadonlyMap<string, { readonly handler: Handler }>
}

export interface DirectEndpoint {
  readonly method: string
  /** With `:name` for a segment that is a parameter. */
  readonly path: string
  /** Whether it needs a key; health checks do not. */
  readonly needsKey: boolean
  readonly scope: KeyScope | undefined
  /** Decodes a request's parameters; undefined if they are not simple or not valid. */
  readonly decode: (params: Record<string, string>, query: string) => DirectInput | undefined
  /** Needs `CurrentDirectInput`, and what middlewares read of a request. */
  readonly effect: Handled
}

/** Decoded queries that are kept per endpoint: dashboards repeat them. */
const maxRemembered = 1000

const remember = <A>(decode: (text: string) => A | undefined) => {
  const known = new Map<string, A>()
  return (text: string): A | undefined => {
    const found = known.get(text)
    if (found !== undefined) return found
    const decoded = decode(text)
    if (decoded === undefined) return undefined
    if (known.size >= maxRemembered) known.clear()
    known.set(text, decoded)
    return decoded
  }
}

const makeDecode = (endpoint: HttpApiEndpoint.Top, annotations: Context.Context<never>): DirectEndpoint["decode"] => {
  const common = Context.getOrUndefined(annotations, HttpApi.ParseOptions)
  const decodeOf = (schema: Schema.Top, options: typeof common) => {
    const decode = Schema.decodeUnknownOption(schema as Schema.Codec<unknown, unknown>, options)
    return (input: unknown): { readonly value: unknown } | undefined => {
      const decoded = decode(input)
      return Option.isSome(decoded) ? decoded : undefined
    }
  }
  const decodeParams =
    endpoint.params && decodeOf(endpoint.params, Context.getOrUndefined(annotations, HttpApi.ParamsParseOptions) ?? common)
  const decodeQuery =
    endpoint.query &&
    decodeOf(Schema.toCodecArrayFromSingle(endpoint.query), Context.getOrUndefined(annotations, HttpApi.QueryParseOptions) ?? common)
  const nothing = { value: undefined }
  const queryOf = remember((query: string) => {
    if (decodeQuery === undefined) return query === "" ? nothing : undefined
    const parsed = parseSimpleQuery(query)
    return parsed && decodeQuery(parsed)
  })
  return (params, query) => {
    const decodedParams = decodeParams === undefined ? nothing : decodeParams(params)
    const decodedQuery = decodedParams && queryOf(query)
    return decodedParams && decodedQuery && { params: decodedParams.value, query: decodedQuery.value }
  }
}

/** `services` has the handlers of the group and the middlewares. */
export const compileEndpoint = (
  group: HttpApiGroup.Top,
  endpoint: HttpApiEndpoint.Top,
  apiAnnotations: Context.Context<never>,
  services: Context.Context<never>
): DirectEndpoint => {
  const annotations = Context.merge(Context.merge(apiAnnotations, group.annotations), endpoint.annotations)
  const built = services.mapUnsafe.get(group.key) as BuiltGroup | undefined
  const handler = built?.handlers.get(endpoint.identifier)?.handler
  if (handler === undefined) throw new TypeError(`${group.identifier}.${endpoint.identifier} has no handler: has the framework changed?`)
  const options = { endpoint, group }
  const run = Effect.withFiber((fiber) => handler({ ...options, ...fiber.getRef(CurrentDirectInput) }))
  let effect: Handled = Effect.map(run, (response) => {
    if (!HttpServerResponse.isHttpServerResponse(response)) throw new TypeError(`${endpoint.identifier} does not return a response`)
    return response
  })
  for (const key of endpoint.middlewares)
    if (!inputChecks.has(key.key)) effect = (services.mapUnsafe.get(key.key) as Middleware)(effect, options)
  return {
    method: endpoint.method,
    path: endpoint.path,
    needsKey: endpoint.middlewares.has(Authentication),
    scope: Context.getOrUndefined(annotations, RequiredScope),
    decode: makeDecode(endpoint, annotations),
    effect: Effect.catchCause(effect, respondToFailure)
  }
}
