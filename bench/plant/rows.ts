/**
 * The operations of a plant, through the gateway and by a hand-written program that makes the fewest direct calls. Both have to produce the
 * same: each returns what it found as a number, or the rows of the file that it made, which have to be the same.
 */
import type { Plant } from "./seed.ts"

/** A call to the gateway or to ThingsBoard, with its key or token. */
export type Call = (path: string, body?: unknown, contentType?: string) => Promise<string>

export interface PlantRow {
  readonly name: string
  /** How many calls more than by hand the operation may take. */
  readonly extraCalls: number
  readonly gateway: (call: Call, plant: Plant) => Promise<number | string>
  readonly byHand: (call: Call, plant: Plant) => Promise<number | string>
}

const v1 = "/api/v1/tb"
const telemetryOf = (id: string) => `/api/plugins/telemetry/DEVICE/${id}`

/** Runs the work for each element, eight at once. */
const forEach = async <A, B>(all: ReadonlyArray<A>, work: (one: A) => Promise<B>): Promise<Array<B>> => {
  const results: Array<B> = []
  const queue = [...all.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return results
}

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, one) => total + one, 0)

/** The number of rows and the length of a CSV file with a head. A hash would take longer than the program by hand. */
const describeFile = (csv: string) => {
  let lines = 0
  for (let at = csv.indexOf("\n"); at >= 0; at = csv.indexOf("\n", at + 1)) lines++
  return `${lines - 1} rows, ${csv.length} characters`
}

/** The rows of a response of the history endpoint, all of which are numbers. */
const csvRows = (json: string, before: string) => {
  let rows = ""
  for (const [key, points] of Object.entries(JSON.parse(json) as Record<string, Array<{ ts: number; value: number }>>))
    for (const { ts, value } of points) rows += `${before}${ts},${key},${value}\r\n`
  return rows
}

interface EntityPage {
  readonly data: Array<{
    entityId: { id: string }
    latest: { TIME_SERIES?: Record<string, { ts: number; value: string }>; ENTITY_FIELD: { name: { value: string } } }
  }>
  readonly hasNext: boolean
}

const findEntities = async (call: Call, entityFilter: object, keys: ReadonlyArray<string>, page: number) =>
  JSON.parse(
    await call("/api/entitiesQuery/find", {
      entityFilter,
      entityFields: [{ type: "ENTITY_FIELD", key: "name" }],
      latestValues: keys.map((key) => ({ type: "TIME_SERIES", key })),
      keyFilters: [],
      pageLink: { pageSize: 1000, page, sortOrder: { key: { type: "ENTITY_FIELD", key: "createdTime" }, direction: "ASC" } }
    })
  ) as EntityPage

const measured = { type: "deviceType", deviceTypes: ["measured"], deviceNameFilter: "" }

const findMeasured = async (call: Call, keys: ReadonlyArray<string>) => {
  const found: EntityPage["data"] = []
  for (let page = 0, more = true; more; page++) {
    const { data, hasNext } = await findEntities(call, measured, keys, page)
    found.push(...data)
    more = hasNext
  }
  return found
}

const history = (id: string, keys: ReadonlyArray<string>, start: number, end: number, limit: number) =>
  `${telemetryOf(id)}/values/timeseries?keys=${keys.join(",")}&startTs=${start}&endTs=${end}&limit=${limit}&orderBy=ASC&useStrictDataTypes=true`

const endOf = ({ points, start }: Plant) => start + 1000 * points

const exportMeasured = (start: (plant: Plant) => number): Omit<PlantRow, "name"> => ({
  extraCalls: 2,
  gateway: async (call, plant) => {
    const body = {
      device_type: "measured",
      keys: plant.keys,
      start_ts: start(plant),
      end_ts: start(plant) + 1000 * plant.points,
      format: "csv"
    }
    return describeFile(await call(`${v1}/telemetry/export`, body))
  },
  byHand: async (call, plant) => {
    const devices = await findMeasured(call, plant.keys)
    const from = start(plant)
    const withPoints = devices.filter(({ latest }) => Object.values(latest.TIME_SERIES ?? {}).some(({ ts }) => ts >= from))
    const read = async ({ entityId: { id }, latest }: EntityPage["data"][number]) =>
      csvRows(await call(history(id, plant.keys, from, from + 1000 * plant.points, 50_000)), `${id},${latest.ENTITY_FIELD.name.value},`)
    return describeFile(["device_id,device_name,ts,key,value\r\n", ...(await forEach(withPoints, read))].join(""))
  }
})

const readAll = (
  idOf: (plant: Plant) => string,
  keysOf: (plant: Plant) => ReadonlyArray<string>,
  limit: number
): Omit<PlantRow, "name"> => ({
  extraCalls: 2,
  gateway: async (call, plant) => {
    let points = 0
    let cursor: string | null = ""
    while (cursor !== null) {
      const query = {
        keys: keysOf(plant),
        start_ts: plant.start,
        end_ts: plant.start + 10_000_000,
        limit,
        order: "ASC",
        ...(cursor === "" ? {} : { cursor })
      }
      const page = JSON.parse(await call(`${v1}/devices/${idOf(plant)}/telemetry/query`, query)) as {
        data: Record<string, Array<unknown>>
        next_cursor: string | null
      }
      points += sum(Object.values(page.data).map(({ length }) => length))
      cursor = page.next_cursor
    }
    return points
  },
  byHand: async (call, plant) => {
    const [id, keys] = [idOf(plant), keysOf(plant)]
    let points = 0
    for (let start = plant.start, more = true; more;) {
      const page = JSON.parse(await call(history(id, keys, start, plant.start + 10_000_000, limit + 1))) as Record<
        string,
        Array<{ ts: number }>
      >
      const series = Object.values(page)
      points += sum(series.map(({ length }) => Math.min(limit, length)))
      more = series.some(({ length }) => length > limit)
      if (more) start = series[0]![limit]!.ts
    }
    return points
  }
})

