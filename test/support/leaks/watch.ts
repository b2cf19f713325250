/**
 * Checks every test for leaked secrets, from before the first test (`preload` in bunfig.toml): responses with their headers, requests to
 * ThingsBoard, and the console. The other helpers add the rest: logs, spans, metrics, exports, and the output, arguments and files of
 * programs. A test that leaks a secret fails and names the place; the secret itself is not printed.
 */
import { afterEach } from "bun:test"
import { Socket } from "node:net"
import { allowed } from "./allowed.ts"
import { marks } from "./canaries.ts"
import { watchConnections } from "./connections.ts"
import { find, type Mark, needlesOf, overlapOf, unzip } from "./scan.ts"

export interface Leak {
  readonly place: string
  readonly what: string
}

const canaryNeedles = marks.flatMap(needlesOf)
/** Secrets that come into being during a test, such as generated keys and issued tokens; cleared after the test. */
let registered: ReturnType<typeof needlesOf> = []
let leaks: Array<Leak> = []

/** The needles for a set of allowed kinds, until a secret is registered or the test ends. Most responses of a test have the same set. */
const needlesByKinds = new Map<string, ReturnType<typeof needlesOf>>()
const setRegistered = (needles: ReturnType<typeof needlesOf>) => {
  registered = needles
  needlesByKinds.clear()
}

const needlesFor = (place: string) => {
  const allowedKinds = allowed.filter((entry) => entry.place.test(place)).flatMap(({ kinds }) => kinds)
  const id = allowedKinds.join()
  const known = needlesByKinds.get(id)
  if (known !== undefined) return known
  const needles = [...canaryNeedles, ...registered].filter(({ mark }) => !allowedKinds.includes(mark.kind))
  needlesByKinds.set(id, needles)
  return needles
}

/** A place may be a URL with the secret in it, and many people read test failures. */
const redact = (place: string) =>
  place
    .split(" ")
    .map((word) => (find([...canaryNeedles, ...registered], Buffer.from(word)).some(({ mark }) => mark.kind === "secret") ? "…" : word))
    .join(" ")

const report = (rawPlace: string, found: ReturnType<typeof find>) => {
  if (found.length === 0) return
  const place = redact(rawPlace)
  for (const { encoding, mark } of found) {
    const what = `${mark.name} ${encoding}`
    if (!leaks.some((leak) => leak.place === place && leak.what === what)) leaks.push({ place, what })
  }
}

/** Checks data seen at a place, such as "response to GET …" or "standard output of boardwalk serve". */
export const checkForLeaks = (place: string, data: string | Uint8Array) => {
  const bytes = typeof data === "string" ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const needles = needlesFor(place)
  report(place, find(needles, bytes))
  for (const file of unzip(bytes)) report(place, find(needles, file))
}

/** Checks data that arrives in chunks: a secret may be split across two of them. */
export const checkStreamForLeaks = (place: string) => {
  let previous = Buffer.alloc(0)
  return (chunk: string | Uint8Array) => {
    const needles = needlesFor(place)
    const bytes = Buffer.concat([previous, typeof chunk === "string" ? Buffer.from(chunk) : chunk])
    report(place, find(needles, bytes))
    previous = bytes.subarray(Math.max(0, bytes.length - overlapOf(needles)))
  }
}

/** Registers a secret of the current test: its first twelve characters are looked for until the test ends. */
export const registerSecret = (name: string, text: string) => {
  const mark: Mark = { name, text: text.slice(0, 12), kind: "secret" }
  if (mark.text.length === 12 && !registered.some((needle) => needle.mark.text === mark.text))
    setRegistered([...registered, ...needlesOf(mark)])
}

/** Returns the leaks of the action instead of failing the test, for tests of the leak check itself. */
export const collectLeaks = async (action: () => unknown): Promise<ReadonlyArray<Leak>> => {
  const outerLeaks = leaks
  leaks = []
  try {
    await action()
    return leaks
  } finally {
    leaks = outerLeaks
  }
}

