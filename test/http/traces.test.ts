/** Whose trace a request continues: it decides what is sampled, so strangers may not choose it. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { recordingProxy } from "../support/recordingProxy.ts"

const devices = "/api/v1/tb/devices"
const trace = "0af7651916cd43dd8448eb211c80319c"
const forms: Readonly<Record<string, Record<string, string>>> = {
  traceparent: { traceparent: `00-${trace}-b7ad6b7169203331-01` },
  b3: { b3: `${trace}-b7ad6b7169203331-1` },
  "b3 in several headers": { "x-b3-traceid": trace, "x-b3-spanid": "b7ad6b7169203331", "x-b3-flags": "1" },
  all: {
    traceparent: `00-${trace}-b7ad6b7169203331-01`,
    b3: `${trace}-b7ad6b7169203331-1`,
    "x-b3-traceid": trace,
    "x-b3-spanid": "b7ad6b7169203331"
  }
}

const site = (settings: Partial<SettingsShape> = {}, untraced = false) =>
  Effect.gen(function* () {
    const { forwardTo, traces, url: tbHost } = yield* recordingProxy
    const apiKeysFile = yield* writeKeyFile({ off: { disabled: true }, old: { expires_at: "2020-01-01T00:00:00.000Z" } })
    const it = yield* gateway({ untraced, settings: { apiKeysFile, tbHost, ...settings } })
    forwardTo(it.emulator.url)
    /** Whether the trace appears in the log, or in a call to ThingsBoard. */
    const continues = (headers: Record<string, string>, key: string | null = canaries.apiKey, path: string = devices) =>
      Effect.gen(function* () {
        it.logs.length = 0
        traces.length = 0
        yield* it.call(path, { key, headers })
        return [...it.logs, ...traces].some((text) => text?.includes(trace) === true)
      })
    return { continues }
  })

describe("the trace of a request is continued", () => {
  live("if it has a valid key, and never otherwise", () =>
    Effect.gen(function* () {
      for (const untraced of [false, true]) {
        const { continues } = yield* site({}, untraced)
        expect([untraced, yield* continues(forms["traceparent"]!)]).toEqual([untraced, true])
        for (const [form, headers] of Object.entries(forms)) {
          for (const key of [null, canaries.otherApiKey, keyOf("off"), keyOf("old"), ""])
            for (const path of [devices, "/nothing", "/docs", "/ready", `${devices}/x`])
              expect([form, key, path, yield* continues(headers, key, path)]).toEqual([form, key, path, false])
        }
      }
    })
  )

  live("with TRUST_TRACEPARENT=proxies only if it comes from a trusted proxy, too", () =>
    Effect.gen(function* () {
      const trusted = yield* site({ trustTraceparent: "proxies", trustedProxies: ["127.0.0.0/8"] })
      expect(yield* trusted.continues(forms["traceparent"]!)).toBe(true)
      expect(yield* trusted.continues({ ...forms["traceparent"]!, "x-forwarded-for": "192.0.2.1" })).toBe(true)
      expect(yield* trusted.continues(forms["all"]!, null)).toBe(false)
      const other = yield* site({ trustTraceparent: "proxies", trustedProxies: ["192.0.2.0/24"] })
      expect(yield* other.continues(forms["all"]!)).toBe(false)
      expect(yield* other.continues({ ...forms["all"]!, "x-forwarded-for": "192.0.2.1" })).toBe(false)
    })
  )

  live("with TRUST_TRACEPARENT=never not at all", () =>
    Effect.gen(function* () {
      const { continues } = yield* site({ trustTraceparent: "never" })
      for (const [form, headers] of Object.entries(forms)) expect([form, yield* continues(headers)]).toEqual([form, false])
    })
  )
})
