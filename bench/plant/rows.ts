/**
 * The operations of a plant, through the gateway and by a hand-written program that makes the fewest direct calls. Each returns what it found
 * as a number, which has to be the same.
 */
import type { Plant } from "./seed.ts"

/** A call to the gateway or to ThingsBoard, with its key or token. */
export type Call = (path: string, body?: unknown, contentType?: string) => Promise<string>

export interface PlantRow {
  readonly name: string
  /** How many calls more than by hand the operation may take. */
  readonly extraCalls: number
  readonly gateway: (call: Call, plant: Plant) => Promise<number>
  readonly byHand: (call: Call, plant: Plant) => Promise<number>
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
const countRows = (csv: string) => csv.split("\r\n").length - 2
const countPoints = (json: string) => sum(Object.values(JSON.parse(json) as Record<string, Array<unknown>>).map(({ length }) => length))

interface EntityPage {
  readonly data: Array<{ entityId: { id: string }; latest: { TIME_SERIES?: Record<string, { ts: number }> } }>
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
    return countRows(await call(`${v1}/telemetry/export`, body))
  },
  byHand: async (call, plant) => {
    const devices = await findMeasured(call, plant.keys)
    const from = start(plant)
    const withPoints = devices.filter(({ latest }) => Object.values(latest.TIME_SERIES ?? {}).some(({ ts }) => ts >= from))
    const read = async ({ entityId: { id } }: EntityPage["data"][number]) =>
      countPoints(await call(history(id, plant.keys, from, from + 1000 * plant.points, 50_000)))
    return sum(await forEach(withPoints, read))
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
  // The names, and the relations among the outermost nodes: a query per type and 500 nodes.
  extraCalls: 6,
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

export const plantRows: ReadonlyArray<PlantRow> = [
  { name: "export of the measured devices, CSV", ...exportMeasured(({ start }) => start) },
  { name: "export of them, empty range", ...exportMeasured((plant) => endOf(plant) + 1) },
  {
    name: "export of all 300 keys of a device",
    extraCalls: 2,
    gateway: async (call, { start, wideId }) =>
      countRows(await call(`${v1}/devices/${wideId}/telemetry/export?start_ts=${start}&end_ts=${start + 10_000_000}&format=csv`)),
    byHand: async (call, { start, wideId }) => {
      const keys = JSON.parse(await call(`${telemetryOf(wideId)}/keys/timeseries`)) as Array<string>
      return countPoints(await call(history(wideId, keys, start, start + 10_000_000, 50_000)))
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
      const lines = ["device_id,ts,x,y,z"]
      for (let n = 0; n < plant.points / 10; n++) for (const id of plant.measuredIds) lines.push(`${id},${plant.start + n},${n},${n},${n}`)
      const report = JSON.parse(await call(`${v1}/telemetry/import`, `${lines.join("\r\n")}\r\n`, "text/csv")) as { rows_taken: number }
      return report.rows_taken
    },
    byHand: async (call, plant) => {
      const points = Array.from({ length: plant.points / 10 }, (_, n) => ({ ts: plant.start + n, values: { x: n, y: n, z: n } }))
      await forEach(plant.measuredIds, (id) => call(`${telemetryOf(id)}/timeseries/ANY`, points))
      return points.length * plant.measuredIds.length
    }
  },
  { name: "graph, depth 1", ...graph(({ rootId }) => rootId, 1, 1000) },
  { name: "graph, depth 2", ...graph(({ rootId }) => rootId, 2, 1000) },
  { name: "graph of the hub", ...graph(({ hubId }) => hubId, 1, 1000) },
  {
    name: "latest values of all ids",
    extraCalls: 2,
    gateway: async (call, { ids, keys }) => {
      const { data } = JSON.parse(await call(`${v1}/telemetry/latest`, { device_ids: ids, keys })) as { data: object }
      return Object.keys(data).length
    },
    byHand: async (call, { ids, keys }) => {
      const chunks = Array.from({ length: Math.ceil(ids.length / 1000) }, (_, i) => ids.slice(1000 * i, 1000 * (i + 1)))
      const found = await Promise.all(
        chunks.map((entityList) => findEntities(call, { type: "entityList", entityType: "DEVICE", entityList }, keys, 0))
      )
      return sum(found.map(({ data }) => data.length))
    }
  }
]
