/** Requests of every kind, each with as much work for the gateway as its limits allow. */
import { idOf } from "./upstream.ts"

export interface Hostile {
  readonly name: string
  readonly path: string
  readonly body?: () => string | Uint8Array
  readonly contentType?: string
  readonly status: ReadonlyArray<number>
  /** A shorter response did not take the work. */
  readonly minBytes?: number
  /** The id of the key; the key of API_KEY if undefined. */
  readonly key?: string
}

const tb = "/api/v1/tb"
const device = idOf(1)
const upload = `${tb}/devices/${device}/telemetry`
const ten = 10 * 1024 * 1024

/** As many parts as fit into `bytes`. */
const fill = (bytes: number, open: string, close: string, part: (i: number) => string) => {
  const parts: Array<string> = []
  for (let [i, size] = [0, open.length + close.length]; ; i++) {
    const next = part(i)
    size += next.length + 1
    if (size > bytes) return open + parts.join(",") + close
    parts.push(next)
  }
}
const ts = (i: number) => 1_700_000_000_000 + i
const many = (count: number, part: (i: number) => string) => Array.from({ length: count }, (_, i) => part(i))
const csv = "text/csv"
const ndjson = "application/x-ndjson"

const json = (name: string, path: string, body: () => string | Uint8Array, ...status: Array<number>): Hostile => ({
  name,
  path,
  body,
  contentType: "application/json",
  status
})
const rows = (name: string, contentType: string, body: () => string, ...status: Array<number>): Hostile => ({
  name,
  path: `${upload}/import?dry_run=true`,
  body,
  contentType,
  status
})
const get = (name: string, path: string): Hostile => ({ name, path: tb + path, status: [200] })

