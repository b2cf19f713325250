/** Telemetry and attributes, written and read through the gateway. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const missing = "00000000-0000-4000-8000-000000000001"

const withDevice = Effect.gen(function* () {
  const it = yield* gateway()
  const { id } = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Writer", now: 1 })
  const write = (body: string, query = "") => it.call(`${tb}/devices/${id}/telemetry${query}`, { body })
  const read = (keys: string) => it.call(`${tb}/devices/${id}/telemetry?keys=${keys}&start_ts=0&end_ts=9000000000000`)
  return { ...it, id, write, read }
})

live("points are read as they were written, digit for digit", () =>
  Effect.gen(function* () {
    const { call, id, read, write } = yield* withDevice
    const answer = yield* write(
      `{"long":[{"ts":1,"value":9223372036854775807},{"ts":2,"value":-9007199254740993}],
        "decimal":[{"ts":1,"value":0.1},{"ts":2,"value":123456.7890123456},{"ts":3,"value":5.0}],
        "text":[{"ts":1,"value":"a\\"b\\nü💡"},{"ts":2,"value":""}],"flag":[{"ts":1,"value":true}],
        "json":[{"ts":1,"value":{"a":[1,2.5,{"b":null}]}}],"__proto__":[{"ts":1,"value":1}]}`
    )
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({
      status: "success",
      device_id: id,
      keys_uploaded: ["long", "decimal", "text", "flag", "json", "__proto__"],
      total_data_points: 10,
      message: "Successfully uploaded 10 data points for 6 telemetry keys"
    })
    expect(answer.json.warnings).toBeUndefined()
    const back = yield* read("long,decimal,text,flag,json,__proto__")
    expect(back.text).toBe(
      '{"long":[{"ts":1,"value":9223372036854775807},{"ts":2,"value":-9007199254740993}],' +
        '"decimal":[{"ts":1,"value":0.1},{"ts":2,"value":123456.7890123456},{"ts":3,"value":5.0}],' +
        '"text":[{"ts":1,"value":"a\\"b\\nü💡"},{"ts":2,"value":""}],"flag":[{"ts":1,"value":true}],' +
        '"json":[{"ts":1,"value":{"a":[1,2.5,{"b":null}]}}],"__proto__":[{"ts":1,"value":1}]}'
    )
    expect((yield* call(`${tb}/devices/${id}/telemetry/latest?keys=long`)).text).toContain('"value":-9007199254740993')
  })
)

live("a decimal that ThingsBoard would store as text is rounded, with a warning in the response", () =>
  Effect.gen(function* () {
    const { read, write } = yield* withDevice
    const answer = yield* write('{"d":[{"ts":1,"value":0.30000000000000004},{"ts":2,"value":1e-17},{"ts":3,"value":1.5e300}]}')
    expect(answer.status).toBe(201)
    expect(answer.json.warnings).toEqual([
      "2 decimals were rounded: ThingsBoard stores at most 16 decimal places, with the precision of a double."
    ])
    expect((yield* read("d")).json.d).toEqual([
      { ts: 1, value: 0.3 },
      { ts: 2, value: 0 },
      { ts: 3, value: 1.5e300 }
    ])
  })
)

live("values that ThingsBoard would change or lose are rejected together, and nothing is stored", () =>
  Effect.gen(function* () {
    const { call, id, write } = yield* withDevice
    const answer = yield* write(
      `{"code":[{"ts":1,"value":"007"}],"big":[{"ts":1,"value":9223372036854775808}],"none":[{"ts":1,"value":null}],"late":[{"value":1}],
        "seconds":[{"ts":1.5,"value":1}],"extra":[{"ts":1,"value":1,"unit":"C"}]," ":[{"ts":1,"value":1}],"<b>":[{"ts":1,"value":1}],"bare":5,"fine":[{"ts":1,"value":1}]}`
    )
    expect(answer.status).toBe(400)
    const fields = answer.json.details.errors.map(({ field }: { field: string }) => field)
    expect(fields).toEqual([
      "body.code[0].value",
      "body.big[0].value",
      "body.none[0].value",
      "body.late[0].ts",
      "body.seconds[0].ts",
      "body.extra[0].unit",
      "body. ",
      "body.<b>",
      "body.bare"
    ])
    expect((yield* call(`${tb}/devices/${id}/keys`)).json.data).toEqual([])
    const converted = yield* write('{"code":[{"ts":1,"value":"007"}]}', "?numeric_text=convert")
    expect(converted.status).toBe(201)
    expect((yield* call(`${tb}/devices/${id}/telemetry/latest`)).json.data.code.value).toBe(7)
  })
)

live("a bulk upload reports the result of each device", () =>
  Effect.gen(function* () {
    const { call, emulator, id, tenant } = yield* withDevice
    const other = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Second", now: 1 })
    const point = { t: [{ ts: 1000, value: 1 }] }
    const answer = yield* call(`${tb}/telemetry/bulk`, { body: { [id]: { ...point, u: point.t }, [missing]: point, [other.id]: point } })
    expect(answer.status).toBe(200)
    expect(answer.json.summary).toEqual({ total_devices: 3, successful_devices: 2, failed_devices: 1, total_data_points: 3 })
    expect(answer.json.results[id]).toEqual({ status: "success", keys_uploaded: ["t", "u"], data_points: 2 })
    expect(answer.json.results[missing]).toMatchObject({ status: "failed", error_code: "RESOURCE_NOT_FOUND" })
    expect(answer.json.message).toBe("Bulk upload completed: 2/3 devices successful")
    const wrong = yield* call(`${tb}/telemetry/bulk`, { body: { " ": point, [id]: { t: [] } } })
    expect(wrong.json.details.errors.map(({ field }: { field: string }) => field)).toEqual(["body. ", `body.${id}.t`])
    expect(answer.text).not.toContain("requested id")
  })
)

live("a bulk upload finds devices by their exact names, and says which names no device has", () =>
  Effect.gen(function* () {
    const { call, emulator, id, read, tenant } = yield* withDevice
    const names = ["Pumpe Süd, 1", " Pumpe", "__proto__"]
    const others = names.map((name) => emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name, now: 1 }).id)
    const hidden = emulator.store.directory.createDevice({ tenantId: missing, name: "Of another tenant", now: 1 })
    const point = (value: number) => ({ t: [{ ts: 1000, value }] })
    const unknown = ["writer", "Pumpe", "../../auth/login", hidden.name, id.slice(1)]
    const body = Object.fromEntries([
      ...["Writer", ...names].map((name, i) => [name, point(i)]),
      ...unknown.map((name) => [name, point(99)]),
      [missing, point(99)]
    ])
    const answer = yield* call(`${tb}/telemetry/bulk`, { body })
    expect(answer.status).toBe(200)
    expect(answer.json.summary).toEqual({ total_devices: 10, successful_devices: 4, failed_devices: 6, total_data_points: 4 })
    expect(Object.keys(answer.json.results).toSorted()).toEqual(Object.keys(body).toSorted())
    expect(answer.json.results["Writer"]).toEqual({ status: "success", keys_uploaded: ["t"], data_points: 1, device_id: id })
    expect(unknown.map((name) => answer.json.results[name])).toEqual(
      unknown.map((name) => ({
        status: "failed",
        error: `No device has the name ${name}, or this key may not see it.`,
        error_code: "RESOURCE_NOT_FOUND"
      }))
    )
    expect((yield* read("t")).json.t).toEqual([{ ts: 1000, value: 0 }])
    for (const [i, other] of others.entries())
      expect((yield* call(`${tb}/devices/${other}/telemetry?keys=t&start_ts=0&end_ts=2000`)).json.t).toEqual([{ ts: 1000, value: i + 1 }])

    const twice = yield* call(`${tb}/telemetry/bulk`, { body: { [id.toUpperCase()]: point(5), Writer: point(6), nobody: point(7) } })
    expect([twice.status, twice.json.details.errors]).toEqual([
      400,
      [{ field: "body.Writer", issue: "Expected each device only once: the body has its id and its name" }]
    ])
    expect((yield* read("t")).json.t).toEqual([{ ts: 1000, value: 0 }])
  })
)

live("a bulk upload by name whose names cannot be looked up stores nothing", () =>
  Effect.gen(function* () {
    const { call, emulator, read } = yield* withDevice
    emulator.faults.inject({ path: "*/entitiesQuery/find", outcome: { type: "Garbage" } })
    const answer = yield* call(`${tb}/telemetry/bulk`, { body: { Writer: { t: [{ ts: 1000, value: 1 }] } } })
    expect([answer.status, answer.json.error_code]).toEqual([502, "UPSTREAM_ERROR"])
    expect((yield* read("t")).json).toEqual({ t: [] })
  })
)

