/** When a key expires, so do the requests that it has begun: uploads of any length, and downloads that are still being read. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"

const t0 = 1_700_000_000_000
const rows = 200_000

/** A gateway with a key that expires after a second and one that does not, and a device with more values than any buffer holds. */
const site = Effect.gen(function* () {
  const expires_at = new Date(Date.now() + 1000).toISOString()
  const it = yield* gateway({ settings: { apiKeysFile: yield* writeKeyFile({ ending: { expires_at }, lasting: {} }) } })
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", now: 1 })
  return { ...it, device, telemetry, path: `/api/v1/tb/devices/${device.id}/telemetry` }
})

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

live("an upload stops when its key expires, and the response gives the reason", () =>
  Effect.gen(function* () {
    const { device, path, records, telemetry, url } = yield* site
    const send = (name: string) => {
      const head = [
        `POST ${path} HTTP/1.1`,
        "Host: gateway",
        `X-API-Key: ${keyOf(name)}`,
        "Content-Type: application/x-ndjson",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "\r\n"
      ].join("\r\n")
      const lines = Array.from({ length: 20 }, (_, i) => chunk(`{"ts":${t0 + i},"key":"${name}","value":${i}}\n`))
      return sendRaw(url, [head, ...lines, "0\r\n\r\n"], { gap: 100, wait: 5000 })
    }
    const [ending, lasting] = yield* Effect.all([send("ending"), send("lasting")], { concurrency: 2 })
    const [refused] = parseResponses(ending.text)
    expect([ending.closed, refused?.status, JSON.parse(refused!.body).error_code]).toEqual([true, 401, "AUTHENTICATION_FAILED"])
    expect(ending.millis).toBeLessThan(1900)
    expect(records.find(({ message }) => message === "Security event: 401")).toMatchObject({ key_id: "ending", status: 401 })
    expect(parseResponses(lasting.text)[0]?.status).toBe(200)
    expect(telemetry.latest(device, "lasting")?.ts).toBe(t0 + 19)
  })
)

live("a download is cut off when its key expires, so that it never looks complete", () =>
  Effect.gen(function* () {
    const { device, path, records, telemetry, url } = yield* site
    telemetry.loadBulk(
      device,
      "a",
      Array.from({ length: rows }, (_, i) => ({ ts: t0 + i, value: String(i).padStart(200, "x") }))
    )
    const read = (name: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${url}${path}?start_ts=${t0}&end_ts=${t0 + rows}&format=csv`, {
          headers: { "x-api-key": keyOf(name) }
        })
        expect(response.status).toBe(200)
        await Bun.sleep(1200)
        return await response.text().then(
          (text) => text.length,
          () => "broken off"
        )
      })
    const [ending, lasting] = yield* Effect.all([read("ending"), read("lasting")], { concurrency: 2 })
    expect(ending).toBe("broken off")
    expect(lasting).toBeGreaterThan(rows * 200)
    expect(records.find(({ message }) => message === "Security event: 401")).toMatchObject({ key_id: "ending" })
  })
)
