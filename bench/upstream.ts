/**
 * A fake ThingsBoard that uses almost no CPU, for benchmarks only. The emulator (src/emulator) is the one that behaves like ThingsBoard.
 * `PORT=9090 bun bench/upstream.ts`. It is controlled by `/__admin/set?latency=5&vary=1&points=20000000&devices=1000`, `/__admin/reset` and
 * `/__admin/stats`.
 */
import { sessions } from "./upstream/sessions.ts"
import { firstTs, history, isKnown, keyNames, latest, stepMs, valueOf } from "./upstream/series.ts"
import { countEntities, device, deviceIndex, type DevicePage, devicePage, findEntities, varyPage } from "./upstream/tenant.ts"

/** `latency`: ms per call; `vary`: 1 makes every response with a list or latest values different; `points`: points per series. */
const options = { latency: 0, vary: 0, points: 1_000_000, devices: 487 }
const stats = { calls: 0, reads: 0, history: 0, writes: 0, points: 0, logins: 0, unmatched: [] as Array<string> }
const pages = new Map<string, DevicePage>()
const { authorized, login, refresh, user } = sessions(() => stats.logins++)

const json = { headers: { "content-type": "application/json", "cache-control": "no-cache, no-store, max-age=0, must-revalidate" } }
const text = (status: number, message: string) => new Response(message, { status, headers: { "content-type": "text/plain;charset=UTF-8" } })
const failed = (status: number, errorCode: number, message: string) =>
  Response.json({ status, message, errorCode, timestamp: Date.now() }, { status })

const admin = (path: string, query: URLSearchParams) => {
  if (path === "/__admin/set") {
    for (const name of ["latency", "vary", "points", "devices"] as const) options[name] = Number(query.get(name) ?? options[name])
    pages.clear()
  }
  if (path === "/__admin/reset") Object.assign(stats, { calls: 0, reads: 0, history: 0, writes: 0, points: 0, logins: 0, unmatched: [] })
  return Response.json({ ...stats, options })
}

const listDevices = (url: string, search: string, info: boolean) => {
  let page = pages.get(url)
  if (page === undefined) {
    page = devicePage(new URLSearchParams(search), options.devices, info)
    if (page === undefined) return failed(400, 31, "Incorrect page link")
    pages.set(url, page)
  }
  return new Response(options.vary === 0 ? page.bytes : varyPage(page, stats.calls), json)
}

const timeseries = (query: URLSearchParams) => {
  const keys = query.get("keys")?.split(",") ?? query.getAll("key")
  const typed = query.get("useStrictDataTypes") === "true"
  const [startTs, endTs] = [query.get("startTs"), query.get("endTs")]
  if (startTs === null || endTs === null) {
    stats.reads++
    return new Response(latest(keys.length === 0 ? keyNames : keys, options.points, options.vary === 0 ? 0 : stats.calls, typed), json)
  }
  stats.history++
  const limit = Number(query.get("limit") ?? 100)
  if (!(limit >= 1)) return text(400, "Page size must not be less than one")
  if ((query.get("agg") ?? "NONE") !== "NONE") return text(400, "The ThingsBoard for benchmarks does not aggregate")
  const ascending = query.get("orderBy")?.toUpperCase() === "ASC"
  return new Response(history({ keys, startTs: Number(startTs), endTs: Number(endTs), limit, ascending, typed }, options.points), json)
}

const write = async (request: Request) => {
  const body = (await request.json()) as { values?: object } | ReadonlyArray<{ values?: object }>
  stats.writes++
  for (const entry of Array.isArray(body) ? body : [body]) stats.points += Object.keys(entry.values ?? entry).length
  return new Response(null)
}

const telemetry = (request: Request, path: string, query: URLSearchParams) => {
  const [type, id, verb, kind] = path.slice("/api/plugins/telemetry/".length).split("/")
  if (type !== "DEVICE" || id === undefined || deviceIndex(id, options.devices) === undefined) {
    return verb === "values" && query.has("startTs") ? new Response("{}", json) : text(404, "Device with requested id wasn't found!")
  }
  if (request.method === "POST" && verb === "timeseries") return write(request)
  if (verb === "keys" && kind === "timeseries") return Response.json(keyNames)
  return verb === "values" && kind === "timeseries" ? timeseries(query) : undefined
}

const entityQueryValue = (key: string) =>
  isKnown(key)
    ? { ts: firstTs + (options.points - 1) * stepMs, value: valueOf(key, options.points - 1, true).replaceAll('"', "") }
    : { ts: 0, value: "" }

const respond = async (request: Request, url: string, path: string, search: string): Promise<Response | undefined> => {
  if (path === "/api/tenant/devices" || path === "/api/tenant/deviceInfos") {
    stats.reads++
    return listDevices(url, search, path.endsWith("Infos"))
  }
  const query = new URLSearchParams(search)
  if (path.startsWith("/api/plugins/telemetry/")) return telemetry(request, path, query)
  stats.reads++
  if (path === "/api/auth/user") return user()
  if (path === "/api/system/info") return Response.json({ version: "4.1.0", artifact: "application", name: "ThingsBoard", type: "CE" })
  if (path.startsWith("/api/device/")) {
    const index = deviceIndex(path.slice(path.lastIndexOf("/") + 1), options.devices)
    if (index === undefined) return failed(404, 32, "Device is not found")
    return new Response(device(index, path.startsWith("/api/device/info/")), json)
  }
  if (path === "/api/devices") {
    const found = (query.get("deviceIds") ?? "").split(",").flatMap((id) => deviceIndex(id, options.devices) ?? [])
    return new Response(`[${found.map((index) => device(index)).join(",")}]`, json)
  }
  const body = request.method === "POST" ? await request.json() : undefined
  if (path === "/api/entitiesQuery/find") return Response.json(findEntities(body, options.devices, entityQueryValue))
  if (path === "/api/entitiesQuery/count") return Response.json(countEntities(body, options.devices))
  return undefined
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9090),
  idleTimeout: 255,
  maxRequestBodySize: 16 * 1024 * 1024,
  async fetch(request) {
    const url = request.url
    const start = url.indexOf("/", 8)
    const mark = url.indexOf("?", start)
    const path = mark === -1 ? url.slice(start) : url.slice(start, mark)
    const search = mark === -1 ? "" : url.slice(mark)
    if (path.startsWith("/__admin/")) return admin(path, new URLSearchParams(search))
    if (options.latency > 0) await Bun.sleep(options.latency)
    if (path === "/api/noauth/userPasswordPolicy") return Response.json({ minimumLength: 6 })
    if (path === "/api/auth/login") return login(request)
    if (path === "/api/auth/token") return refresh(request)
    if (!authorized(request.headers)) return failed(401, 10, "Authentication failed")
    stats.calls++
    const response = await respond(request, url, path, search)
    if (response !== undefined) return response
    if (stats.unmatched.length < 20) stats.unmatched.push(`${request.method} ${path}`)
    return failed(404, 32, "Not found")
  }
})
console.log(`fake ThingsBoard on http://127.0.0.1:${server.port}`)
