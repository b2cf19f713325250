import type { IsTurnOver, Steps } from "../../domain/Steps.ts"

/** A point to store. */
export interface TelemetryPoint {
  readonly key: string
  /** Epoch ms. */
  readonly ts: number
  /** The JSON token of the value. */
  readonly token: string
}

/** ThingsBoard stores 46,000 points per second in writes of this size, and 10,000 per second in writes of 1,000. */
export const maxPointsPerWrite = 20_000
/** Well below ThingsBoard's limit of 16 MiB per body, even if each character takes three bytes. */
const maxCharacters = 4 * 1024 * 1024

/** Characters in the body, roughly. */
const sizeOf = ({ key, token }: TelemetryPoint) => token.length + key.length + 24

/** Points between two looks at the clock. */
const perLook = 64

export interface Batch {
  readonly json: string
  /** How many points ThingsBoard has after the write. */
  readonly points: number
  /** The index of the first point of the next batch. */
  readonly end: number
}

/** The points of one timestamp. Most have few keys, which are found faster without a map. */
interface Moment {
  readonly keys: Array<string>
  readonly tokens: Array<string>
  /** The index of each key, if there are many. */
  indexes: Map<string, number> | undefined
}

/** Keys that are compared one by one. */
const maxCompared = 8

/** Returns whether an earlier point was replaced. */
const addTo = (moment: Moment, key: string, token: string): boolean => {
  const { keys, tokens } = moment
  if (keys.length > maxCompared) moment.indexes ??= new Map(keys.map((key, i) => [key, i]))
  const known = moment.indexes === undefined ? keys.indexOf(key) : (moment.indexes.get(key) ?? -1)
  if (known >= 0) {
    tokens[known] = token
    return true
  }
  moment.indexes?.set(key, keys.length)
  keys.push(key)
  tokens.push(token)
  return false
}

/** The index after the last point that fits into one write that begins at `from`. */
export const batchEnd = (points: ReadonlyArray<TelemetryPoint>, from: number): number => {
  let characters = 0
  let i = from
  while (i < points.length && i - from < maxPointsPerWrite && characters < maxCharacters) characters += sizeOf(points[i++]!)
  return i
}

/**
 * The body of a write: `[{"ts":…,"values":{…}},…]`, with the points of one timestamp merged, from the point at `from` on. Only in this form
 * does ThingsBoard store single points (contract of `JsonConverter`: it would store a list under a key as one JSON value, at the server's
 * time). Of two points with the same key and timestamp the later one counts, as in ThingsBoard.
 */
export function* makeBatch(points: ReadonlyArray<TelemetryPoint>, from: number, isTurnOver: IsTurnOver): Steps<Batch> {
  const moments = new Map<number, Moment>()
  let replaced = 0
  let characters = 0
  let i = from
  while (i < points.length && i - from < maxPointsPerWrite && characters < maxCharacters) {
    const { key, token, ts } = points[i++]!
    characters += sizeOf(points[i - 1]!)
    const moment = moments.get(ts)
    if (moment === undefined) moments.set(ts, { keys: [key], tokens: [token], indexes: undefined })
    else if (addTo(moment, key, token)) replaced++
    if (i % perLook === 0 && isTurnOver()) yield
  }
  return { json: yield* renderBody(moments, isTurnOver), points: i - from - replaced, end: i }
}

function* renderBody(moments: ReadonlyMap<number, Moment>, isTurnOver: IsTurnOver): Steps<string> {
  const quotedKeys = new Map<string, string>()
  const quote = (key: string) => {
    const known = quotedKeys.get(key)
    if (known !== undefined) return known
    const quoted = JSON.stringify(key)
    quotedKeys.set(key, quoted)
    return quoted
  }
  const parts: Array<string> = []
  for (const [ts, { keys, tokens }] of moments) {
    let fields = `${quote(keys[0]!)}:${tokens[0]!}`
    for (let i = 1; i < keys.length; i++) fields += `,${quote(keys[i]!)}:${tokens[i]!}`
    parts.push(`{"ts":${ts},"values":{${fields}}}`)
    if (parts.length % perLook === 0 && isTurnOver()) yield
  }
  return `[${parts.join(",")}]`
}