const graph = (idOf: (plant: Plant) => string, depth: number, limit: number): Omit<PlantRow, "name"> => ({
  // The root's name, and the relations among the outermost nodes.
  extraCalls: 2,
  gateway: async (call, plant) => {
    const path = `${v1}/graph/${idOf(plant)}?root_type=ASSET&direction=FROM&max_depth=${depth}&hard_node_limit=${limit}`
    return (JSON.parse(await call(path)) as { nodes: Array<unknown> }).nodes.length
  },
  byHand: async (call, plant) => {
    const parameters = {
      rootId: idOf(plant),
      rootType: "ASSET",
      direction: "FROM",
      relationTypeGroup: "COMMON",
      maxLevel: depth,
      fetchLastLevelOnly: false
    }
    const found = JSON.parse(await call("/api/relations/info", { parameters, filters: [] })) as Array<{ to: { id: string } }>
    return Math.min(limit, 1 + new Set(found.map(({ to }) => to.id)).size)
  }
})

const fileToImport = ({ measuredIds, points, start }: Plant) => {
  const lines = ["device_id,ts,x,y,z"]
  for (let n = 0; n < points / 10; n++) for (const id of measuredIds) lines.push(`${id},${start + n},${n},${n},${n}`)
  return `${lines.join("\r\n")}\r\n`
}

/** The latest values of devices by id; null for a key without a value. */
type LatestValues = Record<string, { readonly device_name: string; readonly values: Record<string, object | null> }>

const describeLatest = (devices: LatestValues) => {
  const values = Object.values(devices).flatMap(({ values }) => Object.values(values))
  return `${Object.keys(devices).length} devices, ${values.filter((value) => value !== null).length} values`
}

export const plantRows: ReadonlyArray<PlantRow> = [
  { name: "export of the measured devices, CSV", ...exportMeasured(({ start }) => start) },
  { name: "export of them, empty range", ...exportMeasured((plant) => endOf(plant) + 1) },
  {
    name: "export of all 300 keys of a device",
    extraCalls: 2,
    gateway: async (call, { start, wideId }) =>
      describeFile(await call(`${v1}/devices/${wideId}/telemetry/export?start_ts=${start}&end_ts=${start + 10_000_000}&format=csv`)),
    byHand: async (call, { start, wideId }) => {
      const keys = JSON.parse(await call(`${telemetryOf(wideId)}/keys/timeseries`)) as Array<string>
      return describeFile(`ts,key,value\r\n${csvRows(await call(history(wideId, keys, start, start + 10_000_000, 50_000)), "")}`)
    }
  },
  {
    name: "query, 300 keys, limit 25, to the end",
    ...readAll(
      ({ wideId }) => wideId,
      ({ wideKeys }) => wideKeys,
      25
    )
  },
  {
    name: "query, 3 keys, limit 100, to the end",
    ...readAll(
      ({ measuredIds }) => measuredIds[0]!,
      ({ keys }) => keys,
      100
    )
  },
  {
    name: "CSV import of 3 keys, mixed devices",
    extraCalls: 2,
    gateway: async (call, plant) => {
      const report = JSON.parse(await call(`${v1}/telemetry/import`, fileToImport(plant), "text/csv")) as { rows_taken: number }
      return report.rows_taken
    },
    byHand: async (call, plant) => {
      const rows = fileToImport(plant).trimEnd().split("\r\n").slice(1)
      const devices = new Map<string, Array<object>>()
      for (const row of rows) {
        const [id, ts, x, y, z] = row.split(",") as [string, string, string, string, string]
        const points = devices.get(id) ?? []
        points.push({ ts: Number(ts), values: { x: Number(x), y: Number(y), z: Number(z) } })
        devices.set(id, points)
      }
      await forEach([...devices], ([id, points]) => call(`${telemetryOf(id)}/timeseries/ANY`, points))
      return rows.length
    }
  },
  { name: "graph, depth 1", ...graph(({ rootId }) => rootId, 1, 1000) },
  { name: "graph, depth 2", ...graph(({ rootId }) => rootId, 2, 1000) },
  { name: "graph of the hub", ...graph(({ hubId }) => hubId, 1, 1000) },
  {
    name: "latest values of all ids",
    extraCalls: 2,
    gateway: async (call, { ids, keys }) => {
      const { data } = JSON.parse(await call(`${v1}/telemetry/latest`, { device_ids: ids, keys })) as { data: LatestValues }
      return describeLatest(data)
    },
    byHand: async (call, { ids, keys }) => {
      const chunks = Array.from({ length: Math.ceil(ids.length / 1000) }, (_, i) => ids.slice(1000 * i, 1000 * (i + 1)))
      const found = await Promise.all(
        chunks.map((entityList) => findEntities(call, { type: "entityList", entityType: "DEVICE", entityList }, keys, 0))
      )
      const devices: LatestValues = {}
      for (const { entityId, latest } of found.flatMap(({ data }) => data)) {
        const values: Record<string, object | null> = {}
        for (const key of keys) {
          const point = latest.TIME_SERIES?.[key]
          values[key] = point === undefined || point.ts === 0 ? null : { ts: point.ts, value: JSON.parse(point.value) as unknown }
        }
        devices[entityId.id] = { device_name: latest.ENTITY_FIELD.name.value, values }
      }
      return describeLatest(devices)
    }
  }
]