export const hostileRequests: ReadonlyArray<Hostile> = [
  json("upload: 780,000 members", upload, () => fill(ten, "{", "}", (i) => `"k${i}":0`), 400),
  json("upload: 780,000 equal members", upload, () => fill(ten, "{", "}", () => `"k":0`), 400),
  json("upload: a million bad points", upload, () => fill(ten, '{"k":[', "]}", () => "{}"), 400),
  json("upload: a point with a million fields", upload, () => fill(ten, '{"k":[{', "}]}", (i) => `"f${i}":0`), 400),
  json("upload: 300,000 good points", upload, () => fill(ten, '{"k":[', "]}", (i) => `{"ts":${ts(i)},"value":1}`), 201),
  json("upload: points in descending order", upload, () => fill(ten, '{"k":[', "]}", (i) => `{"ts":${ts(9e5 - i)},"value":1}`), 201),
  json("upload: 1,000 keys with points", upload, () => fill(ten, "{", "}", (i) => `"k${i % 1000}x${i}":[{"ts":1,"value":1}]`), 400),
  json("upload: a value of 10 MB of text", upload, () => `{"k":[{"ts":${ts(0)},"value":"${"x".repeat(ten - 100)}"}]}`, 201),
  json("upload: a value of 10 MB of digits as text", upload, () => `{"k":[{"ts":${ts(0)},"value":"${"1".repeat(ten - 100)}"}]}`, 400),
  json("upload: a value of 10 MB of escapes", upload, () => `{"k":[{"ts":${ts(0)},"value":"${"\\u00e9".repeat(ten / 6 - 100)}"}]}`, 201),
  json("upload: a number of 10 MB", upload, () => `{"k":[{"ts":${ts(0)},"value":0.${"1".repeat(ten - 100)}}]}`, 201, 400),
  json("upload: a timestamp of 10 MB", upload, () => `{"k":[{"ts":${"1".repeat(ten - 100)},"value":1}]}`, 400),
  json("upload: an object of 10 MB", upload, () => fill(ten, `{"k":[{"ts":${ts(0)},"value":{`, "}}]}", (i) => `"f${i}":0`), 201, 400),
  json("upload: an array of 10 MB", upload, () => fill(ten, `{"k":[{"ts":${ts(0)},"value":[`, "]}]}", () => "[]"), 201, 400),
  json("upload: not JSON at its end", upload, () => `${fill(ten - 1, '{"k":[', "]}", (i) => `{"ts":${ts(i)},"value":1}`)}x`, 400),
  json("upload: brackets only", upload, () => "[".repeat(ten), 400),
  json("upload: white space only", upload, () => " ".repeat(ten), 400),
  json("upload: not UTF-8 at its end", upload, () => Buffer.concat([Buffer.from(`{"${"x".repeat(ten - 100)}`), Buffer.from([0xff])]), 400),
  json("upload: a key of 10 MB", upload, () => `{"${"x".repeat(ten - 100)}":[{"ts":1,"value":1}]}`, 400),
  json(
    "bulk: 10,000 devices with points",
    `${tb}/telemetry/bulk`,
    () => {
      const one = many(7, (i) => `{"ts":${ts(i)},"value":1}`).join(",")
      return `{${many(10_000, (i) => `"${idOf(i)}":{"k":[${one}]}`).join(",")}}`
    },
    200
  ),
  json("bulk: 150,000 devices", `${tb}/telemetry/bulk`, () => fill(ten, "{", "}", (i) => `"${idOf(i)}":{"k":[{"ts":1}]}`), 400),
  json("bulk: 600,000 names that are no ids", `${tb}/telemetry/bulk`, () => fill(ten, "{", "}", (i) => `"d${i}":{}`), 400),
  json("attributes: 780,000 members", `${tb}/devices/${device}/attributes/server`, () => fill(ten, "{", "}", (i) => `"k${i}":0`), 400),
  json("attributes: bad values", `${tb}/devices/${device}/attributes/server`, () => fill(ten, "{", "}", () => `"k":null`), 400),
  json(
    "attributes: 900 of 10 KB",
    `${tb}/devices/${device}/attributes/shared`,
    () => {
      return `{${many(900, (i) => `"k${i}":"${"x".repeat(10_000)}"`).join(",")}}`
    },
    201
  ),
  json(
    "latest of many: a million device ids",
    `${tb}/telemetry/latest`,
    () => fill(ten, '{"keys":["k"],"device_ids":[', "]}", () => '"x"'),
    400
  ),
  json(
    "latest of many: 11,000 wrong ids",
    `${tb}/telemetry/latest`,
    () => `{"keys":["k"],"device_ids":[${many(11_000, () => '"x"')}]}`,
    400
  ),
  json(
    "latest of many: 10,000 devices",
    `${tb}/telemetry/latest`,
    () => JSON.stringify({ keys: ["k"], device_ids: many(10_000, (i) => idOf(i, 8)) }),
    200
  ),
  json(
    "latest of many: 1,000 devices, 100 keys",
    `${tb}/telemetry/latest`,
    () => {
      return JSON.stringify({ keys: many(100, (i) => `k${i}`), device_ids: many(1000, (i) => idOf(i, 8)) })
    },
    200
  ),
  json(
    "latest of many: one key of 10 MB",
    `${tb}/telemetry/latest`,
    () => JSON.stringify({ keys: ["x".repeat(ten - 200)], device_type: "a" }),
    400
  ),
  json("latest of many: 11,000 unknown fields", `${tb}/telemetry/latest`, () => `{${many(11_000, (i) => `"f${i}":0`)}}`, 400),
  json("latest of many: deep nesting", `${tb}/telemetry/latest`, () => "[".repeat(ten), 400),
  json(
    "query: 100,000 points",
    `${tb}/devices/${idOf(100)}/telemetry/query`,
    () => {
      return JSON.stringify({ keys: many(100, (i) => `key${i}`), start_ts: ts(0), end_ts: ts(1_000_000), limit: 1000 })
    },
    200
  ),
  json(
    "query: a cursor of 64 KB",
    `${tb}/devices/${device}/telemetry/query`,
    () => JSON.stringify({ keys: ["k"], cursor: "A".repeat(65_536) }),
    400
  ),
  rows("CSV: 10 MB of good rows", csv, () => `ts,key,value\n${many(300_000, (i) => `${ts(i)},k,1.5`).join("\n")}`, 200),
  rows("CSV: 10 MB of bad rows", csv, () => `ts,key,value\n${"x,y\n".repeat(ten / 4)}`, 200),
  rows(
    "CSV: a header of 100,000 columns",
    csv,
    () => `ts,${many(100_000, (i) => `c${i}`)}\n1700000000000,${many(100_000, () => "1")}\n`,
    200,
    400
  ),
  rows("CSV: a row of 500,000 cells", csv, () => `ts,a\n${"1,".repeat(500_000)}\n`, 200),
  rows("CSV: a quoted field that never ends", csv, () => `ts,key,value\n1700000000000,k,"${"x".repeat(ten)}`, 200),
  rows(
    "CSV: a cell with an object of 1 MB",
    csv,
    () => {
      return `ts,key,value\n1700000000000,k,"${fill(1_000_000, "{", "}", (i) => `""f${i}"":0`)}"\n`
    },
    200
  ),
  rows("CSV: empty lines", csv, () => `ts,key,value\n${"\n".repeat(ten)}`, 200),
  rows("NDJSON: 10 MB of good rows", ndjson, () => many(250_000, (i) => `{"ts":${ts(i)},"key":"k","value":1}`).join("\n"), 200),
  rows("NDJSON: a million bad rows", ndjson, () => "x\n".repeat(1_000_000), 200),
  rows("NDJSON: a row of 1 MB with many fields", ndjson, () => `${fill(1_000_000, "{", "}", (i) => `"f${i}":0`)}\n`, 200),
  rows(
    "NDJSON: a row of 1 MB with an object",
    ndjson,
    () => `{"ts":1700000000000,"key":"k","value":${fill(1_000_000, "{", "}", (i) => `"f${i}":0`)}}\n`,
    200
  ),
  rows("NDJSON: a line of 10 MB", ndjson, () => "x".repeat(ten), 200),
  rows("NDJSON: a row of 1 MB of brackets", ndjson, () => "[".repeat(1_000_000), 200),
  { ...get("graph: a hub of 40,000 relations", `/graph/${idOf(40_000)}`), minBytes: 50_000 },
  { ...get("graph: a hub as Mermaid", `/graph/${idOf(40_000)}/diagram?format=mermaid&hard_node_limit=1000`), minBytes: 50_000 },
  { ...get("graph: a hub, restricted key", `/graph/${idOf(20_000)}`), minBytes: 50_000, key: "restricted" },
  get("devices: a page of 16 MB", "/devices?page_size=1000"),
  { ...get("devices: restricted to 20,000", "/devices?page_size=100&sort=name&order=ASC"), key: "restricted" },
  get("keys: 100,000", `/devices/${idOf(100_000)}/keys`),
  get("latest: 100,000 keys", `/devices/${idOf(100_000)}/telemetry/latest`),
  get("attributes: 30,000 in each scope", `/devices/${idOf(30_000)}/attributes`),
  ...(["csv", "json", "xlsx", "parquet"] as const).map((format) =>
    get(`export: ${format}`, `/devices/${idOf(3)}/telemetry/export?start_ts=${ts(0)}&end_ts=${ts(300_000)}&format=${format}`)
  ),
  {
    ...get("query string at its maximum", `/devices/${idOf(100)}/telemetry/latest?keys=${"a,".repeat(3900)}b`),
    status: [400]
  },
  { ...get("parameters at their maximum", `/devices?${"a&".repeat(4000)}`), status: [400] }
]
