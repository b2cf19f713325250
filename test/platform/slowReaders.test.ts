/** Readers of streams may be slow, but not silent. */
import { expect } from "bun:test"
import { Context, Effect, Layer, Logger, Stream } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as Server from "../../src/platform/BunHttpServer.ts"
import { live } from "../support/effectTest.ts"

const part = new Uint8Array(256 * 1024)
const parts = 200

const open = Effect.fnUntraced(function* (maxReaderSilence: number) {
  const messages: Array<string> = []
  const made = { parts: 0, ended: false }
  const body = Stream.fromIterable(
    Array.from({ length: parts }, () => part),
    { chunkSize: 1 }
  ).pipe(
    Stream.tap(() => Effect.sync(() => made.parts++)),
    Stream.onExit(() => Effect.sync(() => (made.ended = true)))
  )
  const route = HttpRouter.add("GET", "/", HttpServerResponse.stream(body, { contentType: "text/plain" }))
  const logger = Logger.make(({ message }) => void messages.push(String(Array.isArray(message) ? message[0] : message)))
  const layer = Server.layer(route, { port: 0, hostname: "127.0.0.1", maxReaderSilence })
  const context = yield* Layer.build(Layer.provideMerge(layer, Logger.layer([logger])))
  return { port: Context.get(context, Server.BunHttpServer).port, messages, made }
})

/** Reads from the server, and pauses for `pause` ms whenever bytes arrive. */
const readSlowly = (port: number, pause: number) =>
  Effect.promise(async () => {
    const seen = { bytes: 0, closed: false }
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (it) => void it.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        data: (it, data) => {
          seen.bytes += data.length
          it.pause()
          if (Number.isFinite(pause)) setTimeout(() => it.resume(), pause)
        },
        close: () => void (seen.closed = true),
        error: () => void (seen.closed = true)
      }
    })
    return { seen, socket }
  })

const until = (condition: () => boolean) =>
  Effect.promise(async () => {
    while (!condition()) await Bun.sleep(20)
  })

live("a reader that pauses again and again, for less than the limit, gets everything", () =>
  Effect.gen(function* () {
    const { made, messages, port } = yield* open(20_000)
    const { seen } = yield* readSlowly(port, 2)
    yield* until(() => made.ended && seen.bytes > parts * part.length)
    expect(messages.filter((message) => message.includes("cut off"))).toEqual([])
  })
)

live("a reader that takes nothing at all is cut off, which is logged, and the stream ends", () =>
  Effect.gen(function* () {
    const { made, messages, port } = yield* open(300)
    const { socket } = yield* readSlowly(port, Number.POSITIVE_INFINITY)
    yield* until(() => messages.some((message) => message.startsWith("Response cut off")))
    yield* until(() => made.ended)
    expect(made.parts).toBeLessThan(parts)
    socket.terminate()
  })
)
