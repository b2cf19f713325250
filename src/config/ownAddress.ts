import { Effect } from "effect"
import { read } from "./Settings.ts"

const wildcards = new Set(["0.0.0.0", "::", "[::]"])

/** Where a gateway with this configuration is reached from this machine; works with an otherwise faulty configuration too. */
export const ownAddress = Effect.map(read(), (readings) => {
  const valueOf = (variable: string) => readings.find((reading) => reading.variable === variable)?.value
  const host = String(valueOf("HOST") ?? "0.0.0.0")
  const reachable = wildcards.has(host) ? "127.0.0.1" : host
  return `http://${reachable.includes(":") && !reachable.startsWith("[") ? `[${reachable}]` : reachable}:${String(valueOf("PORT") ?? 8000)}`
})
