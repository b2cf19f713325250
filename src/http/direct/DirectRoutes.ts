/**
 * Direct routes: the endpoints with the annotation `DirectRoute`, for requests that are certain to be handled like any plain one. Everything that is
 * unusual about a request (an error in it, a restricted key, an encoded character, a trace) sends it to the general route, which defines
 * what is correct. A test sends generated requests both ways and compares the responses.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApi } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { DirectRoute } from "../../api/middleware/DirectRoute.ts"
import { ApiKeys } from "../../apikeys/ApiKeys.ts"
import { Settings } from "../../config/Settings.ts"
import { Overload } from "../../overload/Overload.ts"
import type { DirectRoutes as Routes } from "../../platform/BunHttpServer.ts"
import { CurrentExchange, type Exchange } from "../../platform/Exchange.ts"
import { CurrentAuthentication, RequestAuthentication } from "../CurrentAuthentication.ts"
import { makeHostCheck } from "../middleware/AllowedHosts.ts"
import { makeCorsHeaders } from "../middleware/Cors.ts"
import { makeSizeCheck } from "../middleware/RequestSize.ts"
import { pathStart } from "../logging/redactedPath.ts"
import { compileEndpoint, CurrentDirectInput, type DirectEndpoint } from "./compileEndpoint.ts"

/** Where the server looks for direct routes. It is empty until the routes are built. */
export class DirectRoutes extends Context.Service<DirectRoutes, Routes>()("boardwalk/http/direct/DirectRoutes") {
  static readonly layer = Layer.sync(DirectRoutes, (): Routes => ({ find: undefined }))
}

interface Found {
  readonly endpoint: DirectEndpoint
  readonly params: Record<string, string>
}

/** A segment that is not encoded. */
const plainSegment = /^[\w.~-]+$/

/** Finds the endpoint of a path, among those of one method. Paths with one parameter are found by what precedes and follows it. */
const makeFindEndpoint = (endpoints: ReadonlyArray<DirectEndpoint>): ((path: string) => Found | undefined) => {
  const fixed = new Map<string, Found>()
  const withParameter: Array<{
    readonly prefix: string
    readonly suffix: string
    readonly name: string
    readonly endpoint: DirectEndpoint
  }> = []
  for (const endpoint of endpoints) {
    const match = /^([^:]*):(\w+)([^:]*)$/.exec(endpoint.path)
    if (match !== null) withParameter.push({ prefix: match[1]!, name: match[2]!, suffix: match[3]!, endpoint })
    else if (!endpoint.path.includes(":")) fixed.set(endpoint.path, { endpoint, params: {} })
  }
  return (path) => {
    const found = fixed.get(path)
    if (found !== undefined) return found
    for (const { endpoint, name, prefix, suffix } of withParameter) {
      if (!path.startsWith(prefix) || !path.endsWith(suffix)) continue
      const value = path.slice(prefix.length, path.length - suffix.length)
      if (plainSegment.test(value)) return { endpoint, params: { [name]: value } }
    }
    return undefined
  }
}

const plainLength = /^\d{1,4}$/

/** Whether a request has a small body of known length, and asks for nothing but, perhaps, a response before its upload is stored. */
const hasPlainBody = (headers: Headers): boolean => {
  const prefer = headers.get("prefer")
  return (
    plainLength.test(headers.get("content-length") ?? "") &&
    !headers.has("transfer-encoding") &&
    !headers.has("idempotency-key") &&
    (prefer === null || prefer === "respond-async")
  )
}

/** Whether the caller is a key without restrictions that may use the endpoint, and acts as the gateway's own user. */
const isPlainCaller = (result: ReturnType<RequestAuthentication["authenticate"]>, { scope }: DirectEndpoint): boolean =>
  result._tag === "ApiKey" &&
  result.devices === undefined &&
  result.thingsBoard === undefined &&
  !result.lacksSecret &&
  (scope === undefined || result.scopes.has(scope))

/** Fills `DirectRoutes` from the API. Needs the handlers and the middlewares in its context. */
export const DirectRoutesLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const settings = yield* Settings
    const keys = yield* ApiKeys
    const overload = yield* Overload
    const routes = yield* DirectRoutes
    const services = yield* Effect.context<never>()
    const endpoints: Array<DirectEndpoint> = []
    HttpApi.reflect(Api, {
      onGroup: () => {},
      onEndpoint: ({ endpoint, group }) => {
        if (Context.getOrUndefined(endpoint.annotations, DirectRoute) === true)
          endpoints.push(compileEndpoint(group, endpoint, Api.annotations, services))
      }
    })
    const finders = new Map(
      ["GET", "POST"].map((method) => [method, makeFindEndpoint(endpoints.filter((endpoint) => endpoint.method === method))])
    )
    const [isServed, findSizeProblem] = [makeHostCheck(settings), makeSizeCheck(settings)]
    const writeCorsHeaders = makeCorsHeaders(settings.backendCorsOrigins)

    const isUsual = (exchange: Exchange) =>
      overload.load().level === 0 && isServed(exchange.request) === "served" && findSizeProblem(exchange) === undefined

    routes.find = (exchange, common) => {
      const { request } = exchange
      const findEndpoint = finders.get(request.method)
      if (findEndpoint === undefined) return undefined
      const hasBody = request.method === "POST"
      if (hasBody && !hasPlainBody(request.headers)) return undefined
      const { url } = request
      const from = pathStart(url)
      const queryAt = url.indexOf("?", from)
      const found = findEndpoint(queryAt < 0 ? url.slice(from) : url.slice(from, queryAt))
      // A longer one may name too many keys (MAX_KEYS_PER_REQUEST): each takes two characters at least.
      if (found === undefined || url.length - from > settings.maxKeysPerRequest) return undefined
      const { endpoint, params } = found
      const input = endpoint.decode(params, queryAt < 0 ? "" : url.slice(queryAt + 1))
      if (input === undefined || !isUsual(exchange)) return undefined
      const authentication = new RequestAuthentication()
      if (endpoint.needsKey) {
        const presented = request.headers.get("x-api-key") ?? ""
        const address = exchange.remoteAddress ?? "unknown"
        if (!isPlainCaller(authentication.authenticate(presented, keys, Context.get(common, Clock.Clock), address), endpoint))
          return undefined
      }
      writeCorsHeaders?.(exchange)
      const state = Context.add(Context.add(common, CurrentExchange, exchange), CurrentAuthentication, authentication)
      if (!hasBody) return { effect: endpoint.effect, services: Context.add(state, CurrentDirectInput, input) }
      const received = HttpServerRequest.fromWeb(request)
      return {
        effect: endpoint.effect,
        services: Context.add(Context.add(state, HttpServerRequest.HttpServerRequest, received), CurrentDirectInput, {
          ...input,
          request: received
        })
      }
    }
  })
)
