/** Points of a JSON body: checked as a whole, every fault named by its place. */
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
  /** One for each key and time. */
  readonly points: ReadonlyArray<IncomingPoint>
  readonly keys: ReadonlyArray<string>
  /** Decimals that ThingsBoard does not hold as they came. */
  readonly rounded: number
  /** Points that a later one with the same key and time replaced. */
  readonly replaced: number
}

const twice = "Expected only once"

/** The last one of each time. */
const lastOnes = (points: ReadonlyArray<IncomingPoint>): ReadonlyArray<IncomingPoint> => {
  let ascending = true
  for (let i = 1; i < points.length && ascending; i++) ascending = points[i - 1]!.ts < points[i]!.ts
  return ascending ? points : [...new Map(points.map((point) => [point.ts, point])).values()]
}

/** Reads `{key: [{ts, value}]}` in one body after another. */
export class PointReader {
  private readonly body: JsonReader
  private readonly rules: ValueRules
  private readonly faults: FieldErrors
  private rounded = 0

  constructor(body: JsonReader, rules: ValueRules, faults: FieldErrors) {
    this.body = body
    this.rules = rules
    this.faults = faults
  }

  /** `path` is where the object stands in the body; `found` gets what was read. Returns the end of the object. */
  read(at: number, path: string, found: (reading: PointsRead) => void): number {
    const { body, faults } = this
    if (!body.isObject(at)) {
      faults.add(path, "Expected an object of keys with their points")
      return body.skip(at)
    }
    const keys = new Set<string>()
    const points: Array<IncomingPoint> = []
    let read = 0
    let members = 0
    this.rounded = 0
    const end = body.members(at, (key, valueAt) => {
      members++
      const place = path === "body" ? key : `${path}.${key}`
      const issue = keys.has(key) ? twice : telemetryKeyIssue(key)
      if (issue !== undefined) faults.add(place, issue)
      keys.add(key)
      const series: Array<IncomingPoint> = []
      const listEnd = this.series(key, valueAt, place, series)
      read += series.length
      for (const point of lastOnes(series)) points.push(point)
      return listEnd
    })
    if (members === 0) faults.add(path, "Expected one or more keys")
    const most = this.rules.bounds?.keys
    if (most !== undefined && keys.size > most) faults.add(path, `Expected at most ${most} keys (MAX_KEYS_PER_REQUEST)`)
    found({ points, keys: [...keys], rounded: this.rounded, replaced: read - points.length })
    return end
  }

  private series(key: string, at: number, place: string, into: Array<IncomingPoint>): number {
    const { body, faults } = this
    let count = 0
    if (body.isList(at)) {
      const end = body.elements(at, (i, pointAt) => {
        count++
        return this.point(key, pointAt, place, i, into)
      })
      if (count > 0) return end
    }
    faults.add(place, "Expected a list of one or more points {ts, value}")
    return body.skip(at)
  }

  private point(key: string, at: number, list: string, index: number, into: Array<IncomingPoint>): number {
    const { body, faults, rules } = this
    const fault = (member: string, issue: string) => faults.add(`${list}[${index}]${member}`, issue)
    if (!body.isObject(at)) {
      fault("", "Expected a point {ts, value}")
      return body.skip(at)
    }
    let ts: number | string | undefined
    let token: string | undefined
    const end = body.members(at, (name, valueAt) => {
      const valueEnd = body.skip(valueAt)
      if (name === "ts" && ts === undefined) ts = parseNumericTimestamp(body.token(valueAt, valueEnd), rules.tsUnit)
      else if (name === "value" && token === undefined) token = body.token(valueAt, valueEnd)
      else fault(`.${name}`, name === "ts" || name === "value" ? twice : "Expected no other member than ts and value")
      return valueEnd
    })
    if (typeof ts !== "number") fault(".ts", ts ?? "Expected the time of the point")
    const checked = token === undefined ? { issue: "Expected a value" } : checkToken(token, rules)
    if ("issue" in checked) fault(".value", checked.issue)
    else if (typeof ts === "number") {
      if (checked.rounded) this.rounded++
      into.push({ key, ts, token: checked.token })
    }
    return end
  }
}
