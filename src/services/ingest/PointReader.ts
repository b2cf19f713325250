/** Reads the points of a JSON body. All errors are reported, each with its location in the body. */
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import type { JsonReader } from "../../json/JsonReader.ts"
import { parseNumericTimestamp } from "./timestamps.ts"
import { checkToken, telemetryKeyIssue, type ValueRules } from "../validation/values.ts"

export interface IncomingPoint {
  readonly key: string
  readonly ts: number
  /** The JSON token of the value. */
  readonly token: string
}

export interface PointsRead {
  /** One per key and timestamp. */
  readonly points: ReadonlyArray<IncomingPoint>
  readonly keys: ReadonlyArray<string>
  /** Decimals that ThingsBoard stores rounded. */
  readonly rounded: number
  /** Points that a later point with the same key and timestamp replaced. */
  readonly replaced: number
}

const duplicate = "Expected only once"

/** Keeps the last point of each timestamp. */
const dropReplaced = (points: ReadonlyArray<IncomingPoint>): ReadonlyArray<IncomingPoint> => {
  let ascending = true
  for (let i = 1; i < points.length && ascending; i++) ascending = points[i - 1]!.ts < points[i]!.ts
  return ascending ? points : [...new Map(points.map((point) => [point.ts, point])).values()]
}

/** Reads objects `{key: [{ts, value}]}` of one body. */
export class PointReader {
  private readonly body: JsonReader
  private readonly rules: ValueRules
  private readonly errors: FieldErrors
  private rounded = 0

  constructor(body: JsonReader, rules: ValueRules, errors: FieldErrors) {
    this.body = body
    this.rules = rules
    this.errors = errors
  }

  /** `path` is the location of the object in the body; `found` gets what was read. Returns the end of the object. */
  read(at: number, path: string, found: (points: PointsRead) => void): number {
    const { body, errors } = this
    if (!body.isObject(at)) {
      errors.add(path, "Expected an object of keys and their points")
      return body.skip(at)
    }
    const keys = new Set<string>()
    const points: Array<IncomingPoint> = []
    let pointsRead = 0
    let keysRead = 0
    this.rounded = 0
    const end = body.readFields(at, (key, valueAt) => {
      keysRead++
      const location = path === "body" ? key : `${path}.${key}`
      const issue = keys.has(key) ? duplicate : telemetryKeyIssue(key)
      if (issue !== undefined) errors.add(location, issue)
      keys.add(key)
      const series: Array<IncomingPoint> = []
      const listEnd = this.readSeries(key, valueAt, location, series)
      pointsRead += series.length
      for (const point of dropReplaced(series)) points.push(point)
      return listEnd
    })
    if (keysRead === 0) errors.add(path, "Expected one or more keys")
    const max = this.rules.limits?.maxKeys
    if (max !== undefined && keys.size > max) errors.add(path, `Expected at most ${max} keys (MAX_KEYS_PER_REQUEST)`)
    found({ points, keys: [...keys], rounded: this.rounded, replaced: pointsRead - points.length })
    return end
  }

  private readSeries(key: string, at: number, location: string, into: Array<IncomingPoint>): number {
    const { body, errors } = this
    let count = 0
    if (body.isList(at)) {
      const end = body.readElements(at, (i, pointAt) => {
        count++
        return this.readPoint(key, pointAt, location, i, into)
      })
      if (count > 0) return end
    }
    errors.add(location, "Expected a list of one or more points {ts, value}")
    return body.skip(at)
  }

  private readPoint(key: string, at: number, list: string, index: number, into: Array<IncomingPoint>): number {
    const { body, errors, rules } = this
    const addError = (field: string, issue: string) => errors.add(`${list}[${index}]${field}`, issue)
    if (!body.isObject(at)) {
      addError("", "Expected a point {ts, value}")
      return body.skip(at)
    }
    let ts: number | string | undefined
    let token: string | undefined
    const end = body.readFields(at, (name, valueAt) => {
      const valueEnd = body.skip(valueAt)
      if (name === "ts" && ts === undefined) ts = parseNumericTimestamp(body.textOf(valueAt, valueEnd), rules.tsUnit)
      else if (name === "value" && token === undefined) token = body.textOf(valueAt, valueEnd)
      else addError(`.${name}`, name === "ts" || name === "value" ? duplicate : "Expected no other fields than ts and value")
      return valueEnd
    })
    if (typeof ts !== "number") addError(".ts", ts ?? "Expected the timestamp of the point")
    const checked = token === undefined ? { issue: "Expected a value" } : checkToken(token, rules)
    if ("issue" in checked) addError(".value", checked.issue)
    else if (typeof ts === "number") {
      if (checked.rounded) this.rounded++
      into.push({ key, ts, token: checked.token })
    }
    return end
  }
}
