import { Effect } from "effect"
import { connect, type Destination } from "../../../../src/platform/ClientSocket.ts"
import { ConnectionPool, type PoolOptions } from "../../../../src/thingsboard/transport/http1/ConnectionPool.ts"
import type { HttpResponse } from "../../../../src/thingsboard/transport/http1/Exchange.ts"
import { ExchangeFailure } from "../../../../src/thingsboard/transport/http1/ExchangeFailure.ts"
import type { HttpRequest } from "../../../../src/thingsboard/transport/http1/request.ts"

/** A pool of real connections, which are closed with the scope. */
export const openPool = (destination: Partial<Destination> & { readonly port: number }, options: Partial<PoolOptions> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => new ConnectionPool({ hostname: "127.0.0.1", ...destination }, { connect, ...options })),
    (pool) => Effect.sync(() => pool.close())
  )

export const get: HttpRequest = { method: "GET", target: "/thing", headers: {}, isRepeatable: true }
/** A write that must not be carried out twice. */
export const post: HttpRequest = { method: "POST", target: "/thing", headers: {}, body: "{}", isRepeatable: false }

/** The response as a promise, which fails with an `ExchangeFailure`. */
export const send = (pool: ConnectionPool, request: HttpRequest) => {
  const { promise, reject, resolve } = Promise.withResolvers<HttpResponse>()
  promise.catch(() => {})
  const sent = pool.send(request, { onResponse: resolve, onFailure: reject })
  return { response: promise, cancel: () => sent.cancel() }
}

/** `200 body`, or `kind: detail`; `(unsent)` if nothing had been written. */
export const exchange = (pool: ConnectionPool, request: HttpRequest = get) =>
  Effect.promise(async () => {
    try {
      const response = await send(pool, request).response
      return `${response.status} ${(await response.body.readAll()).toString("latin1")}`
    } catch (error) {
      if (error instanceof ExchangeFailure) return `${error.kind}: ${error.message}${error.isWritten ? "" : " (unsent)"}`
      throw error
    }
  })
