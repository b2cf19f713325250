/** Entities as ThingsBoard returns them contain credentials, such as an SNMP community. Only a key with credentials:read gets them. */
import { describe, expect } from "bun:test"
import { Effect, Schema } from "effect"
import { Device } from "../../src/domain/Entity.ts"
import { parseJackson, printTree } from "../../src/emulator/values/Json.ts"
import { gateway, type TestResponse } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

/** Each value that must not appear without the scope starts with this. */
const mark = "hidden-"
const snmp =
  `{"type":"SNMP","host":"10.0.0.5","port":161,"protocolVersion":"V3","community":"${mark}1","username":"${mark}2","securityName":"${mark}3",` +
  `"contextName":"${mark}4","authenticationProtocol":"SHA_512","authenticationPassphrase":"${mark}5","privacyProtocol":"AES_256",` +
  `"privacyPassphrase":"${mark}6","engineId":"${mark}7"}`
const mqtt = `{"type":"MQTT","brokerPassword":"${mark}8","anything":{"deeper":["${mark}9"]}}`
const shownSnmp =
  '{"type":"SNMP","host":"10.0.0.5","port":161,"protocolVersion":"V3","authenticationProtocol":"SHA_512","privacyProtocol":"AES_256"}'
const info = `{"description":"Pump, 2nd floor","exact":1.10,"api_key":"${mark}a","wifi":{"ssid":"hall","PSK":"${mark}b"},"users":[{"userName":"${mark}c"}]}`
const shownInfo = '{"description":"Pump, 2nd floor","exact":1.10,"wifi":{"ssid":"hall"},"users":[{}]}'

const reading = ["devices:read", "assets:read"] as const
const everything = [...reading, "credentials:read"] as const
const keys = {
  plain: {},
  byType: { types: ["switch"] },
  byMany: { types: ["switch", "gate"] },
  byCustomer: { customer: true },
  byId: { ids: true }
}

const startSite = Effect.fnUntraced(function* () {
  const ids = [
    "10000000-1111-11ee-8888-000000000001",
    "10000000-1111-11ee-8888-000000000002",
    "10000000-1111-11ee-8888-000000000003"
  ] as const
  const customerId = "0b5a2a70-1111-11ee-8888-000000000009"
  const restriction = (name: keyof typeof keys) => {
    if (name === "plain") return {}
    if (name === "byCustomer") return { devices: { customer: customerId }, assets: "all" as const }
    return { devices: name === "byId" ? { ids } : { types: keys[name].types }, assets: "all" as const }
  }
  const apiKeysFile = yield* writeKeyFile(
    Object.fromEntries(
      (Object.keys(keys) as ReadonlyArray<keyof typeof keys>).flatMap((name) => [
        [name, { scopes: reading, ...restriction(name) }],
        [`${name}-all`, { scopes: everything, ...restriction(name) }]
      ])
    )
  )
  const it = yield* gateway({ settings: { apiKeysFile } })
  const { directory } = it.emulator.store
  const { tenantId } = it.tenant
  directory.createCustomer({ id: customerId, tenantId, name: "Customer", now: 1 })
  for (const [name, transportType] of [
    ["switch", "SNMP"],
    ["gate", "MQTT"]
  ] as const)
    directory.createDeviceProfile({ tenantId, name, now: 1, details: `{"transportType":"${transportType}"}` })
  const device = (n: 0 | 1 | 2, type: string, details: string | null, additionalInfo: string | null) =>
    directory.createDevice({ id: ids[n], tenantId, name: `Device ${n}`, type, now: n, customerId, details, additionalInfo })
  device(0, "switch", snmp, null)
  device(1, "gate", mqtt, info)
  device(2, "switch", null, '{"gateway":false,"description":"no credentials"}')
  const asset = directory.createAsset({ tenantId, name: "Building", type: "building", now: 1, additionalInfo: info })
  const as = (key: string, path: string) => it.call(`/api/v1/tb${path}`, { key: keyOf(key) })
  return { ...it, as, asset, ids }
})

type Site = Effect.Success<ReturnType<typeof startSite>>

/** JSON text with the exact digits of numbers. */
const exact = (text: string) => printTree(parseJackson(text))

/** Every endpoint whose response contains entities as ThingsBoard sent them. */
const endpoints: Record<string, (it: Site, key: string) => Effect.Effect<ReadonlyArray<TestResponse>>> = {
  "a list of devices": (it, key) => Effect.map(it.as(key, "/devices?page_size=10"), (found) => [found]),
  "a list of connected or disconnected devices": (it, key) =>
    Effect.map(it.as(key, "/devices?page_size=10&active=false"), (found) => [found]),
  "a searched, sorted list": (it, key) => Effect.map(it.as(key, "/devices?text_search=device&sort=name&order=DESC"), (found) => [found]),
  "single devices": (it, key) => Effect.forEach(it.ids, (id) => it.as(key, `/devices/${id}`))
}

