/** A ThingsBoard with very large responses, for requests that try to hold the gateway's event loop. An id says how much it has. */
import { sessions } from "../upstream/sessions.ts"

/** An id of an entity with `count` relations, keys, attributes and points. */
export const idOf = (count: number, kind = 0) => `${String(kind).padStart(8, "0")}-0000-4000-8000-${String(count).padStart(12, "0")}`
const countOf = (id: string) => Number(id.slice(24))

const noCustomer = "13814000-1dd2-11b2-8080-808080808080"
const tenant = { entityType: "TENANT", id: idOf(1, 90) }
const device = (id: string) => ({
  id: { entityType: "DEVICE", id },
  createdTime: 1_700_000_000_000,
  tenantId: tenant,
  customerId: { entityType: "CUSTOMER", id: noCustomer },
  name: `Device ${id}`,
  type: "default",
  label: null,
  deviceProfileId: { entityType: "DEVICE_PROFILE", id: idOf(1, 91) },
  version: 1,
  additionalInfo: null
})

const cached = <A>(make: (name: string) => A) => {
  const known = new Map<string, A>()
  return (name: string) => {
    const found = known.get(name) ?? make(name)
    known.set(name, found)
    return found
  }
}

const relations = cached((id) =>
  JSON.stringify(
    Array.from({ length: countOf(id) }, (_, i) => ({
      from: { entityType: "DEVICE", id },
      to: { entityType: "DEVICE", id: idOf(i, 7) },
      type: "Contains",
      typeGroup: "COMMON",
      version: i,
      fromName: null,
      toName: `Device ${idOf(i, 7)}`,
      additionalInfo: null
    }))
  )
)
const list = cached((count) => Array.from({ length: Number(count) }, (_, i) => i))
const keys = cached((id) => JSON.stringify(list(String(countOf(id))).map((i) => `key${i}`)))
const attributes = cached((id) => JSON.stringify(list(String(countOf(id))).map((i) => ({ lastUpdateTs: 1, key: `key${i}`, value: i }))))
const latest = cached((id) =>
  JSON.stringify(Object.fromEntries(list(String(countOf(id))).map((i) => [`key${i}`, [{ ts: 1_700_000_000_000, value: i }]])))
)
const history = cached((query) => {
  const [keyList, from, to, limit, order] = query.split(" ") as [string, string, string, string, string]
  const count = Math.min(Number(limit), Number(to) - Number(from))
  const at = (i: number) => (order === "ASC" ? Number(from) + i : Number(to) - 1 - i)
  const points = list(String(count)).map((i) => `{"ts":${at(i)},"value":${i}.25}`)
  return `{${keyList.split(",").map((key) => `${JSON.stringify(key)}:[${String(points)}]`)}}`
})
/** A page with `count` bytes. */
const page = cached((bytes) => {
  const one = JSON.stringify({ ...device(idOf(1)), additionalInfo: { description: "x".repeat(5000) } })
  const data = list(String(Math.floor(Number(bytes) / one.length))).map(() => one)
  return `{"data":[${data}],"totalPages":1,"totalElements":${data.length},"hasNext":false}`
})

interface Query {
  readonly entityFilter: { readonly type: string; readonly entityType?: string; readonly entityList?: ReadonlyArray<string> }
  readonly entityFields: ReadonlyArray<{ readonly key: string }>
  readonly latestValues: ReadonlyArray<{ readonly type: string; readonly key: string }>
  readonly pageLink: { readonly page: number; readonly pageSize: number }
}

/** Devices of a query that does not list ids. */
const devicesInAll = 20_000

const find = ({ entityFields, entityFilter, latestValues, pageLink }: Query) => {
  // A hub's devices have no relations but the one to the hub.
  if (entityFilter.type === "relationsQuery") return { data: [], totalPages: 0, totalElements: 0, hasNext: false }
  const from = pageLink.page * pageLink.pageSize
  const total = entityFilter.entityList?.length ?? devicesInAll
  const ids = entityFilter.entityList ?? list(String(Math.min(pageLink.pageSize, total - from))).map((i) => idOf(from + i, 8))
  const data = ids.slice(0, pageLink.pageSize).map((id) => ({
    entityId: { entityType: entityFilter.entityType ?? "DEVICE", id },
    latest: {
      ENTITY_FIELD: Object.fromEntries(entityFields.map(({ key }) => [key, { ts: 0, value: key === "type" ? "default" : `Device ${id}` }])),
      TIME_SERIES: Object.fromEntries(latestValues.map(({ key }) => [key, { ts: 1_700_000_000_000, value: "21.5" }]))
    }
  }))
  return { data, totalPages: Math.ceil(total / pageLink.pageSize), totalElements: total, hasNext: from + pageLink.pageSize < total }
}

const telemetry = (path: string, query: URLSearchParams): string => {
  const id = path.split("/")[5]!
  if (path.endsWith("/keys/timeseries")) return keys(id)
  if (path.includes("/values/attributes/")) return attributes(id)
  if (!query.has("startTs")) return latest(id)
  const [start, end] = [query.get("startTs"), query.get("endTs")]
  return history([query.get("keys") ?? query.getAll("key").join(), start, end, query.get("limit") ?? 100, query.get("orderBy")].join(" "))
}

const json = (text: string) => new Response(text, { headers: { "content-type": "application/json" } })

export const startHostileUpstream = () => {
  const { authorized, login, refresh, user } = sessions(() => {})
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 255,
    fetch: async (request) => {
      const { pathname: path, searchParams: query } = new URL(request.url)
      if (path === "/api/auth/login") return login(request)
      if (path === "/api/auth/token") return refresh(request)
      if (!authorized(request.headers)) return new Response(null, { status: 401 })
      if (path === "/api/auth/user") return user()
      if (path === "/api/system/info") return json('{"version":"4.3.1.2","type":"CE"}')
      if (path.startsWith("/api/plugins/telemetry/")) {
        if (request.method === "GET") return json(telemetry(path, query))
        await request.arrayBuffer()
        return new Response()
      }
      if (path.startsWith("/api/device/")) return json(JSON.stringify(device(path.slice(path.lastIndexOf("/") + 1))))
      if (path === "/api/devices") return json(JSON.stringify(query.get("deviceIds")!.split(",").map(device)))
      if (path === "/api/tenant/devices") return json(page("16000000"))
      if (path === "/api/relations" || path === "/api/relations/info") {
        const { parameters } = (await request.json()) as { parameters: { rootId: string; direction: string } }
        return json(parameters.direction === "FROM" && parameters.rootId.startsWith("0000000") ? relations(parameters.rootId) : "[]")
      }
      if (path === "/api/entitiesQuery/find") return json(JSON.stringify(find((await request.json()) as Query)))
      return new Response("Not found", { status: 404 })
    }
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}
