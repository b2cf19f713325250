/** Exported text files in gzip and zstd. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { canaries } from "../support/leaks/canaries.ts"

const points = 30_000

const site = Effect.gen(function* () {
  const it = yield* gateway()
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", now: 1 })
  telemetry.loadBulk(
    device,
    "v",
    Array.from({ length: points }, (_, i) => ({ ts: 1000 + i, value: BigInt(i % 7) }))
  )
  const get = (format: string, encoding: string, method = "GET") =>
    Effect.promise(() =>
      fetch(`${it.url}/api/v1/tb/devices/${device.id}/telemetry/export?start_ts=0&end_ts=99999999&format=${format}`, {
        method,
        headers: { "x-api-key": canaries.apiKey, "accept-encoding": encoding },
        decompress: false
      })
    )
  return { ...it, get }
})

const bytesOf = (response: Response) => Effect.promise(async () => Buffer.from(await response.arrayBuffer()))

live("the bytes are those of the file without a coding", () =>
  Effect.gen(function* () {
    const { get } = yield* site
    for (const format of ["csv", "jsonl", "json"]) {
      const plain = yield* get(format, "identity")
      expect([plain.headers.get("content-encoding"), plain.headers.get("vary")]).toEqual([null, expect.stringContaining("Accept-Encoding")])
      const expected = yield* bytesOf(plain)
      for (const [coding, decode] of [
        ["gzip", Bun.gunzipSync],
        ["zstd", Bun.zstdDecompressSync]
      ] as const) {
        const response = yield* get(format, coding)
        expect([response.status, response.headers.get("content-encoding")]).toEqual([200, coding])
        const bytes = yield* bytesOf(response)
        expect(bytes.length).toBeLessThan(expected.length / 2)
        expect(Buffer.from(decode(bytes)).equals(expected)).toBe(true)
        const head = yield* get(format, coding, "HEAD")
        expect([head.headers.get("content-encoding"), head.headers.get("content-length")]).toEqual([coding, null])
      }
    }
  })
)

live("formats that are compressed already are sent as they are", () =>
  Effect.gen(function* () {
    const { get } = yield* site
    for (const format of ["xlsx", "parquet"]) expect((yield* get(format, "gzip, zstd")).headers.get("content-encoding")).toBeNull()
  })
)

live("a file that is cut off never looks complete", () =>
  Effect.gen(function* () {
    const { emulator, get } = yield* site
    for (const coding of ["identity", "gzip", "zstd"]) {
      emulator.faults.clearFaults()
      emulator.faults.inject({ path: "*/values/timeseries/history", skip: 2, times: "always", outcome: { type: "Status", status: 403 } })
      const response = yield* get("csv", coding)
      expect(response.status).toBe(200)
      const outcome = yield* Effect.promise(() =>
        response.arrayBuffer().then(
          () => "complete",
          () => "cut off"
        )
      )
      expect([coding, outcome]).toEqual([coding, "cut off"])
    }
  })
)
