/** A minimal ThingsBoard: login, one device, and one point that can be written and read back. */
import { Effect } from "effect"
import { canaries } from "./leaks/canaries.ts"

const encodePart = (claims: object) => Buffer.from(JSON.stringify(claims)).toString("base64url")
const makeToken = () => {
  const iat = Math.floor(Date.now() / 1000)
  return `${encodePart({ alg: "HS512" })}.${encodePart({ iat, exp: iat + 3600, scopes: ["TENANT_ADMIN"] })}.${canaries.signature}`
}

const makeId = (entityType: string, last: string) => ({ entityType, id: `00000000-0000-1000-8000-00000000000${last}` })

const user = {
  id: makeId("USER", "1"),
  createdTime: 0,
  tenantId: makeId("TENANT", "2"),
  customerId: makeId("CUSTOMER", "3"),
  email: canaries.username,
  authority: "TENANT_ADMIN",
  name: canaries.username
}

const device = {
  id: makeId("DEVICE", "4"),
  createdTime: 0,
  tenantId: user.tenantId,
  customerId: user.customerId,
  name: "Boiler",
  type: "default",
  label: null,
  deviceProfileId: makeId("DEVICE_PROFILE", "5"),
  version: 1,
  additionalInfo: null
}

/** Listens until the scope closes. Device lists take `delay` milliseconds; only the canary password is accepted. */
export const minimalThingsBoard = (options: { readonly delay?: number } = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const requests: Array<{ readonly path: string; readonly headers: Headers }> = []
      let point: { readonly ts: number; readonly values: Record<string, number> } | undefined
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: async (request) => {
          const { pathname } = new URL(request.url)
          requests.push({ path: pathname, headers: request.headers })
          if (pathname === "/api/auth/login") {
            const { password } = (await request.json()) as { readonly password: string }
            return password === canaries.password
              ? Response.json({ token: makeToken(), refreshToken: makeToken() })
              : Response.json(
                  { status: 401, message: `Invalid username or password (${canaries.upstreamWords})`, errorCode: 10 },
                  { status: 401 }
                )
          }
          if (pathname === "/api/auth/user") return Response.json(user)
          if (pathname.endsWith("/timeseries/ANY")) {
            point = (await request.json()) as typeof point
            return new Response()
          }
          if (pathname.endsWith("/values/timeseries")) {
            const entries = Object.entries(point?.values ?? {}).map(([key, value]) => [key, [{ ts: point?.ts, value: String(value) }]])
            return Response.json(Object.fromEntries(entries))
          }
          if (pathname.startsWith("/api/tenant/device")) {
            await Bun.sleep(options.delay ?? 0)
            return Response.json({ data: [device], totalPages: 1, totalElements: 1, hasNext: false })
          }
          return new Response("Not found", { status: 404 })
        }
      })
      return { url: `http://127.0.0.1:${server.port}`, requests, stop: () => server.stop(true) }
    }),
    ({ stop }) => Effect.promise(stop)
  )
