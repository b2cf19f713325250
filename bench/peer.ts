/**
 * The server that Boardwalk is compared with: the least that Bun can do for the same job. It has a no-op, a pass-through with a constant-time
 * key check and a token bucket, and an export that parses pages and concatenates text. It is fast and incorrect where Boardwalk must be
 * correct: integers beyond 2^53 lose digits, cells are not quoted, nothing is validated, and upstream errors look like successful responses.
 */
import { timingSafeEqual } from "node:crypto"

const upstream = process.env["UPSTREAM"] ?? "http://127.0.0.1:9090"
const expectedKey = Buffer.from(process.env["API_KEY"] ?? "")
const [capacity, perMs] = [1_000_000_000, 1_000]

const login = await fetch(`${upstream}/api/auth/login`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ username: process.env["TB_USERNAME"], password: process.env["TB_PASSWORD"] })
})
const { token } = (await login.json()) as { token: string }
const upstreamHeaders = { "x-authorization": `Bearer ${token}` }

let [tokens, filledAt] = [capacity, performance.now()]
const takeToken = () => {
  const now = performance.now()
  tokens = Math.min(capacity, tokens + (now - filledAt) * perMs)
  filledAt = now
  return --tokens >= 0
}

const hasKey = (headers: Headers) => {
  const presented = Buffer.from(headers.get("x-api-key") ?? "")
  return presented.length === expectedKey.length && timingSafeEqual(presented, expectedKey)
}

type Page = Record<string, ReadonlyArray<{ ts: number; value: unknown }>>

const exportCsv = (query: URLSearchParams) => {
  const [device, key, end] = [query.get("device"), query.get("key") ?? "", Number(query.get("end_ts"))]
  const limit = Number(query.get("page") ?? 10_000)
  let start = Number(query.get("start_ts"))
  const encoder = new TextEncoder()
  const readPage = async () => {
    const range = `startTs=${start}&endTs=${end}&limit=${limit}&orderBy=ASC&useStrictDataTypes=true`
    const path = `/api/plugins/telemetry/DEVICE/${device}/values/timeseries?keys=${key}&${range}`
    const response = await fetch(upstream + path, { headers: upstreamHeaders })
    return ((await response.json()) as Page)[key] ?? []
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode("ts,key,value\r\n")),
      pull: async (controller) => {
        const page = await readPage()
        let text = ""
        for (const { ts, value } of page) text += `${ts},${key},${value}\r\n`
        if (text !== "") controller.enqueue(encoder.encode(text))
        start = (page.at(-1)?.ts ?? end) + 1
        if (page.length < limit) controller.close()
      }
    },
    { highWaterMark: 1 }
  )
  return new Response(body, { headers: { "content-type": "text/csv" } })
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9102),
  idleTimeout: 255,
  async fetch(request) {
    const url = request.url
    const path = url.slice(url.indexOf("/", 8))
    if (path === "/health") return new Response("ok")
    if (!hasKey(request.headers)) return new Response("unauthorized", { status: 401 })
    if (!takeToken()) return new Response("rate limited", { status: 429 })
    if (path.startsWith("/export.csv")) return exportCsv(new URL(url).searchParams)
    const response = await fetch(upstream + path, { headers: upstreamHeaders })
    return new Response(response.body, {
      status: response.status,
      headers: { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" }
    })
  }
})
