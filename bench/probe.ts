/**
 * Requests /health every 10 ms until SIGTERM, then prints its measurements as JSON. It is a separate process, so that nothing else delays it.
 * A request is due at its time even if the previous one has no response yet, so a server that pauses for a second affects a hundred
 * measurements and not just one. `lag` is how late the probe itself ran, which is not the server's time.
 */
import { ResponseReader } from "./ResponseReader.ts"
import { requestBytes } from "./load.ts"
import { percentile } from "./report.ts"

const intervalMs = 10
const port = Number(process.argv[2])
const bytes = requestBytes({ port, path: "/health", apiKey: "" })
const reader = new ResponseReader()
const pending: Array<number> = []
const [latencies, lags]: [Array<number>, Array<number>] = [[], []]
let bad = 0

const socket = await Bun.connect({
  hostname: "127.0.0.1",
  port,
  socket: {
    data(socket, data) {
      if (!reader.push(data)) return
      latencies.push(performance.now() - pending.shift()!)
      if (reader.status !== 200) bad++
      reader.reset()
      if (pending.length > 0) socket.write(bytes)
    }
  }
})
let expected = performance.now() + intervalMs
setInterval(() => {
  const now = performance.now()
  lags.push(Math.max(0, now - expected))
  expected = now + intervalMs
  pending.push(now)
  if (pending.length === 1) socket.write(bytes)
}, intervalMs)

const summarize = (values: Array<number>) => {
  values.sort((a, b) => a - b)
  return { median: percentile(values, 0.5), p95: percentile(values, 0.95), max: percentile(values, 1) }
}
process.on("SIGTERM", () => {
  // Requests without a response at the end count with the time they have waited so far.
  for (const at of pending) latencies.push(performance.now() - at)
  console.log(JSON.stringify({ requests: latencies.length, bad, latency: summarize(latencies), lag: summarize(lags) }))
  process.exit(0)
})
console.log("ready")
