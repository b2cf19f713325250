/** Responses are read as they arrive: never more than is allowed, whatever the upstream says about their size. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Result } from "effect"
import { make } from "../../../src/thingsboard/transport/Transport.ts"
import type { ByteMeter } from "../../../src/thingsboard/transport/readResponse.ts"
import { live } from "../../support/effectTest.ts"
import { rawServer } from "../../support/rawServer.ts"
import { scriptedUpstream } from "../../support/scriptedUpstream.ts"

const get = { method: "GET", path: "/api/thing", headers: {}, repeatable: false } as const
const MiB = 1024 * 1024
const body = (size: number) => new Uint8Array(size).fill(120)

/** Without Content-Length. Counts what was asked for. */
const chunked = (size: number, sent = { bytes: 0 }) => {
  const chunk = body(64 * 1024)
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (sent.bytes >= size) return controller.close()
        controller.enqueue(chunk)
        sent.bytes += chunk.length
      }
    },
    { highWaterMark: 0 }
  )
}

const limited = (url: string, maxBytes: number) => make({ host: url, timeout: Duration.seconds(10), maxBytes })
const outcome = (url: string, maxBytes: number) =>
  Effect.map(Effect.result(limited(url, maxBytes).send(get)), (result) =>
    Result.isSuccess(result) ? result.success.length : result.failure.reason
  )

const upstream = (respond: () => Response) => scriptedUpstream({ "GET /api/thing": respond })

describe("a response that is larger than the limit", () => {
  const tooLarge = { _tag: "ResponseTooLarge", maxBytes: MiB }

  live("is an error by its Content-Length", () =>
    Effect.gen(function* () {
      const { url } = yield* upstream(() => new Response(body(MiB + 1)))
      expect(yield* outcome(url, MiB)).toMatchObject(tooLarge)
      expect(yield* outcome(url, MiB + 1)).toBe(MiB + 1)
    })
  )

  live("is not read to its end without one", () =>
    Effect.gen(function* () {
      const sent = { bytes: 0 }
      const { url } = yield* upstream(() => new Response(chunked(1024 * MiB, sent)))
      expect(yield* outcome(url, MiB)).toMatchObject(tooLarge)
      expect(sent.bytes).toBeLessThan(64 * MiB)
    })
  )

  live("is measured after decompression", () =>
    Effect.gen(function* () {
      const small = Bun.gzipSync(body(256 * MiB))
      expect(small.length).toBeLessThan(MiB)
      const { url } = yield* upstream(() => new Response(small, { headers: { "content-encoding": "gzip" } }))
      expect(yield* outcome(url, MiB)).toMatchObject(tooLarge)
    })
  )

  live("is cut off if it is an error: the beginning says enough", () =>
    Effect.gen(function* () {
      const sent = { bytes: 0 }
      const { url } = yield* upstream(() => new Response(chunked(1024 * MiB, sent), { status: 500 }))
      expect(yield* outcome(url, MiB)).toMatchObject({ _tag: "Unavailable", why: "status" })
      expect(sent.bytes).toBeLessThan(64 * MiB)
    })
  )
})

describe("a call with a meter", () => {
  const meter = (max: number) => {
    const seen = { bytes: 0 }
    const counting: ByteMeter = {
      add: (bytes) => {
        seen.bytes += bytes
        return seen.bytes < max
      },
      fits: (bytes) => seen.bytes + bytes <= max
    }
    return { counting, seen }
  }

  live("gets the beginning of a response that does not fit, whether or not its size is known", () =>
    Effect.gen(function* () {
      for (const respond of [() => new Response(chunked(64 * MiB)), () => new Response(body(64 * MiB))]) {
        const { url } = yield* upstream(respond)
        const { counting, seen } = meter(MiB)
        const { length } = yield* limited(url, 100 * MiB).send({ ...get, meter: counting })
        expect(length).toBe(seen.bytes)
        expect(length).toBeGreaterThanOrEqual(MiB)
        expect(length).toBeLessThan(4 * MiB)
      }
    })
  )

  live("gets a response that fits as a whole, also an empty one", () =>
    Effect.gen(function* () {
      for (const [respond, size] of [
        [() => new Response(body(MiB)), MiB],
        [() => new Response(chunked(MiB)), MiB],
        [() => new Response(null), 0]
      ] as const) {
        const { url } = yield* upstream(respond)
        const { counting, seen } = meter(2 * MiB)
        expect((yield* limited(url, 100 * MiB).send({ ...get, meter: counting })).length).toBe(size)
        expect(seen.bytes).toBe(size)
      }
    })
  )

  live("counts the bytes of a failed attempt no longer", () =>
    Effect.gen(function* () {
      let attempts = 0
      const { port } = yield* rawServer({
        onRequest: (one) => {
          one.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
          if (attempts++ === 0) setTimeout(one.reset, 50)
          else one.write("0\r\n\r\n")
        }
      })
      const { counting, seen } = meter(MiB)
      const sent = limited(`http://127.0.0.1:${port}`, MiB).send({ ...get, repeatable: true, meter: counting })
      expect((yield* sent).toString()).toBe("hello")
      expect([attempts, seen.bytes]).toEqual([2, 5])
    })
  )
})
