/** Requests byte by byte, for what no client sends. */
import { Effect } from "effect"
import { connect } from "node:net"

export interface RawResponse {
  /** Everything that came until the server closed the connection, or `wait` went by. */
  readonly text: string
  readonly closed: boolean
  readonly millis: number
}

interface Options {
  /** Milliseconds between the parts. */
  readonly gap?: number
  /** Milliseconds after which nobody waits for the server to close any more. */
  readonly wait?: number
}

/** Sends the parts and gives what comes back. */
export const sendRaw = (url: string, parts: string | ReadonlyArray<string>, { gap = 0, wait = 300 }: Options = {}) =>
  Effect.promise(
    () =>
      new Promise<RawResponse>((resolve) => {
        const { hostname, port } = new URL(url)
        const began = performance.now()
        const socket = connect(Number(port), hostname)
        let text = ""
        let over = false
        const finish = (closed: boolean) => {
          if (over) return
          over = true
          socket.destroy()
          resolve({ text, closed, millis: performance.now() - began })
        }
        socket.on("data", (bytes) => (text += bytes.toString("latin1")))
        socket.on("close", () => finish(true))
        socket.on("error", () => finish(true))
        setTimeout(() => finish(false), wait)
        void (async () => {
          for (const part of [parts].flat()) {
            if (over) return
            socket.write(part)
            if (gap > 0) await Bun.sleep(gap)
          }
        })()
      })
  )

/** Status, headers by lower-case name and body of each answer in the text. */
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
        headers: headers as Readonly<Record<string, string | undefined>>,
        body: rest.join("\r\n\r\n")
      }
    })
