/** Sends requests byte by byte, for tests of requests that no client sends. */
import { Effect } from "effect"
import { connect } from "node:net"

export interface RawResponse {
  /** All bytes received until the server closed the connection, had sent enough, or `wait` had passed. */
  readonly text: string
  readonly closed: boolean
  readonly millis: number
}

interface Options {
  /** Milliseconds between parts. */
  readonly gap?: number
  /** Milliseconds to wait for the server to close the connection. */
  readonly wait?: number
  /** Responses after which not to wait any longer. */
  readonly responses?: number
}

/** Bytes to send, or something to wait for before the next part. */
type Part = string | (() => Promise<unknown>)

/** Responses that have arrived with their body, if its length is known. */
const countComplete = (text: string) =>
  parseResponses(text).filter(
    ({ body, headers, isHeadComplete }) => isHeadComplete && body.length >= Number(headers["content-length"] ?? 0)
  ).length

/** Sends the parts and returns what the server sends back. */
export const sendRaw = (url: string, parts: string | ReadonlyArray<Part>, { gap = 0, responses = Infinity, wait = 300 }: Options = {}) =>
  Effect.promise(
    () =>
      new Promise<RawResponse>((resolve) => {
        const { hostname, port } = new URL(url)
        const startedAt = performance.now()
        const socket = connect(Number(port), hostname)
        let text = ""
        let done = false
        const finish = (closed: boolean) => {
          if (done) return
          done = true
          socket.destroy()
          resolve({ text, closed, millis: performance.now() - startedAt })
        }
        socket.on("data", (bytes) => {
          text += bytes.toString("latin1")
          if (countComplete(text) >= responses) finish(false)
        })
        socket.on("close", () => finish(true))
        socket.on("error", () => finish(true))
        setTimeout(() => finish(false), wait)
        void (async () => {
          for (const part of [parts].flat()) {
            if (done) return
            if (typeof part === "string") socket.write(part)
            else await part()
            if (gap > 0) await Bun.sleep(gap)
          }
        })()
      })
  )

/** Parses the text into responses: status, headers by lower-case name, and body. */
export const parseResponses = (text: string) =>
  text
    .split(/(?=HTTP\/1\.1 \d{3})/)
    .filter((part) => part.startsWith("HTTP/1.1 "))
    .map((part) => {
      const [head = "", ...rest] = part.split("\r\n\r\n")
      const [first = "", ...lines] = head.split("\r\n")
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
      )
      return {
        status: Number(first.split(" ")[1]),
        isHeadComplete: part.includes("\r\n\r\n"),
        headers: headers as Readonly<Record<string, string | undefined>>,
        body: rest.join("\r\n\r\n")
      }
    })
