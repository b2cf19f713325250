/**
 * Every parameter of every operation, and every name and value in every example of a body, replaced by hostile text. All else is valid, so
 * the text gets as far as it can. Whatever ThingsBoard would answer with 500 must be rejected before. The emulator fails like the recorded
 * servers do.
 */
import { expect } from "bun:test"
import { Effect } from "effect"
import openapi from "../../openapi.json" with { type: "json" }
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"

const uuid = "00000000-0000-4000-8000-000000000001"

const texts = [
  "\0",
  "a\0b",
  "\u0001",
  "\uFFFE",
  "😀",
  "\u202E",
  " ",
  " a ",
  "%",
  "_",
  "\\",
  "a\\",
  "100%_a\\b",
  "'; DROP TABLE device; --",
  '"',
  "..",
  "../../api/auth/user",
  "a/b",
  "a,b",
  ",",
  "<b>",
  "=1+1",
  "null",
  "NaN",
  "true",
  "007",
  "-1",
  "0",
  "1e400",
  "9223372036854775808",
  "253402300800000",
  "1700000000",
  "[]",
  "{}",
  "__proto__",
  "constructor",
  "ALARM",
  "WIDGETS_BUNDLE",
  uuid,
  "x".repeat(255),
  "x".repeat(256),
  "😀".repeat(128),
  "x".repeat(1500)
]

/** As JSON: those texts, lone surrogates, and what is no text. */
const tokens = [
  ...texts.map((text) => JSON.stringify(text)),
  '"\\ud800"',
  '"a\\udc00b"',
  '["\\ud800"]',
  '{"\\u0000":"\\u0000"}',
  "null",
  "true",
  "-1",
  "0",
  "1e400",
  "[1e400]",
  "9223372036854775808",
  "253402300800000",
  "1.7976931348623157e309",
  "[]",
  "{}",
  '[""]',
  `[${"[".repeat(50)}${"]".repeat(50)}]`
]

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly example?: unknown
}

interface Operation {
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> }
}

interface Request {
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly type?: string
}

const operations = Object.entries(openapi.paths as unknown as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation }))
)

const exampleOf = ({ example, name }: Parameter) =>
  String(example ?? (name.endsWith("_id") ? (name === "asset_id" ? assetId : deviceId) : "a"))

/** The ids in the examples. */
const deviceId = "d0000000-0000-11f0-8000-000000000003"
const assetId = "a0000000-0000-11f0-8000-000000000006"

const pathOf = (path: string, parameters: ReadonlyArray<Parameter>, changed?: Parameter, text = "") => {
  const valueOf = (parameter: Parameter) => encodeURIComponent(parameter === changed ? text : exampleOf(parameter))
  const inPath = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => valueOf(parameters.find((one) => one.name === name)!))
  const query = parameters.filter((parameter) => parameter.in === "query" && (parameter.required === true || parameter === changed))
  return `${inPath}?${query.map((parameter) => `${parameter.name}=${valueOf(parameter)}`).join("&")}`
}

const mark = "\u{F0000}"

/** Copies of a JSON value with a mark in place of each value and each name in turn. */
const marked = (json: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(json)) return [mark, ...json.flatMap((element, i) => marked(element).map((one) => json.with(i, one)))]
  if (typeof json !== "object" || json === null) return [mark]
  const fields = Object.entries(json)
  return [
    mark,
    ...fields.flatMap(([, value], i) =>
      [...marked(value).map((one) => fields.with(i, [fields[i]![0], one])), fields.with(i, [mark, value])].map(Object.fromEntries)
    )
  ]
}

/** Names are texts, so only texts replace them. */
const fillMark = (json: string, token: string) =>
  json.includes(`"${mark}":`) && !token.startsWith('"') ? undefined : json.replace(`"${mark}"`, () => token)

/** Copies of a CSV or NDJSON file with a text in each cell. */
const csvBodies = (file: string, text: string): ReadonlyArray<string> => {
  const lines = file.trimEnd().split("\n")
  return [0, 1].flatMap((line) => {
    const cells = lines[line]!.split(",")
    return cells.map((_, i) => lines.with(line, cells.with(i, `"${text.replaceAll('"', '""')}"`).join(",")).join("\n"))
  })
}

const bodiesOf = ({ requestBody }: Operation): ReadonlyArray<{ readonly type: string; readonly body: string }> => {
  if (requestBody === undefined) return []
  const [[type, { example }]] = Object.entries(requestBody.content) as [[string, { readonly example?: unknown }]]
  if (typeof example === "string") {
    const rows = tokens.flatMap((token) => [
      `{"ts":1700000000000,"a":${token}}`,
      `{"ts":${token},"a":1}`,
      `{"ts":1,"device_name":${token},"a":1}`
    ])
    const csv = texts.flatMap((text) => csvBodies(example, text)).map((body) => ({ type: "text/csv", body }))
    return [...csv, ...rows.map((body) => ({ type: "application/x-ndjson", body }))]
  }
  return marked(example).flatMap((one) => {
    const json = JSON.stringify(one)
    return tokens.flatMap((token) => {
      const body = fillMark(json, token)
      return body === undefined ? [] : [{ type, body }]
    })
  })
}

const requests: ReadonlyArray<Request> = operations.flatMap((operation) => {
  const { method, parameters = [], path } = operation
  const bodies = bodiesOf(operation)
  const valid = bodies.length === 0 ? {} : { body: "{}", type: bodies[0]!.type }
  return [
    ...parameters.flatMap((parameter) => texts.map((text) => ({ method, path: pathOf(path, parameters, parameter, text), ...valid }))),
    ...bodies.map((body) => ({ method, path: pathOf(path, parameters), ...body }))
  ]
})

/** The emulator remembers a limited number of calls. */
const perLook = 500

/** The versions differ little in what they reject, so each gets another third, unless HOSTILE_INPUTS is `all`. */
const sampleOf = (remainder: number) =>
  process.env["HOSTILE_INPUTS"] === "all" ? requests : requests.filter((_, i) => i % 3 === remainder)
const samples = { "4.1": sampleOf(0), "4.3": sampleOf(1) } as const

for (const version of ["4.1", "4.3"] as const) {
  const sample = samples[version]
  live(
    `no hostile text in any of ${sample.length} requests makes ThingsBoard ${version} fail`,
    () =>
      Effect.gen(function* () {
        const it = yield* gateway({ emulator: { version } })
        const { directory } = it.emulator.store
        const common = { tenantId: it.tenant.tenantId, now: 1 }
        directory.createDevice({ ...common, id: deviceId, name: "Thermostat Office 101", type: "thermostat" })
        directory.createAsset({ ...common, id: assetId, name: "Office 101", type: "office" })
        const failed: Array<unknown> = []
        let accepted = 0
        const send = Effect.fnUntraced(function* ({ body, method, path, type }: Request) {
          const { status, text } = yield* it.call(path, {
            method,
            ...(body === undefined ? {} : { body, headers: { "content-type": type! } })
          })
          if (status >= 500) failed.push([method, path, body, status, text])
          if (status < 300) accepted++
        })
        for (let at = 0; at < sample.length; at += perLook) {
          yield* Effect.forEach(sample.slice(at, at + perLook), send, { concurrency: 8, discard: true })
          failed.push(...it.emulator.faults.calls().filter((call) => call.status === null || call.status >= 500))
          it.emulator.faults.clearCalls()
        }
        expect(failed.slice(0, 5)).toEqual([])
        expect(accepted).toBeGreaterThan(sample.length / 5)
      }),
    240_000
  )
}
