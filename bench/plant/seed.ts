/** Fills the emulator with a plant: devices, a hierarchy of assets, a hub with many relations, and telemetry. */
import type { Store } from "../../src/emulator/store/Store.ts"

export interface PlantSize {
  readonly devices: number
  /** Devices with three keys and this many points of each; they have a type of their own. */
  readonly measured: number
  readonly points: number
  /** Relations of the hub. */
  readonly hub: number
}

export const fullSize: PlantSize = { devices: 10_000, measured: 1000, points: 1000, hub: 40_000 }
export const shortSize: PlantSize = { devices: 1200, measured: 40, points: 60, hub: 1500 }

export interface Plant extends PlantSize {
  readonly ids: ReadonlyArray<string>
  readonly measuredIds: ReadonlyArray<string>
  readonly keys: ReadonlyArray<string>
  /** A device with 300 keys. */
  readonly wideId: string
  readonly wideKeys: ReadonlyArray<string>
  readonly widePoints: number
  readonly rootId: string
  readonly hubId: string
  /** A room with ten devices. */
  readonly roomId: string
  /** The time of the first points; the others follow a second apart. */
  readonly start: number
}

const start = 1_700_000_000_000
const widePoints = 100
/** Devices per room, and rooms per building. */
const [perRoom, perBuilding] = [10, 50]

export const seedPlant = ({ directory, relations, telemetry, transaction }: Store["Service"], tenantId: string, size: PlantSize): Plant =>
  transaction(() => {
    const keys = ["temperature", "pressure", "flow"]
    const wideKeys = Array.from({ length: 300 }, (_, i) => `channel_${i}`)
    const relate = (from: { id: string; type: string }, to: { id: string; type: string }, type = "Contains") =>
      relations.save({ fromId: from.id, fromType: from.type, toId: to.id, toType: to.type, type })
    const devices = Array.from({ length: size.devices }, (_, i) =>
      directory.createDevice({ tenantId, name: `Device ${i}`, type: i < size.measured ? "measured" : `type ${i % 4}`, now: 1000 * i })
    )
    const root = directory.createAsset({ tenantId, name: "Site", type: "site", now: 1 })
    let building = root
    let room = root
    for (const [i, device] of devices.entries()) {
      if (i % (perRoom * perBuilding) === 0) {
        building = directory.createAsset({ tenantId, name: `Building ${i}`, type: "building", now: 2 + i })
        relate(root, building)
      }
      if (i % perRoom === 0) {
        room = directory.createAsset({ tenantId, name: `Room ${i}`, type: "room", now: 3 + i })
        relate(building, room)
      }
      relate(room, device)
    }
    const hub = directory.createAsset({ tenantId, name: "Hub", type: "hub", now: 4 })
    for (let i = 0; i < size.hub; i++) relate(hub, devices[i % devices.length]!, `Relation ${Math.floor(i / devices.length)}`)
    const measured = devices.slice(0, size.measured)
    for (const device of measured)
      for (const key of keys)
        telemetry.save(
          device,
          // No whole numbers: ThingsBoard writes 1.0, which the gateway keeps and JSON.parse does not.
          Array.from({ length: size.points }, (_, n) => ({ key, ts: start + 1000 * n, value: n / 4 + 1 / 8 }))
        )
    const wide = directory.createDevice({ tenantId, name: "Wide", type: "wide", now: 5 })
    for (const key of wideKeys)
      telemetry.save(
        wide,
        Array.from({ length: widePoints }, (_, n) => ({ key, ts: start + 1000 * n, value: BigInt(n) }))
      )
    return {
      ...size,
      ids: devices.map(({ id }) => id),
      measuredIds: measured.map(({ id }) => id),
      keys,
      wideId: wide.id,
      wideKeys,
      widePoints,
      rootId: root.id,
      hubId: hub.id,
      roomId: room.id,
      start
    }
  })