afterEach(() => {
  const found = leaks
  leaks = []
  setRegistered([])
  if (found.length > 0) throw new Error(`Secrets leaked:\n${found.map(({ place, what }) => `  ${place}: ${what}`).join("\n")}`)
})

const registerTokens = (place: string, text: string) => {
  if (!/\/api\/auth\/(login|token)$/.test(place)) return
  for (const [, signature] of text.matchAll(/"eyJ[\w-]+\.[\w-]+\.([\w-]+)"/g)) registerSecret("the signature of a token", signature!)
}

/** The same response, checked as its body is read. A body that nobody reads is not checked. */
const checkResponse = (response: Response, place: string): Response => {
  for (const [name, value] of response.headers) checkForLeaks(place, `${name}: ${value}`)
  const { prototype } = Response
  let body: ReadableStream<Uint8Array> | null | undefined
  /** Whoever looks at `body`, if only to see whether there is one, has the stream that holds the body from then on. */
  const source = () => (body ? new Response(body) : response)
  const bytes = async () => {
    const read = await prototype.bytes.call(source())
    checkForLeaks(place, read)
    return read
  }
  const text = async () => {
    const read = await prototype.text.call(source())
    checkForLeaks(place, read)
    registerTokens(place, read)
    return read
  }
  const stream = () => {
    const raw = Object.getOwnPropertyDescriptor(prototype, "body")!.get!.call(response) as ReadableStream<Uint8Array> | null
    const check = checkStreamForLeaks(place)
    return (
      raw?.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            check(chunk)
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
    clone: { value: () => checkResponse(prototype.clone.call(response), place) },
    body: { get: () => (body ??= stream()) }
  })
}

/** A ThingsBoard path. Boardwalk has such paths only below `/api/v1/`. */
const thingsBoardPath = /\/api\/(?!v1\/)/

/** Checks a request to ThingsBoard: it must not contain a caller's key, nor a token outside the authorization header. */
const checkRequest = (place: string, url: URL, init: Pick<RequestInit, "headers" | "body"> | undefined) => {
  const headers = [...new Headers(init?.headers)].filter(([name]) => name !== "x-authorization" && name !== "authorization")
  checkForLeaks(place, [url.href, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\n"))
  if (typeof init?.body === "string" || init?.body instanceof Uint8Array) checkForLeaks(place, init.body)
}

const originalFetch = globalThis.fetch
globalThis.fetch = Object.assign(async (...[input, init]: Parameters<typeof fetch>) => {
  const request = input instanceof Request ? input : undefined
  const url = new URL(request?.url ?? String(input))
  const call = `${init?.method ?? request?.method ?? "GET"} ${url.origin}${url.pathname}`
  if (thingsBoardPath.test(url.pathname)) checkRequest(`request for ${call}`, url, init)
  return checkResponse(await originalFetch(input, init), `response to ${call}`)
}, originalFetch)

watchConnections({
  openStream: checkStreamForLeaks,
  isThingsBoardPath: (path) => thingsBoardPath.test(path),
  checkRequest,
  registerTokens
})

const emit = Socket.prototype.emit
Socket.prototype.emit = function (event: string | symbol, ...values: Array<unknown>) {
  // A socket without a remote address is a pipe to a process of the test itself, such as the browser, which may receive secrets.
  const isRemote = this.remoteAddress !== undefined
  if (event === "data" && isRemote && (typeof values[0] === "string" || values[0] instanceof Uint8Array))
    checkForLeaks("response to a raw connection", values[0])
  return emit.call(this, event, ...values)
}

for (const name of ["debug", "error", "info", "log", "warn"] as const) {
  const write = console[name].bind(console)
  console[name] = (...values: ReadonlyArray<unknown>) => {
    checkForLeaks("console", values.map((value) => (typeof value === "string" ? value : Bun.inspect(value))).join(" "))
    write(...values)
  }
}