describe("devices", () => {
  for (const [name, ask] of Object.entries(endpoints))
    for (const key of Object.keys(keys))
      live(`in ${name} for the key ${key} have credentials with the scope, and none without it`, () =>
        Effect.gen(function* () {
          const it = yield* startSite()
          const [without, all] = [yield* ask(it, key), yield* ask(it, `${key}-all`)]
          const text = (responses: ReadonlyArray<TestResponse>) => responses.map((response) => response.text).join("\n")
          const found = (responses: ReadonlyArray<TestResponse>) => responses.filter(({ status }) => status === 200).length
          expect(found(without)).toBe(key === "byType" && without.length > 1 ? 2 : without.length)
          expect(text(without)).not.toContain(mark)
          expect(text(without)).toContain(shownSnmp)
          expect(text(all)).toContain(snmp)
          if (key !== "byType") {
            expect(text(without)).toContain(`"additionalInfo":${shownInfo}`)
            expect(text(without)).toContain('"transportConfiguration":{"type":"MQTT"}')
            expect(text(all)).toContain(`"additionalInfo":${info}`)
            expect(text(all)).toContain(mqtt)
          }
          const timeless = (texts: string) =>
            exact(`[${texts.replaceAll(/"(timestamp|request_id|instance)":("[^"]*"|\d+)/g, '"x":0').replaceAll("\n", ",")}]`)
          // Nothing else differs.
          expect(timeless(text(all)).replaceAll(snmp, shownSnmp).replaceAll(mqtt, '{"type":"MQTT"}').replaceAll(info, shownInfo)).toBe(
            timeless(text(without))
          )
        })
      )

  live("without credentials are the same with and without the scope, byte for byte", () =>
    Effect.gen(function* () {
      const it = yield* startSite()
      const text = (key: string) => Effect.map(it.as(key, `/devices/${it.ids[2]}`), (found) => found.text.replace(/"timestamp":\d+/, ""))
      expect(yield* text("plain")).toBe(yield* text("plain-all"))
    })
  )

  live("fit the typed client without their credentials", () =>
    Effect.gen(function* () {
      const it = yield* startSite()
      const { json } = yield* it.as("plain", `/devices/${it.ids[0]}`)
      const device = yield* Schema.decodeUnknownEffect(Device)(json.data)
      expect([device.name, device.type]).toEqual(["Device 0", "switch"])
      const list = (yield* it.as("plain", "/devices")).json.data
      expect((yield* Schema.decodeUnknownEffect(Schema.Array(Device))(list)).length).toBe(3)
    })
  )
})

describe("assets and types", () => {
  live("have credentials with the scope, and none without it", () =>
    Effect.gen(function* () {
      const it = yield* startSite()
      for (const path of ["/assets", `/assets/${it.asset.id}`, "/assets?text_search=building&sort=name"]) {
        for (const key of Object.keys(keys)) {
          expect((yield* it.as(key, path)).text).not.toContain(mark)
          expect((yield* it.as(key, path)).text).toContain(`"additionalInfo":${shownInfo}`)
          expect((yield* it.as(`${key}-all`, path)).text).toContain(`"additionalInfo":${info}`)
        }
      }
    })
  )

  live("of profiles with credentials have none without the scope, should ThingsBoard add them to its infos", () =>
    Effect.gen(function* () {
      const it = yield* startSite()
      const profile = (type: string) =>
        `{"id":{"entityType":"${type}_PROFILE","id":"20000000-1111-11ee-8888-000000000001"},"name":"switch","image":null,"defaultDashboardId":null,` +
        `"profileData":{"provisionConfiguration":{"type":"ALLOW_CREATE_NEW_DEVICES","provisionDeviceSecret":"${mark}d"}},"provisionDeviceKey":"${mark}e"}`
      for (const [path, type] of [
        ["/device-types", "DEVICE"],
        ["/asset-types", "ASSET"]
      ] as const)
        for (const key of ["plain", "byType", "byMany"]) {
          const body = `{"data":[${profile(type)}],"totalPages":1,"totalElements":1,"hasNext":false}`
          const inject = () =>
            it.emulator.faults.inject({
              path: type === "DEVICE" ? "/api/deviceProfileInfos" : "/api/assetProfileInfos",
              times: 1,
              outcome: { type: "Status", status: 200, body, headers: { "content-type": "application/json" } }
            })
          inject()
          const { status, text } = yield* it.as(key, path)
          expect([path, key, status, text.includes('"name":"switch"'), text.includes(mark)]).toEqual([path, key, 200, true, false])
          inject()
          expect((yield* it.as(`${key}-all`, path)).text).toContain(profile(type))
        }
    })
  )
})

describe("other responses", () => {
  live("that name devices have only their ids, names and types", () =>
    Effect.gen(function* () {
      const it = yield* startSite()
      const range = { start_ts: 0, end_ts: 10 }
      const query = { device_ids: it.ids, keys: ["heat"], ...range }
      const responses = [
        yield* it.call(`/api/v1/tb/graph/${it.asset.id}?root_type=ASSET`),
        yield* it.call("/api/v1/tb/telemetry/export", { body: { ...query, format: "json" } }),
        yield* it.call(`/api/v1/tb/devices/${it.ids[0]}/telemetry/latest?keys=heat`),
        yield* it.call(`/api/v1/tb/devices/${it.ids[0]}/attributes`)
      ]
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      for (const { text } of responses) expect(text).not.toContain(mark)
    })
  )

  live("of a device that is no JSON is an error, and not passed on", () =>
    Effect.gen(function* () {
      const it = yield* startSite()
      const body = `{"data":[{"id":1 "password":"${mark}f"}],"totalPages":1,"totalElements":1,"hasNext":false}`
      it.emulator.faults.inject({
        path: "/api/tenant/devices",
        times: "always",
        outcome: { type: "Status", status: 200, body, headers: { "content-type": "application/json" } }
      })
      const { status, text } = yield* it.as("plain", "/devices")
      expect([status, text.includes(mark)]).toEqual([502, false])
    })
  )
})
