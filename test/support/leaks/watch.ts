/**
 * Watches the traffic of every test for secrets, from before the first test on (`preload` in bunfig.toml): answers with their headers,
 * whoever asked for them, requests to ThingsBoard, and the console. Test support adds what it alone sees: logs, spans, metrics, exports, and the output, the
 * arguments and the files of programs. A test whose traffic holds a secret fails and says where; the secret itself is not printed.
 */
import { afterEach } from "bun:test"
import { Socket } from "node:net"
import { allowed } from "./allowed.ts"
import { marks } from "./canaries.ts"
import { find, type Mark, needlesOf, reachOf, unzipped } from "./scan.ts"

export interface Leak {
  readonly place: string
  readonly what: string
}

const fixed = marks.flatMap(needlesOf)
/** Found out while a test runs, and forgotten after it: keys that were minted, tokens that were issued. */
let planted: ReturnType<typeof needlesOf> = []
let leaks: Array<Leak> = []

const needlesFor = (place: string) => {
  const permitted = new Set(allowed.filter((entry) => entry.place.test(place)).flatMap(({ kinds }) => kinds))
  return [...fixed, ...planted].filter(({ mark }) => !permitted.has(mark.kind))
}

/** The failure of a test is read by many; a place may be an address with the secret in it. */
const hidden = (place: string) =>
  place
    .split(" ")
    .map((word) => (find([...fixed, ...planted], Buffer.from(word)).some(({ mark }) => mark.kind === "secret") ? "…" : word))
    .join(" ")

const report = (at: string, found: ReturnType<typeof find>) => {
  if (found.length === 0) return
  const place = hidden(at)
  for (const { form, mark } of found) {
    const what = `${mark.name} ${form}`
    if (!leaks.some((leak) => leak.place === place && leak.what === what)) leaks.push({ place, what })
  }
}

/** Looks at what was seen at a place, such as "answer to GET …" or "standard output of boardwalk serve". */
export const checkForLeaks = (place: string, data: string | Uint8Array) => {
  const bytes = typeof data === "string" ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const needles = needlesFor(place)
  report(place, find(needles, bytes))
  for (const file of unzipped(bytes)) report(place, find(needles, file))
}

/** Looks at what comes in pieces: a secret may lie across two of them. */
export const checkStreamForLeaks = (place: string) => {
  let before = Buffer.alloc(0)
  return (chunk: string | Uint8Array) => {
    const needles = needlesFor(place)
    const bytes = Buffer.concat([before, typeof chunk === "string" ? Buffer.from(chunk) : chunk])
    report(place, find(needles, bytes))
    before = bytes.subarray(Math.max(0, bytes.length - reachOf(needles)))
  }
}

/** A secret that came to be in this test: its first twelve characters are looked for until the test ends. */
export const registerSecret = (name: string, text: string) => {
  const mark: Mark = { name, text: text.slice(0, 12), kind: "secret" }
  if (mark.text.length === 12 && !planted.some((needle) => needle.mark.text === mark.text)) planted = [...planted, ...needlesOf(mark)]
}

/** What leaks meanwhile, which then does not fail the test: for tests of the watch itself. */
export const collectLeaks = async (action: () => unknown): Promise<ReadonlyArray<Leak>> => {
  const before = leaks
  leaks = []
  try {
    await action()
    return leaks
  } finally {
    leaks = before
  }
}

afterEach(() => {
  const found = leaks
  leaks = []
  planted = []
  if (found.length > 0) throw new Error(`Secrets leaked:\n${found.map(({ place, what }) => `  ${place}: ${what}`).join("\n")}`)
})

const plantTokens = (place: string, text: string) => {
  if (!/\/api\/auth\/(login|token)$/.test(place)) return
  for (const [, signature] of text.matchAll(/"eyJ[\w-]+\.[\w-]+\.([\w-]+)"/g)) registerSecret("the signature of a token", signature!)
}

/** The answer, looked at while it is read. What nobody reads is not seen. */
const watched = (response: Response, place: string): Response => {
  for (const [name, value] of response.headers) checkForLeaks(place, `${name}: ${value}`)
  const { prototype } = Response
  const bytes = async () => {
    const read = await prototype.bytes.call(response)
    checkForLeaks(place, read)
    return read
  }
  const text = async () => {
    const read = await prototype.text.call(response)
    checkForLeaks(place, read)
    plantTokens(place, read)
    return read
  }
  let body: ReadableStream<Uint8Array> | null | undefined
  const stream = () => {
    const raw = Object.getOwnPropertyDescriptor(prototype, "body")!.get!.call(response) as ReadableStream<Uint8Array> | null
    const see = checkStreamForLeaks(place)
    return (
      raw?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            see(chunk)
            controller.enqueue(chunk)
          }
        })
      ) ?? null
    )
  }
  return Object.defineProperties(response, {
    bytes: { value: bytes },
    text: { value: text },
    json: { value: async () => JSON.parse(await text()) as unknown },
    arrayBuffer: { value: async () => (await bytes()).slice().buffer },
    blob: { value: async () => new Blob([await bytes()], { type: response.headers.get("content-type") ?? "" }) },
    clone: { value: () => watched(prototype.clone.call(response), place) },
    body: { get: () => (body ??= stream()) }
  })
}

/** Boardwalk has no path of this form, except below `/api/v1/`. */
const thingsBoards = /\/api\/(?!v1\/)/

/** What Boardwalk asks ThingsBoard: a caller's key must not go with it, nor a token in another place than its header. */
const lookAtRequest = (place: string, url: URL, init: RequestInit | undefined) => {
  const headers = [...new Headers(init?.headers)].filter(([name]) => name !== "x-authorization" && name !== "authorization")
  checkForLeaks(place, [url.href, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\n"))
  if (typeof init?.body === "string" || init?.body instanceof Uint8Array) checkForLeaks(place, init.body)
}

const fetchIt = globalThis.fetch
globalThis.fetch = Object.assign(async (...[input, init]: Parameters<typeof fetch>) => {
  const request = input instanceof Request ? input : undefined
  const url = new URL(request?.url ?? String(input))
  const call = `${init?.method ?? request?.method ?? "GET"} ${url.origin}${url.pathname}`
  if (thingsBoards.test(url.pathname)) lookAtRequest(`request for ${call}`, url, init)
  return watched(await fetchIt(input, init), `answer to ${call}`)
}, fetchIt)

/** Clients that read raw bytes. */
const connect = Bun.connect.bind(Bun)
Bun.connect = ((options: Parameters<typeof connect>[0]) => {
  const { data } = options.socket
  const see = checkStreamForLeaks("answer to a raw connection")
  return connect({
    ...options,
    socket: {
      ...options.socket,
      data: (socket: never, bytes: Buffer) => {
        see(bytes)
        return data?.(socket, bytes)
      }
    }
  } as typeof options)
}) as typeof connect

const emit = Socket.prototype.emit
Socket.prototype.emit = function (event: string | symbol, ...values: Array<unknown>) {
  // One without an address is a pipe to a process of the test's own, such as the browser, which is told what to send.
  const isRemote = this.remoteAddress !== undefined
  if (event === "data" && isRemote && (typeof values[0] === "string" || values[0] instanceof Uint8Array))
    checkForLeaks("answer to a raw connection", values[0])
  return emit.call(this, event, ...values)
}

for (const name of ["debug", "error", "info", "log", "warn"] as const) {
  const write = console[name].bind(console)
  console[name] = (...values: ReadonlyArray<unknown>) => {
    checkForLeaks("console", values.map((value) => (typeof value === "string" ? value : Bun.inspect(value))).join(" "))
    write(...values)
  }
}
