/** A proxy between a gateway and ThingsBoard that records each call and its user. */
import { Effect } from "effect"

/** The e-mail address in the token; `nobody` for the login itself, which has no token. */
const userOf = (authorization: string | null): string => {
  const payload = authorization?.replace(/^Bearer /, "").split(".")[1]
  return payload === undefined ? "nobody" : JSON.parse(Buffer.from(payload, "base64url").toString()).sub
}

/** What a proxy passes on. */
export interface ForwardedCall {
  readonly path: string
  /** With its question mark; empty if there is none. */
  readonly search: string
  readonly body: string | null
}

export const recordingProxy = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const calls: Array<string> = []
      const users: Array<string> = []
      const searches: Array<string> = []
      const traces: Array<string | null> = []
      let target = ""
      let rewrite = (call: ForwardedCall): ForwardedCall => call
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: async (request) => {
          const { pathname, search } = new URL(request.url)
          calls.push(`${request.method} ${pathname}`)
          searches.push(search)
          traces.push(request.headers.get("traceparent"))
          users.push(userOf(request.headers.get("x-authorization")))
          const headers = new Headers(request.headers)
          headers.delete("host")
          headers.set("accept-encoding", "identity")
          headers.delete("content-length")
          const body = request.method === "GET" ? null : await request.text()
          const call = rewrite({ path: pathname, search, body })
          return fetch(target + call.path + call.search, { method: request.method, headers, body: call.body })
        }
      })
      return {
        calls,
        searches,
        traces,
        users,
        server,
        forwardTo: (url: string) => (target = url),
        rewriteCalls: (change: typeof rewrite) => (rewrite = change)
      }
    }),
    ({ server }) => Effect.promise(() => server.stop(true))
  ),
  ({ server, ...rest }) => ({ ...rest, url: `http://127.0.0.1:${server.port}` })
)
