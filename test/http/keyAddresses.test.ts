/** Keys that may be used only from some addresses: from others they look like keys that do not exist. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { canaries, gateway, type TestResponse } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

const devices = "/api/v1/tb/devices"
const from = (address: string) => ({ "x-forwarded-for": address })

/** All that may differ between two rejections: times, ids of requests, and what is left of the limit. */
const comparable = ({ headers, status, text }: TestResponse) => ({
  status,
  headers: [...headers.keys()].toSorted(),
  text: text.replaceAll(/"timestamp":[^,}]+/g, '"timestamp":0').replaceAll(/"(request_id|instance)":"[^"]*"/g, '"$1":""')
})

live("a key is accepted from its address ranges only, and elsewhere gets the response of an unknown key", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({
      office: { cidrs: ["192.0.2.0/24", "2001:db8::/32"] },
      local: { cidrs: ["127.0.0.1"] },
      free: {}
    })
    const { call, records } = yield* gateway({ settings: { apiKeysFile, trustedProxies: ["127.0.0.0/8", "::1"] } })
    const get = (key: string, address: string, path = devices) => call(path, { key, headers: from(address) })

    for (const address of ["192.0.2.1", "192.0.2.255", "2001:db8::7"])
      expect([address, (yield* get(keyOf("office"), address)).status]).toEqual([address, 200])
    expect((yield* call(devices, { key: keyOf("local") })).status).toBe(200)
    expect((yield* get(keyOf("free"), "198.51.100.1")).status).toBe(200)

    for (const [key, address] of [
      ["office", "192.0.3.1"],
      ["office", "2001:db9::7"],
      // The leftmost entry is what the caller claims; the trusted proxy wrote the last one.
      ["office", "192.0.2.1, 198.51.100.9"],
      ["local", "192.0.2.1"]
    ] as const) {
      records.length = 0
      const rejected = yield* get(keyOf(key), address)
      expect([key, address, rejected.status]).toEqual([key, address, 401])
      expect(records.filter(({ message }) => message === "Security event: 401")).toMatchObject([{ reason: "address", key_id: key }])
      expect(rejected.text).not.toContain(key)
      expect(comparable(rejected)).toEqual(comparable(yield* get(canaries.otherApiKey, address)))
      // Unknown paths, and paths that need another scope, tell nothing either.
      for (const path of ["/api/v1/tb/nothing", "/api/v1/tb/assets"])
        expect(comparable(yield* get(keyOf(key), address, path))).toEqual(comparable(yield* get(canaries.otherApiKey, address, path)))
    }
  })
)

live("uses of a key from elsewhere count like guesses, and do not use up its own limit", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ office: { cidrs: ["192.0.2.0/24"] } })
    const { call } = yield* gateway({
      settings: { apiKeysFile, trustedProxies: ["127.0.0.0/8", "::1"], rateLimit: { requests: 3, window: Duration.hours(1) } }
    })
    const statuses: Array<number> = []
    for (let i = 0; i < 5; i++) statuses.push((yield* call(devices, { key: keyOf("office"), headers: from("198.51.100.1") })).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    const inside = yield* call(devices, { key: keyOf("office"), headers: from("192.0.2.1") })
    expect([inside.status, inside.headers.get("x-ratelimit-remaining")]).toEqual([200, "2"])
  })
)
