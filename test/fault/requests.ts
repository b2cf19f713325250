/** The kinds of requests in the table of faults. */
import type { Plant } from "./plant.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_000_000_000

export interface Request {
  readonly path: string
  readonly method?: "POST"
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Kind {
  readonly name: string
  /** The calls to ThingsBoard that get the fault. */
  readonly calls: (plant: Plant) => { readonly method: string; readonly path: string; readonly skip?: number }
  readonly request: (plant: Plant) => Request
  /** For requests that write: whether ThingsBoard has what was written by the call that gets the fault. */
  readonly isStored?: (plant: Plant) => boolean
  /** Whether it is acknowledged before it is stored. */
  readonly isQueued?: boolean
}

const telemetry = (id: string) => `/api/plugins/telemetry/DEVICE/${id}`
const end = t0 + 1_000_000
const history = ({ device }: Plant) => ({ method: "GET", path: `${telemetry(device.id)}/values/timeseries/history` })
const saving = ({ device }: Plant) => ({ method: "POST", path: `${telemetry(device.id)}/timeseries/ANY` })
const hasPoint = ({ device, emulator }: Plant) => emulator.store.telemetry.latest(device, "written") !== undefined
const pointsOf = (value: number) => ({ written: [{ ts: t0, value }] })
const points = pointsOf(1)

export const uploadOf = ({ device }: Plant, value: number, headers: Readonly<Record<string, string>> = {}): Request => ({
  path: `${tb}/devices/${device.id}/telemetry`,
  method: "POST",
  body: pointsOf(value),
  headers
})

export const kinds = [
  {
    name: "list",
    calls: () => ({ method: "GET", path: "/api/tenant/devices" }),
    request: () => ({ path: `${tb}/devices` })
  },
  {
    name: "latest",
    calls: ({ device }) => ({ method: "GET", path: `${telemetry(device.id)}/values/timeseries` }),
    request: ({ device }) => ({ path: `${tb}/devices/${device.id}/telemetry/latest` })
  },
  {
    name: "attributes",
    calls: ({ device }) => ({ method: "GET", path: `${telemetry(device.id)}/values/attributes/SHARED_SCOPE` }),
    request: ({ device }) => ({ path: `${tb}/devices/${device.id}/attributes` })
  },
  {
    name: "graph",
    calls: () => ({ method: "POST", path: "/api/entitiesQuery/find" }),
    request: ({ device }) => ({ path: `${tb}/graph/${device.id}` })
  },
  {
    name: "history",
    calls: history,
    request: ({ device }) => ({ path: `${tb}/devices/${device.id}/telemetry?start_ts=${t0}&end_ts=${t0 + 10}` })
  },
  {
    // The client has the first page when the second one fails.
    name: "history stream",
    calls: (plant) => ({ ...history(plant), skip: 1 }),
    request: ({ device }) => ({ path: `${tb}/devices/${device.id}/telemetry?start_ts=${t0}&end_ts=${end}&format=jsonl` })
  },
  {
    name: "export of many",
    calls: (plant) => ({ ...history(plant), skip: 1 }),
    request: ({ device, other }) => ({
      path: `${tb}/telemetry/export`,
      method: "POST",
      body: { device_ids: [other.id, device.id], keys: ["a"], start_ts: t0, end_ts: end, format: "csv" }
    })
  },
  {
    name: "upload",
    calls: saving,
    request: (plant) => uploadOf(plant, 1),
    isStored: hasPoint
  },
  {
    name: "queued",
    calls: saving,
    request: (plant) => uploadOf(plant, 1, { prefer: "respond-async" }),
    isQueued: true
  },
  {
    name: "bulk",
    calls: saving,
    request: ({ device, other }) => ({ path: `${tb}/telemetry/bulk`, method: "POST", body: { [device.id]: points, [other.id]: points } }),
    isStored: hasPoint
  },
  {
    name: "import",
    calls: saving,
    request: ({ device }) => ({
      path: `${tb}/devices/${device.id}/telemetry/import`,
      method: "POST",
      body: `ts,key,value\n${t0},written,1\n`
    }),
    isStored: hasPoint
  },
  {
    name: "attribute write",
    calls: ({ device }) => ({ method: "POST", path: `${telemetry(device.id)}/attributes/SHARED_SCOPE` }),
    request: ({ device }) => ({ path: `${tb}/devices/${device.id}/attributes/shared`, method: "POST", body: { written: 1 } }),
    isStored: ({ device, emulator }) => emulator.store.attributes.read(device, "SHARED_SCOPE").some(({ key }) => key === "written")
  }
] as const satisfies ReadonlyArray<Kind>
