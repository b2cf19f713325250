/**
 * When a key expires, so do the requests that it has begun: uploads of any length, and downloads that are still being read. The gateway's
 * clock is moved once a request has begun, so that the result does not depend on the speed of the machine.
 */
import { expect } from "bun:test"
import { Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { makeMovableClock } from "../support/movableClock.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"
import { recordingProxy } from "../support/recordingProxy.ts"

const t0 = 1_700_000_000_000
const rows = 200_000

/** A gateway with a key that expires within an hour and one that does not, and a device with more values than any buffer holds. */
const site = Effect.gen(function* () {
  const { clock, moveForward } = yield* makeMovableClock
  const { calls, forwardTo, url: tbHost } = yield* recordingProxy
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  const apiKeysFile = yield* writeKeyFile({ ending: { expires_at }, lasting: {} })
  const it = yield* gateway({ clock, settings: { apiKeysFile, tbHost } })
  forwardTo(it.emulator.url)
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", now: 1 })
  return { ...it, calls, device, expire: () => moveForward("1 hour"), telemetry, path: `/api/v1/tb/devices/${device.id}/telemetry` }
})

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

live("an upload stops when its key expires, and the response gives the reason", () =>
  Effect.gen(function* () {
    const { calls, device, expire, path, records, telemetry, url } = yield* site
    /** Sends one row, waits for `meanwhile`, and sends the rest. */
    const send = (name: string, meanwhile: () => Promise<void>, ...rest: ReadonlyArray<string>) => {
      const head = [
        `POST ${path}/import HTTP/1.1`,
        "Host: gateway",
        `X-API-Key: ${keyOf(name)}`,
        "Content-Type: application/x-ndjson",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "\r\n"
      ].join("\r\n")
      const line = (i: number) => chunk(`{"ts":${t0 + i},"key":"${name}","value":${i}}\n`)
      return sendRaw(url, [head, line(0), meanwhile, ...Array.from({ length: 19 }, (_, i) => line(i + 1)), ...rest], { wait: 20_000 })
    }
    const callsBefore = calls.length
    const expireWhenBegun = async () => {
      while (!calls.slice(callsBefore).some((call) => call.includes(device.id))) await Bun.sleep(5)
      expire()
    }
    // This body never ends, so only the key can end the request.
    const ending = yield* send("ending", expireWhenBegun)
    const lasting = yield* send("lasting", async () => void expire(), "0\r\n\r\n")
    const [refused] = parseResponses(ending.text)
    expect([ending.closed, refused?.status, JSON.parse(refused!.body).error_code]).toEqual([true, 401, "AUTHENTICATION_FAILED"])
    expect(records.find(({ message }) => message === "Security event: 401")).toMatchObject({ key_id: "ending", status: 401 })
    expect(parseResponses(lasting.text)[0]?.status).toBe(200)
    expect(telemetry.latest(device, "lasting")?.ts).toBe(t0 + 19)
  })
)

live("a download is cut off when its key expires, so that it never looks complete", () =>
  Effect.gen(function* () {
    const { device, expire, path, records, telemetry, url } = yield* site
    telemetry.loadBulk(
      device,
      "a",
      Array.from({ length: rows }, (_, i) => ({ ts: t0 + i, value: String(i).padStart(200, "x") }))
    )
    const begin = (name: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${url}${path}/export?start_ts=${t0}&end_ts=${t0 + rows}&format=csv`, {
          headers: { "x-api-key": keyOf(name) }
        })
        expect(response.status).toBe(200)
        return response
      })
    const readAll = (response: Response) =>
      Effect.promise(() =>
        response.text().then(
          (text) => text.length,
          () => "broken off"
        )
      )
    const responses = yield* Effect.all([begin("ending"), begin("lasting")], { concurrency: 2 })
    expire()
    const [ending, lasting] = yield* Effect.all(responses.map(readAll), { concurrency: 2 })
    expect(ending).toBe("broken off")
    expect(lasting).toBeGreaterThan(rows * 200)
    expect(records.find(({ message }) => message === "Security event: 401")).toMatchObject({ key_id: "ending" })
  })
)
