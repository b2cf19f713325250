/**
 * Asks a server for /health every 10 ms, in a process of its own so that nothing else delays it, until SIGTERM; then prints what it saw as JSON.
 * A question is due at its time even when the last one is unanswered, so a server that stops for a second shows in a hundred answers, not in one.
 * `lag` is how late the probe itself came to run: a time that is not the server's.
 */
import { ResponseReader } from "./ResponseReader.ts"
import { requestBytes } from "./load.ts"
import { percentile } from "./report.ts"

const intervalMs = 10
const port = Number(process.argv[2])
const bytes = requestBytes({ port, path: "/health", apiKey: "" })
const reader = new ResponseReader()
const due: Array<number> = []
const [latencies, lags]: [Array<number>, Array<number>] = [[], []]
let bad = 0

const socket = await Bun.connect({
  hostname: "127.0.0.1",
  port,
  socket: {
    data(socket, data) {
      if (!reader.push(data)) return
      latencies.push(performance.now() - due.shift()!)
      if (reader.status !== 200) bad++
      reader.reset()
      if (due.length > 0) socket.write(bytes)
    }
  }
})
let expected = performance.now() + intervalMs
setInterval(() => {
  const now = performance.now()
  lags.push(Math.max(0, now - expected))
  expected = now + intervalMs
  due.push(now)
  if (due.length === 1) socket.write(bytes)
}, intervalMs)

const summary = (values: Array<number>) => {
  values.sort((a, b) => a - b)
  return { median: percentile(values, 0.5), p95: percentile(values, 0.95), max: percentile(values, 1) }
}
process.on("SIGTERM", () => {
  // What is unanswered at the end counts with the time it has waited.
  for (const at of due) latencies.push(performance.now() - at)
  console.log(JSON.stringify({ asked: latencies.length, bad, latency: summary(latencies), lag: summary(lags) }))
  process.exit(0)
})
console.log("ready")
