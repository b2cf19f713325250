/**
 * A ThingsBoard with values of a megabyte, in a process of its own, so that its memory does not count. It stores nothing: point `n` of every
 * key has the time `n`, and its value begins with it. A list has a megabyte per device of its page. Prints its URL.
 */
import http from "node:http"
import { canaries } from "./leaks/canaries.ts"

export const pointCount = 60
export const valueSize = 1024 * 1024

const encodePart = (claims: object) => Buffer.from(JSON.stringify(claims)).toString("base64url")
const makeToken = () => {
  const iat = Math.floor(Date.now() / 1000)
  return `${encodePart({ alg: "HS512" })}.${encodePart({ iat, exp: iat + 3600, scopes: ["TENANT_ADMIN"] })}.${canaries.signature}`
}
const makeId = (entityType: string, last: string) => ({ entityType, id: `00000000-0000-1000-8000-00000000000${last}` })

export const deviceId = makeId("DEVICE", "4").id

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
  deviceProfileName: "default",
  version: 1,
  additionalInfo: null
}

const filler = "x".repeat(valueSize - 4)

function* points(query: URLSearchParams) {
  const [start, end, limit] = ["startTs", "endTs", "limit"].map((name) => Number(query.get(name)))
  const times = Array.from({ length: pointCount }, (_, i) => i).filter((ts) => ts >= start! && ts < end!)
  const ordered = (query.get("orderBy") === "DESC" ? times.toReversed() : times).slice(0, limit)
  for (const [n, key] of (query.get("keys")?.split(",") ?? query.getAll("key")).entries()) {
    yield `${n === 0 ? "{" : ","}${JSON.stringify(key)}:[`
    for (const [i, ts] of ordered.entries()) yield `${i === 0 ? "" : ","}{"ts":${ts},"value":"${String(ts).padStart(4, "0")}${filler}"}`
    yield "]"
  }
  yield "}"
}

function* list(bytes: number) {
  yield '{"data":['
  for (let sent = 0, first = true; sent < bytes; sent += valueSize, first = false)
    yield `${first ? "" : ","}${JSON.stringify({ ...device, additionalInfo: { description: filler } })}`
  yield '],"totalPages":1,"totalElements":1,"hasNext":false}'
}

function* respond(path: string, query: URLSearchParams): Generator<string> {
  if (path === "/api/auth/login") yield JSON.stringify({ token: makeToken(), refreshToken: makeToken() })
  else if (path === "/api/auth/user") yield JSON.stringify(user)
  else if (path.startsWith("/api/device/")) yield JSON.stringify(device)
  else if (path.endsWith("/keys/timeseries")) yield '["a","b"]'
  else if (path.includes("/values/timeseries") && query.has("startTs")) yield* points(query)
  else if (path.startsWith("/api/tenant/device")) yield* list(Number(query.get("pageSize")) * valueSize)
  else if (path.endsWith("/timeseries/ANY")) yield ""
  else yield "{}"
}

if (import.meta.main) {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost")
    response.setHeader("content-type", "application/json")
    const parts = respond(url.pathname, url.searchParams)
    const write = () => {
      for (;;) {
        const { done, value } = parts.next()
        if (done === true) return response.end()
        if (!response.write(value)) return response.once("drain", write)
      }
    }
    request.resume()
    request.on("end", write)
    response.on("close", () => parts.return(undefined))
  })
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as { readonly port: number }).port}`))
}
