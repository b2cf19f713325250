/** Reads the points of a JSON body. All errors are reported, each with its location in the body. */
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { type ElementCursor, type JsonReader, largeBody } from "../../json/JsonReader.ts"
import { FutureCounter } from "./futureTimes.ts"
import { parseMilliseconds, parseNumericTimestamp } from "./timestamps.ts"
import { type CheckedValue, checkLargeToken, checkToken, telemetryKeyIssue, type ValueRules } from "../validation/values.ts"

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

/** Elements between two looks at the clock. */
const perLook = 64

/** A map of half a million entries takes longer than a turn to grow, so the points of a series are spread over several. */
const maxSlots = 61

const isAscending = (points: ReadonlyArray<IncomingPoint>): boolean => {
  for (let i = 1; i < points.length; i++) if (points[i - 1]!.ts >= points[i]!.ts) return false
  return true
}

/** Keeps the last point of each timestamp, in the place of the first. */
function* dropReplaced(points: ReadonlyArray<IncomingPoint>, isTurnOver: IsTurnOver): Steps<ReadonlyArray<IncomingPoint>> {
  const kept: Array<IncomingPoint> = []
  const indexes = Array.from({ length: points.length > 10_000 ? maxSlots : 1 }, () => new Map<number, number>())
  for (let i = 0; i < points.length; i++) {
    const point = points[i]!
    const byTime = indexes[point.ts % indexes.length]!
    const index = byTime.get(point.ts)
    if (index === undefined) byTime.set(point.ts, kept.push(point) - 1)
    else kept[index] = point
    if (i % perLook === 0 && isTurnOver()) yield
  }
  return kept
}

/** A value that takes longer to check than the rest of its point: it is checked when the point has been read. */
interface LargeValue {
  readonly at: number
  readonly end: number
}

/** A longer text is no timestamp. */
const maxTimestampLength = 64

const parseTime = (text: string, unit: ValueRules["tsUnit"]) =>
  unit === undefined ? parseMilliseconds(text) : parseNumericTimestamp(text, unit)

/** Reads objects `{key: [{ts, value}]}` of one body. */
export class PointReader {
  private readonly body: JsonReader
  private readonly rules: ValueRules
  private readonly errors: FieldErrors
  private rounded = 0
  private large: LargeValue | undefined
  /** Of all objects of the body. */
  readonly future: FutureCounter
  /** Whether the body has anything else than objects without keys and keys without points. */
  hasData = false

  /** Points after `lastExpected` are counted. */
  constructor(body: JsonReader, rules: ValueRules, errors: FieldErrors, lastExpected?: number) {
    this.body = body
    this.rules = rules
    this.errors = errors
    this.future = new FutureCounter(lastExpected)
  }

  /** `path` is the location of the object in the body. Returns what was read, unless it is no object, and its end. */
  *read(at: number, path: string): Steps<readonly [found: PointsRead | undefined, end: number]> {
    const { body, errors } = this
    if (!body.isObject(at)) {
      errors.add(path, "Expected an object of keys and their points")
      this.hasData = true
      return [undefined, body.skip(at)]
    }
    const keys = new Set<string>()
    const points: Array<IncomingPoint> = []
    let pointsRead = 0
    const max = this.rules.limits?.maxKeys ?? Number.POSITIVE_INFINITY
    this.rounded = 0
    const fields = body.fields(at)
    while (fields.next()) {
      if (body.isTurnOver()) yield
      const key = fields.name
      const location = `${path}.${key}`
      const issue = keys.has(key) ? duplicate : telemetryKeyIssue(key)
      if (issue !== undefined) errors.add(location, issue)
      keys.add(key)
      if (keys.size > max && body.isLarge) break
      const series: Array<IncomingPoint> = []
      const elements = body.isList(fields.at) ? body.elements(fields.at) : undefined
      // Not a generator of its own: most series are short.
      if (elements !== undefined)
        while (this.readPoints(elements, key, location, series)) {
          if (body.isTurnOver()) yield
          if (this.large !== undefined) yield* this.checkLarge(this.large, `${location}[${elements.count - 1}].value`, series)
        }
      if (elements?.count !== 0) this.hasData = true
      if (elements === undefined || elements.count === 0) {
        errors.add(location, "Expected a list of one or more points {ts, value}")
        fields.end = body.skip(fields.at)
      } else fields.end = elements.end
      pointsRead += series.length
      for (const point of isAscending(series) ? series : yield* dropReplaced(series, body.isTurnOver)) points.push(point)
    }
    if (keys.size === 0) errors.add(path, "Expected one or more keys")
    if (keys.size > max) errors.addFinal(path, `Expected at most ${max} keys (MAX_KEYS_PER_REQUEST)`)
    return [{ points, keys: [...keys], rounded: this.rounded, replaced: pointsRead - points.length }, fields.end]
  }

  /** Reads some points, up to one with a large value, which remains to be checked. Returns whether there may be more. */
  private readPoints(elements: ElementCursor, key: string, location: string, into: Array<IncomingPoint>): boolean {
    const max = elements.count + perLook
    while (elements.next()) {
      elements.end = this.readPoint(key, elements.at, location, elements.count - 1, into)
      if (this.large !== undefined || elements.count >= max) return true
    }
    return false
  }

  private readPoint(key: string, at: number, list: string, index: number, into: Array<IncomingPoint>): number {
    const { body, errors, rules } = this
    if (!body.isObject(at)) {
      errors.add(`${list}[${index}]`, "Expected a point {ts, value}")
      return body.skip(at)
    }
    let ts: number | string | undefined
    let token: string | undefined
    let large: LargeValue | undefined
    const fields = body.fields(at)
    while (fields.next()) {
      const { at: from, name } = fields
      const end = body.skip(from)
      if (name === "ts" && ts === undefined) ts = parseTime(end - from > maxTimestampLength ? "" : body.textOf(from, end), rules.tsUnit)
      else if (name === "value" && token === undefined) {
        if (end - from >= largeBody) large = { at: from, end }
        token = large === undefined ? body.textOf(from, end) : ""
      } else errors.add(`${list}[${index}].${name}`, name === "ts" || name === "value" ? duplicate : unknownField)
      fields.end = end
    }
    if (typeof ts !== "number") errors.add(`${list}[${index}].ts`, ts ?? "Expected the timestamp of the point")
    this.large = large
    const checked = token === undefined ? noValue : large === undefined ? checkToken(token, rules) : notChecked
    if ("issue" in checked) errors.add(`${list}[${index}].value`, checked.issue)
    else if (typeof ts === "number") {
      if (checked.rounded) this.rounded++
      if (ts > this.future.last) this.future.add(`at ${list}[${index}]`)
      into.push({ key, ts, token: checked.token })
    }
    return fields.end
  }

  /** Checks the value of the last point, and puts it into its place. */
  private *checkLarge({ at, end }: LargeValue, location: string, into: Array<IncomingPoint>): Steps<void> {
    this.large = undefined
    const checked = yield* checkLargeToken(this.body.bytes, at, end, this.rules, this.body.isTurnOver)
    if ("issue" in checked) this.errors.add(location, checked.issue)
    else if (into.length > 0) into[into.length - 1] = { ...into.at(-1)!, token: checked.token }
  }
}

const unknownField = "Expected no other fields than ts and value"
const noValue: CheckedValue = { issue: "Expected a value" }
const notChecked: CheckedValue = { token: "", rounded: false }
