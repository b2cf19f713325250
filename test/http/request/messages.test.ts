/** What callers read about an invalid request: where the error is, and what to send instead, in their own terms. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { effect, live } from "../../support/effectTest.ts"
import { closestName } from "../../../src/domain/closestName.ts"
import { isoTimeIssue } from "../../../src/domain/isoTime.ts"
import { gateway, type TestResponse } from "../../support/gateway.ts"

const id = "00000000-0000-4000-8000-000000000001"
const tb = "/api/v1/tb"
const uuid = "Expected a UUID such as 784f394c-42b6-435a-983c-b7beff2784f9"
const time = "Expected milliseconds since the Unix epoch"

interface Case {
  readonly what: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly errors: Readonly<Record<string, string>>
}

const cases: ReadonlyArray<Case> = [
  {
    what: "an unknown parameter, with the closest known one",
    path: "/devices?pagesize=3&Sort=name&search=x",
    errors: {
      "query.pagesize": "Unknown parameter; did you mean page_size?",
      "query.Sort": "Unknown parameter; did you mean sort?",
      "query.search": "Unknown parameter; did you mean text_search?"
    }
  },
  {
    what: "an unknown parameter that is like no other, with all known ones",
    path: "/asset-types?verbose=1",
    errors: { "query.verbose": "Unknown parameter; expected page, page_size, text_search" }
  },
  {
    what: "a parameter of an endpoint that has none",
    path: `/devices/${id}?fields=name`,
    errors: { "query.fields": "Unknown parameter; expected none" }
  },
  {
    what: "missing parameters",
    path: `/devices/${id}/telemetry?start=0`,
    errors: {
      "query.start": "Unknown parameter; did you mean start_ts?",
      "query.start_ts": "Required",
      "query.end_ts": "Required"
    }
  },
  {
    what: "values of an enum",
    path: `/devices?sort=names&order=asc&active=maybe`,
    errors: {
      "query.sort": "Expected one of created_time, name, type, label",
      "query.order": "Expected one of ASC, DESC",
      "query.active": "Expected one of true, false"
    }
  },
  {
    what: "numbers",
    path: "/devices?page=first&page_size=1001",
    errors: { "query.page": "Expected a number", "query.page_size": "Expected a value between 1 and 1000" }
  },
  { what: "a fraction", path: "/devices?page=1.5", errors: { "query.page": "Expected an integer" } },
  { what: "a parameter given twice", path: "/devices?page=1&page=2", errors: { "query.page": "Expected this parameter only once" } },
  {
    what: "a text that is too long",
    path: `/devices?text_search=${"a".repeat(256)}`,
    errors: { "query.text_search": "Expected at most 255 characters" }
  },
  { what: "an id", path: "/devices/Thermostat", errors: { "path.device_id": uuid } },
  {
    what: "an entry of a list",
    path: `/devices/${id}/attributes?keys=a,,b`,
    errors: { "query.keys[1]": "Expected a key that is not blank" }
  },
  {
    what: "a date where milliseconds are required",
    path: `/devices/${id}/telemetry?start_ts=2026-01-01&end_ts=2026-01-31T08:00:00%2B01:00`,
    errors: { "query.start_ts": `${time}: 1767225600000 for this time in UTC`, "query.end_ts": `${time}: 1769842800000 for this time` }
  },
  {
    what: "a time out of range",
    path: `/devices/${id}/telemetry?start_ts=-1&end_ts=1`,
    errors: { "query.start_ts": "Expected milliseconds since the Unix epoch, a whole number from 0 to 253402300799999" }
  },
  {
    what: "a range in seconds",
    path: `/devices/${id}/telemetry/export?start_ts=1700000000&end_ts=1700086400&format=csv`,
    errors: {
      "query.start_ts": "Looks like seconds; expected milliseconds since the Unix epoch",
      "query.end_ts": "Looks like seconds; expected milliseconds since the Unix epoch"
    }
  },
  {
    what: "a range in microseconds and nanoseconds",
    path: `/devices/${id}/telemetry/query`,
    body: { keys: ["a"], start_ts: 1_700_000_000_000_000, end_ts: 1_700_000_000_000_000_000 },
    errors: {
      "body.start_ts": "Looks like microseconds; expected milliseconds since the Unix epoch",
      "body.end_ts": "Looks like nanoseconds; expected milliseconds since the Unix epoch"
    }
  },
  {
    what: "a time after the year 9999",
    path: "/telemetry/export",
    body: { device_ids: [id], start_ts: 0, end_ts: 9e20 },
    errors: { "body.end_ts": "Expected milliseconds since the Unix epoch, a whole number from 0 to 253402300799999" }
  },
  {
    what: "NUL in a search",
    path: "/devices?text_search=a%00b",
    errors: { "query.text_search": "Expected a text without NUL characters or lone surrogates" }
  },
  {
    what: "NUL in keys",
    path: `/devices/${id}/telemetry/latest?keys=a%00b`,
    errors: { "query.keys[0]": "Expected a key without NUL characters or lone surrogates" }
  },
  {
    what: "a lone surrogate in a key",
    path: "/telemetry/latest",
    body: `{"device_ids":["${id}"],"keys":["a\\ud800"]}`,
    errors: { "body.keys[0]": "Expected a key without NUL characters or lone surrogates" }
  },
  {
    what: "NUL in a relation type",
    path: `/graph/${id}?relation_types=a%00`,
    errors: { "query.relation_types[0]": "Expected a relation type without NUL characters or lone surrogates" }
  },
  {
    what: "what only a service knows about a query",
    path: `/devices/${id}/telemetry?start_ts=5&end_ts=3`,
    errors: { "query.end_ts": "Expected a time after start_ts" }
  },
  {
    what: "several parameters that only a service can check",
    path: `/devices/${id}/telemetry?start_ts=5&end_ts=30&agg=AVG&timezone=Mars`,
    errors: { "query.timezone": "Expected an IANA time zone such as Europe/Berlin", "query.interval": "Expected an interval with agg" }
  },
  {
    what: "fields of a body",
    path: `/devices/${id}/telemetry/query`,
    body: { key: ["a"], keys: ["", 3], limit: 5000, order: "UP", start_ts: "2026-01-01T00:00:00Z" },
    errors: {
      "body.key": "Unknown field; did you mean keys?",
      "body.keys[0]": "Expected a key that is not blank",
      "body.keys[1]": "Expected a string",
      "body.limit": "Expected a value between 1 and 1000",
      "body.order": "Expected one of ASC, DESC",
      "body.start_ts": `${time}: 1767225600000 for this time`
    }
  },
  { what: "a body that is no object", path: `/devices/${id}/telemetry/query`, body: [], errors: { body: "Expected an object" } },
  {
    what: "what only a service knows about a body",
    path: `/devices/${id}/telemetry/query`,
    body: { keys: ["a"], start_ts: 5, end_ts: 3 },
    errors: { "body.end_ts": "Expected a time after start_ts" }
  },
  {
    what: "ids in a body",
    path: "/telemetry/latest",
    body: { device_ids: ["Thermostat"], keys: ["a"] },
    errors: { "body.device_ids[0]": uuid }
  },
  {
    what: "an empty list",
    path: "/telemetry/latest",
    body: { device_ids: [id], keys: [] },
    errors: { "body.keys": "Expected at least 1 item" }
  },
  {
    what: "an upload",
    path: `/devices/${id}/telemetry`,
    body: { a: [{ ts: 1, value: 1, unit: "C" }], b: [{ ts: 1 }, { ts: "2026-01-01", value: null }], c: 5 },
    errors: {
      "body.a[0].unit": "Expected no other fields than ts and value",
      "body.b[0].value": "Expected a value",
      "body.b[1].ts": `${time}: 1767225600000 for this time in UTC`,
      "body.b[1].value": "Expected a value, not null",
      "body.c": "Expected a list of one or more points {ts, value}"
    }
  },
  {
    what: "an upload for several devices",
    path: "/telemetry/bulk",
    body: { " ": {}, [id]: { a: [{ ts: "x", value: 1 }] } },
    errors: {
      "body. ": "Expected a device id or name, of at most 255 characters and not blank",
      [`body.${id}.a[0].ts`]: "Expected milliseconds since the Unix epoch, a whole number from 0 to 253402300799999"
    }
  },
  {
    what: "attributes",
    path: `/devices/${id}/attributes/shared`,
    body: { a: null, "<b>": 1 },
    errors: { "body.a": "Expected a value, not null", "body.<b>": "Expected a key without markup" }
  },
  { what: "a header", path: "/devices", headers: { host: "a b" }, errors: { "header.host": "Expected one host, optionally with a port" } }
]

const errorsOf = ({ json }: TestResponse): Record<string, string> =>
  Object.fromEntries(json.details.errors.map(({ field, issue }: { field: string; issue: string }) => [field, issue]))

describe("the errors of an invalid request", () => {
  live("name each field by the same scheme, and say what to send", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      for (const { body, errors, headers, path, what } of cases) {
        const answer = yield* call(tb + path, { ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) })
        expect({ what, status: answer.status, errors: errorsOf(answer) }).toEqual({ what, status: 400, errors })
      }
    })
  )

  live("do not contain what was sent", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const answer = yield* call(`${tb}/devices/canary-id/telemetry/query`, {
        body: { keys: "canary-a", order: "canary-b", start_ts: "2026-canary", interval: "canary-c", limit: "canary-d" }
      })
      expect(Object.keys(errorsOf(answer)).length).toBeGreaterThan(4)
      expect(answer.text).not.toContain("canary")
    })
  )

  live("are described for the first hundred of many", () =>
    Effect.gen(function* () {
      const { call } = yield* gateway()
      const body = { keys: ["a"], ...Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`unknown${n}`, 1])) }
      const { json, status } = yield* call(`${tb}/devices/${id}/telemetry/query`, { body })
      expect([status, json.details.errors.length]).toEqual([400, 101])
      expect(json.details.errors.at(-1)).toEqual({ field: "request", issue: "and 1900 more errors" })
      expect(json.details.errors.filter(({ issue }: { issue: string }) => issue === "not described")).toEqual([])
    })
  )
})

describe("the closest known name", () => {
  const known = ["page", "page_size", "text_search", "device_type", "sort", "order", "start_ts", "end_ts"]
  for (const [given, closest] of [
    ["pageSize", "page_size"],
    ["page-size", "page_size"],
    ["pages", "page"],
    ["soort", "sort"],
    ["ORDER", "order"],
    ["start", "start_ts"],
    ["search", "text_search"],
    ["type", "device_type"],
    ["x", undefined],
    ["verbose", undefined],
    ["", undefined],
    ["page".repeat(1000), undefined]
  ] as const)
    effect(`of ${given.slice(0, 20)} is ${closest}`, () => Effect.sync(() => expect(closestName(given, known)).toBe(closest)))
})

describe("a date where milliseconds are required", () => {
  for (const [given, issue] of [
    ["2026-01-31T08:00:00+01:00", `${time}: 1769842800000 for this time`],
    ["2026-01-31T07:00:00Z", `${time}: 1769842800000 for this time`],
    ["2026-01-31", `${time}: 1769817600000 for this time in UTC`],
    ["2026-01-31 07:00", `${time}: 1769842800000 for this time in UTC`],
    ["2026-02-31", `${time}, not a date`],
    ["2026-01-31T08:00:00 01:00", `${time}, not a date`],
    ["yesterday", undefined]
  ] as const)
    effect(`${given}: ${issue}`, () => Effect.sync(() => expect(isoTimeIssue(given)).toBe(issue)))
})
