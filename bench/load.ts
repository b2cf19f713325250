/**
 * The load generator: raw keep-alive sockets, one request in flight per connection, and a request that is rendered once. It uses less CPU per
 * response than the bare server does, so the generator and the upstream together on one core keep the server under test busy.
 */
import { ResponseReader } from "./ResponseReader.ts"
import { percentile } from "./report.ts"

export interface Target {
  readonly port: number
  readonly path: string
  readonly apiKey: string
  /** Sent with every request; a line of the head, such as `Cache-Control: no-cache`. */
  readonly header?: string | undefined
  /** Sent as JSON, with POST. */
  readonly body?: string | undefined
}

export const requestBytes = ({ port, path, apiKey, body, header }: Target) => {
  const head = [
    `${body === undefined ? "GET" : "POST"} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `X-API-Key: ${apiKey}`,
    "Accept: */*",
    ...(header === undefined ? [] : [header]),
    ...(body === undefined ? [] : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`])
  ]
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body ?? ""}`)
}

export interface Load {
  readonly connections: number
  /** Ends after this time, or after `requests` if given. */
  readonly seconds: number
  readonly requests?: number
  /** The first and last character of the body; any other response counts as bad. */
  readonly first: string
  readonly last: string
  /** The expected status; 200 by default. */
  readonly status?: number
  /**
   * Requests per second, of all connections together; without it, each connection sends as fast as it gets responses. A latency begins when the
   * request is due, so that a server that falls behind is not spared.
   */
  readonly rate?: number
}

export interface LoadResult {
  readonly requests: number
  readonly bad: number
  readonly statuses: Readonly<Record<number, number>>
  readonly seconds: number
  /** Milliseconds. */
  readonly latency: { readonly median: number; readonly p95: number; readonly p99: number; readonly max: number }
}

export const load = async (
  target: Target,
  { connections, seconds, requests = Infinity, first, last, status = 200, rate = Infinity }: Load
): Promise<LoadResult> => {
  const bytes = requestBytes(target)
  const [firstByte, lastByte] = [first.charCodeAt(0), last.charCodeAt(0)]
  const latencies: Array<number> = []
  const statuses: Record<number, number> = {}
  const start = performance.now()
  const deadline = start + seconds * 1_000
  let [sent, bad] = [0, 0]

  const interval = (connections / rate) * 1_000

  /** `due`: when the first request is. */
  const connection = async (due: number) => {
    const done = Promise.withResolvers<boolean>()
    const reader = new ResponseReader()
    let sentAt = 0
    const send = (socket: Bun.Socket) => {
      sentAt = due
      sent++
      socket.write(bytes)
    }
    const closed = () => {
      if (sentAt > 0) bad++
      done.resolve(sent < requests && performance.now() < deadline)
    }
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: target.port,
      socket: {
        data(socket, data) {
          if (!reader.push(data)) return
          const now = performance.now()
          latencies.push(now - sentAt)
          statuses[reader.status] = (statuses[reader.status] ?? 0) + 1
          if (reader.status !== status || reader.firstByte !== firstByte || reader.lastByte !== lastByte) bad++
          sentAt = 0
          if (reader.closes || sent >= requests || now >= deadline) return void socket.end()
          reader.reset()
          due = interval === 0 ? now : due + interval
          if (due <= now) send(socket)
          else setTimeout(send, due - now, socket)
        },
        close: closed,
        error: closed
      }
    })
    const wait = due - performance.now()
    if (wait > 0) await Bun.sleep(wait)
    else due = performance.now()
    send(socket)
    return done.promise
  }
  const worker = async (_: unknown, index: number) => {
    // A server may close a connection at any time (ThingsBoard does so after every hundredth request): open another one.
    while (await connection(start + (interval * index) / connections));
  }
  await Promise.all(Array.from({ length: connections }, worker))
  latencies.sort((a, b) => a - b)
  const at = (share: number) => percentile(latencies, share)
  const latency = { median: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
  return { requests: latencies.length, bad, statuses, seconds: (performance.now() - start) / 1_000, latency }
}

export interface Download {
  readonly status: number
  readonly bytes: number
  /** False when the connection ended before the response was complete. */
  readonly complete: boolean
  readonly seconds: number
  /** Milliseconds to the first byte of the body. */
  readonly firstByteMs: number
}

/** Reads one large response as fast as it arrives. */
export const download = async (target: Target, onBody?: (bytes: Uint8Array) => void): Promise<Download> => {
  const done = Promise.withResolvers<boolean>()
  let firstByteMs = Number.NaN
  const reader = new ResponseReader(onBody)
  const start = performance.now()
  await Bun.connect({
    hostname: "127.0.0.1",
    port: target.port,
    socket: {
      open: (socket) => void socket.write(requestBytes(target)),
      data(socket, data) {
        const complete = reader.push(data)
        if (Number.isNaN(firstByteMs) && reader.bodyBytes > 0) firstByteMs = performance.now() - start
        if (!complete) return
        done.resolve(true)
        socket.end()
      },
      close: () => done.resolve(false),
      error: () => done.resolve(false)
    }
  })
  const complete = await done.promise
  return { status: reader.status, bytes: reader.bodyBytes, complete, seconds: (performance.now() - start) / 1_000, firstByteMs }
}
