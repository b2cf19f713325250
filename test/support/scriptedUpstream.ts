/** An upstream server with scripted responses, which records the requests that it receives. */
import { Effect } from "effect"
import { canaries } from "./leaks/canaries.ts"

export interface ReceivedRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

export type Responder = (received: ReceivedRequest, request: Request) => Response | Promise<Response>

/** Responses by `METHOD /path` (without the query), in order; the last one repeats. Everything else gets 404. */
export type Script = Record<string, Responder | ReadonlyArray<Responder>>

export const json = (value: unknown, status = 200): Responder => {
  const text = JSON.stringify(value)
  return () => new Response(text, { status, headers: { "content-type": "application/json" } })
}

export const text = (body: string, status: number, contentType = "text/plain;charset=UTF-8"): Responder => {
  return () => new Response(body, { status, headers: { "content-type": contentType } })
}

/** ThingsBoard's error envelope. */
export const errorResponse = (status: number, errorCode: number, message: string) =>
  json({ status, message, errorCode, timestamp: 1_700_000_000_000 }, status)

export const tokenExpired = errorResponse(401, 11, "Token has expired")
export const loginRejected = errorResponse(401, 10, "Invalid username or password")

/** A token as ThingsBoard issues it. ThingsBoard's clock may differ from ours. */
export const jwt = (name: string, seconds: number, issuedAt = 1_700_000_000) => {
  const encodePart = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
  return `${encodePart({ alg: "HS512" })}.${encodePart({ sub: name, iat: issuedAt, exp: issuedAt + seconds })}.${canaries.signature}`
}

export const tokens = (name: string, seconds = 9000) => json({ token: jwt(name, seconds), refreshToken: jwt(`refresh-${name}`, 604_800) })

export const user = (authority = "TENANT_ADMIN") =>
  json({
    id: { entityType: "USER", id: "784f394c-42b6-435a-983c-b7beff2784f9" },
    tenantId: { entityType: "TENANT", id: "0b5a2a70-1111-11ee-8888-000000000001" },
    customerId: { entityType: "CUSTOMER", id: "13814000-1dd2-11b2-8080-808080808080" },
    authority
  })

export const scriptedUpstream = (script: Script) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const requests: Array<ReceivedRequest> = []
        const callCounts = new Map<string, number>()
        const server = Bun.serve({
          port: 0,
          hostname: "127.0.0.1",
          fetch: async (request) => {
            const { pathname, search } = new URL(request.url)
            const received: ReceivedRequest = {
              method: request.method,
              path: pathname + search,
              headers: Object.fromEntries(request.headers),
              body: await request.text()
            }
            requests.push(received)
            const name = `${request.method} ${pathname}`
            const responders = [script[name] ?? errorResponse(404, 32, `No static resource ${pathname}.`)].flat()
            const callCount = callCounts.get(name) ?? 0
            callCounts.set(name, callCount + 1)
            return responders[Math.min(callCount, responders.length - 1)]!(received, request)
          }
        })
        return { requests, server }
      }),
      ({ server }) => Effect.promise(() => server.stop(true))
    ),
    ({ requests, server }) => ({
      url: `http://127.0.0.1:${server.port}`,
      requests,
      /** The number of requests for `METHOD /path`. */
      count: (name: string) => requests.filter(({ method, path }) => `${method} ${path.split("?")[0]}` === name).length
    })
  )
