/** The mixed load of the soak: what it sends at random, and what the gateway has acknowledged. */
import { randomFrom } from "../../test/support/random.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_000_000_000
/** Of random histories. */
const window = 2000

export interface Target {
  readonly url: string
  readonly headers: Record<string, string>
  readonly devices: ReadonlyArray<string>
}

export interface Load {
  /** Requests by kind and outcome: a status, `cut` for a response that ends early, `failed` for none. */
  readonly counts: Map<string, number>
  /** The points that the gateway has acknowledged: their times by device. The value is the time since `t0`. */
  readonly acknowledged: ReadonlyMap<string, ReadonlySet<number>>
  readonly run: (worker: number, isOver: () => boolean) => Promise<void>
}

export const makeLoad = ({ devices, headers, url }: Target, seed: number): Load => {
  const counts = new Map<string, number>()
  const acknowledged = new Map(devices.map((id) => [id, new Set<number>()]))
  let last = 0
  const newTime = () => t0 + ++last

  const send = async (kind: string, path: string, body?: string, more: Record<string, string> = {}) => {
    let outcome = "failed"
    try {
      const response = await fetch(url + tb + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...headers, "content-type": kind === "import" ? "text/csv" : "application/json", ...more },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(60_000)
      })
      outcome = "cut"
      const text = await response.text()
      outcome = String(response.status)
      return response.ok ? text : undefined
    } catch {
      return undefined
    } finally {
      const name = `${kind} ${outcome}`
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }

  const point = (ts: number) => ({ soak: [{ ts, value: ts - t0 }] })

  const requests: ReadonlyArray<(device: string, other: string, random: () => number) => Promise<unknown>> = [
    () => send("list", "/devices"),
    (device) => send("latest", `/devices/${device}/telemetry/latest`),
    (device) => send("attributes", `/devices/${device}/attributes`),
    (device) => send("attribute write", `/devices/${device}/attributes/shared`, JSON.stringify({ seen: newTime() })),
    (device, _, random) => {
      const from = t0 + Math.floor(random() * last)
      return send("history", `/devices/${device}/telemetry?start_ts=${from}&end_ts=${from + window}&format=jsonl`)
    },
    async (device) => {
      const ts = newTime()
      if ((await send("upload", `/devices/${device}/telemetry`, JSON.stringify(point(ts)))) !== undefined) acknowledged.get(device)!.add(ts)
    },
    // Acknowledged when it is on disk, and stored later.
    async (device) => {
      const ts = newTime()
      const body = JSON.stringify(point(ts))
      if ((await send("queued", `/devices/${device}/telemetry`, body, { prefer: "respond-async" })) !== undefined)
        acknowledged.get(device)!.add(ts)
    },
    (device) => send("graph", `/graph/${device}`),
    (device, other, random) => {
      const from = t0 + Math.floor(random() * last)
      return send(
        "export",
        "/telemetry/export",
        JSON.stringify({ device_ids: [device, other], start_ts: from, end_ts: from + window, format: "csv" })
      )
    },
    async (device, other) => {
      const ts = newTime()
      const text = await send("bulk", "/telemetry/bulk", JSON.stringify({ [device]: point(ts), [other]: point(ts) }))
      if (text === undefined) return
      const { results } = JSON.parse(text) as { readonly results: Record<string, { readonly status: string }> }
      for (const [id, { status }] of Object.entries(results)) if (status === "success") acknowledged.get(id)!.add(ts)
    },
    async (device) => {
      const times = Array.from({ length: 20 }, newTime)
      const rows = times.map((ts) => `${ts},soak,${ts - t0}\n`)
      const text = await send("import", `/devices/${device}/telemetry/import`, `ts,key,value\n${rows.join("")}`)
      if (text === undefined) return
      const { rows_taken } = JSON.parse(text) as { readonly rows_taken: number }
      // Which rows were taken is known only if all were.
      if (rows_taken === times.length) for (const ts of times) acknowledged.get(device)!.add(ts)
    }
  ]

  const run = async (worker: number, isOver: () => boolean) => {
    const random = randomFrom(seed + worker)
    const pick = <A>(values: ReadonlyArray<A>) => values[Math.floor(random() * values.length)]!
    while (!isOver()) {
      await pick(requests)(pick(devices), pick(devices), random)
      await Bun.sleep(random() * 20)
    }
  }
  return { counts, acknowledged, run }
}

/** How many acknowledged points ThingsBoard does not have, or has with another value. */
export const countMissing = async ({ headers, url }: Target, acknowledged: Load["acknowledged"]): Promise<number> => {
  let missing = 0
  for (const [id, times] of acknowledged) {
    const response = await fetch(`${url}${tb}/devices/${id}/telemetry?start_ts=${t0}&end_ts=${t0 * 2}&keys=soak&format=jsonl`, { headers })
    if (!response.ok) throw new Error(`The points of a device cannot be read back: ${response.status}`)
    const values = new Map(
      (await response.text())
        .split("\n")
        .filter((line) => line !== "")
        .map((line): [number, number] => {
          const { ts, value } = JSON.parse(line) as { readonly ts: number; readonly value: number }
          return [ts, value]
        })
    )
    for (const ts of times) if (values.get(ts) !== ts - t0) missing++
  }
  return missing
}