live("an upload without any points is rejected in the words of the FastAPI proxy, with the errors listed", () =>
  Effect.gen(function* () {
    const { call, id, write } = yield* withDevice
    const messages = Effect.fnUntraced(function* (path: string, bodies: ReadonlyArray<unknown>) {
      const answers = yield* Effect.forEach(bodies, (body) => call(`${tb}/${path}`, { body: JSON.stringify(body) }))
      return answers.map(({ json, status }) => {
        expect([status, json.error_code, json.detail, json.details.errors.length > 0]).toEqual([
          400,
          "VALIDATION_ERROR",
          json.message,
          true
        ])
        return json.message
      })
    })
    const empty = "No telemetry data provided"
    expect(yield* messages(`devices/${id}/telemetry`, [{}, { a: [] }, { a: [], b: [] }])).toEqual([empty, empty, empty])
    expect(yield* messages("telemetry/bulk", [{}, { [id]: {} }, { [id]: { a: [] } }])).toEqual([empty, empty, empty])
    const invalid = "The request is not valid; details.errors lists every error."
    expect(yield* messages(`devices/${id}/telemetry`, [[], { a: 5 }, { a: [], b: [{ ts: 1 }] }])).toEqual([invalid, invalid, invalid])
    expect(yield* messages("telemetry/bulk", [[], { " ": {} }, { [id]: 5 }])).toEqual([invalid, invalid, invalid])
    expect((yield* write('{"a":[{"ts":1,"value":1}]}')).status).toBe(201)
  })
)

