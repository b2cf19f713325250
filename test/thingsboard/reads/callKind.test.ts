/** Which calls may be shared, and what writes change. The paths are those that the requests make. */
import { expect, test } from "bun:test"
import {
  assetPath,
  attributesPath,
  devicePath,
  historyPath,
  latestPath,
  saveAttributesPath,
  saveTelemetryPath,
  telemetryKeysPath
} from "../../../src/thingsboard/Paths.ts"
import { callKind } from "../../../src/thingsboard/reads/callKind.ts"

const id = "784f394c-42b6-435a-983c-b7beff2784f9"
const range = { deviceId: id, keys: ["startTs", "a"], start: 1, end: 2 }
const query = (fields: object) =>
  JSON.stringify({ entityFilter: { type: "entityType" }, entityFields: [], latestValues: [], keyFilters: [], ...fields })

const get = (path: string) => callKind("GET", path, undefined)
const post = (path: string, body?: string) => callKind("POST", path, body)

test("entities, names and types live longer than values; histories and unknown reads are not shared", () => {
  const entities = { _tag: "Read", lifetime: "entities", topics: [] } as const
  const infos = { ...entities, topics: ["infos"] }
  const values = { _tag: "Read", lifetime: "values", topics: [id] } as const
  for (const path of [
    devicePath(id),
    assetPath(id),
    "/api/tenant/devices?pageSize=20&page=0",
    `/api/customer/${id}/assets?pageSize=20&page=0`,
    `/api/devices?deviceIds=${id}`,
    "/api/deviceProfileInfos?pageSize=20&page=0",
    "/api/assetProfileInfos?pageSize=20&page=0"
  ])
    expect([path, get(path)]).toEqual([path, entities])
  for (const path of [`/api/device/info/${id}`, "/api/tenant/deviceInfos?active=true", `/api/customer/${id}/deviceInfos?active=true`])
    expect([path, get(path)]).toEqual([path, infos])
  expect(get(telemetryKeysPath(id))).toEqual({ ...values, lifetime: "entities" })
  for (const path of [
    latestPath(id, undefined),
    latestPath(id.toUpperCase(), ["startTs", "&startTs=1", "a/b"]),
    attributesPath(id, "SERVER_SCOPE", ["a"])
  ])
    expect([path, get(path)]).toEqual([path, values])
  for (const path of [
    historyPath(range),
    historyPath(range, "timeseries/history"),
    "/api/system/info",
    "/api/auth/user",
    `/api/device/${id}/credentials`,
    "/api/plugins/telemetry/DEVICE",
    "/api/alarm/x"
  ])
    expect([path, get(path)]).toEqual([path, { _tag: "Unshared" }])
})

test("queries are shared by their body, and those that return or compare values are values", () => {
  const find = "/api/entitiesQuery/find"
  expect(post(find, query({}))).toMatchObject({ lifetime: "entities", topics: [] })
  expect(post("/api/relations", "{}")).toMatchObject({ lifetime: "entities", topics: [] })
  expect(post(find, query({ latestValues: [{ type: "TIME_SERIES", key: "a" }] }))).toMatchObject({
    lifetime: "values",
    topics: ["values of many"]
  })
  expect(post("/api/entitiesQuery/count", query({ keyFilters: [{}] }))).toMatchObject({ lifetime: "values" })
  expect(post(find)).toEqual({ _tag: "Unshared" })
})

test("a write ends the use of what it may have changed, an unknown one of everything", () => {
  expect(post(saveTelemetryPath(id))).toEqual({ _tag: "Write", topics: [id, "values of many"] })
  expect(post(saveAttributesPath(id.toUpperCase(), "SERVER_SCOPE"))).toEqual({ _tag: "Write", topics: [id, "values of many", "infos"] })
  for (const path of ["/api/device", `/api/plugins/rpc/twoway/${id}`, `/api/plugins/telemetry/DEVICE/${id}/delete`])
    expect([path, post(path)]).toEqual([path, { _tag: "Write", topics: "all" }])
  expect(callKind("DELETE", devicePath(id), undefined)).toEqual({ _tag: "Write", topics: "all" })
})
