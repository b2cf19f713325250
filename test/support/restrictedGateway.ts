/** A gateway with one key per kind of device restriction, in front of a site with devices of two types, some assigned to a customer. */
import { Effect } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { gateway } from "./gateway.ts"
import { keyOf, writeKeyFile } from "./keyFile.ts"
import { recordingProxy } from "./recordingProxy.ts"

const uuid = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`
const customer = uuid(900)
const nobody = uuid(999)

/** Devices 0 to 5: meters and sensors, alternating. Devices 1, 2 and 5 belong to the customer. */
const ids = [0, 1, 2, 3, 4, 5].map(uuid)
const customerDevices = new Set([1, 2, 5])

/** The devices that each key may see, by index. */
export const visibleDevices: Readonly<Record<string, ReadonlyArray<number>>> = {
  byId: [0, 3],
  byType: [1, 3, 5],
  byTypes: [0, 1, 2, 3, 4, 5],
  byCustomer: [1, 2, 5],
  byAll: [0, 1, 2, 3, 5],
  byNothing: []
}

const restrictions = {
  byId: { ids: [ids[0]!.toUpperCase(), ids[3]!] },
  byType: { types: ["sensor"] },
  byTypes: { types: ["sensor", "meter"] },
  byCustomer: { customer },
  byAll: { ids: [ids[0]!], types: ["sensor"], customer },
  byNothing: { ids: [] }
}

export const restrictedGateway = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const { forwardTo: aim, calls, rewriteCalls, url } = yield* recordingProxy
  const apiKeysFile = yield* writeKeyFile(Object.fromEntries(Object.entries(restrictions).map(([id, devices]) => [id, { devices }])))
  const it = yield* gateway({ settings: { apiKeysFile, tbHost: url, ...settings } })
  aim(it.emulator.url)
  const { directory, relations, telemetry } = it.emulator.store
  const { tenantId } = it.tenant
  directory.createCustomer({ id: customer, tenantId, name: "Canary customer", now: 1 })
  const devices = ids.map((id, i) =>
    directory.createDevice({
      id,
      tenantId,
      name: `Device ${"CADBFE"[i]}`,
      type: i % 2 ? "sensor" : "meter",
      label: i < 2 ? `label ${i}` : null,
      now: 1_700_000_000_000 + 1000 * i,
      additionalInfo: `{"serial":900719925474099${i}.10}`,
      ...(customerDevices.has(i) ? { customerId: customer } : {})
    })
  )
  for (const device of devices) telemetry.save(device, [{ key: "heat", ts: 5, value: 9_007_199_254_740_993n }])
  const room = directory.createAsset({ tenantId, name: "Room", type: "room", now: 2 })
  for (const device of devices) {
    relations.save({ fromId: room.id, fromType: "ASSET", toId: device.id, toType: "DEVICE", type: "Contains" })
  }
  return {
    ...it,
    /** The calls to ThingsBoard. */
    calls,
    /** Changes the calls to ThingsBoard, as if it ignored parts of them. */
    rewriteCalls,
    ids,
    nobody,
    room,
    devices,
    customer,
    as: (key: string, path: string, body?: unknown, method?: string) =>
      it.call(`/api/v1/tb${path}`, {
        key: keyOf(key),
        ...(body === undefined ? {} : { body }),
        ...(method === undefined ? {} : { method })
      })
  }
})