live("attributes are written to their scope and read with their timestamps", () =>
  Effect.gen(function* () {
    const { call, id } = yield* withDevice
    const path = `${tb}/devices/${id}/attributes`
    const server = yield* call(`${path}/server`, { body: '{"serial":"SN-1","limit":9007199254740993,"conf":{"a":[1]},"on":true}' })
    expect([server.status, server.json.scope, server.json.count]).toEqual([201, "SERVER_SCOPE", 4])
    const shared = yield* call(`${path}/shared`, { body: { interval: 5 } })
    expect(shared.json.message).toBe("Successfully uploaded 1 shared attributes")
    const all = yield* call(path)
    expect(Object.keys(all.json.data)).toEqual(["server", "shared", "client"])
    expect(all.text).toContain('"limit":{"value":9007199254740993,"last_update_ts":')
    expect(all.json.data.client).toEqual({})
    const some = yield* call(`${path}?scope=server&keys=on,nothing`)
    expect(Object.keys(some.json.data.server)).toEqual(["on"])
    const bad = yield* call(`${path}/server`, { body: { a: null, b: "12" } })
    expect(bad.json.details.errors.map(({ field }: { field: string }) => field)).toEqual(["body.a", "body.b"])
    expect((yield* call(`${path}/server`, { body: {} })).status).toBe(400)
    expect((yield* call(`${path}/server`, { body: [1] })).status).toBe(400)
    expect((yield* call(`${path}/client`, { body: { a: 1 } })).status).toBe(404)
  })
)
