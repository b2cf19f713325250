/** A point to store. */
export interface TelemetryPoint {
  readonly key: string
  /** Epoch ms. */
  readonly ts: number
  /** The JSON token of the value. */
  readonly token: string
}

/** ThingsBoard stores 46,000 points per second in writes of this size, and 10,000 per second in writes of 1,000. */
const maxPoints = 20_000
/** Well below ThingsBoard's limit of 16 MiB per body, even if each character takes three bytes. */
const maxCharacters = 4 * 1024 * 1024

export interface Batch {
  readonly json: string
  /** How many points ThingsBoard has after the write. */
  readonly points: number
}

/**
 * The bodies of the writes: `[{"ts":…,"values":{…}},…]`, with the points of one timestamp merged. Only in this form does ThingsBoard
 * store single points (contract of `JsonConverter`: it would store a list under a key as one JSON value, at the server's time). Of two
 * points with the same key and timestamp the later one counts, as in ThingsBoard.
 */
export function* writeBatches(points: ReadonlyArray<TelemetryPoint>): Generator<Batch> {
  let valuesByTime = new Map<number, Map<string, string>>()
  let count = 0
  let replaced = 0
  let characters = 0
  for (const { key, token, ts } of points) {
    let values = valuesByTime.get(ts)
    if (values === undefined) valuesByTime.set(ts, (values = new Map()))
    if (values.has(key)) replaced++
    values.set(key, token)
    count++
    characters += token.length + key.length + 24
    if (count >= maxPoints || characters >= maxCharacters) {
      yield { json: renderBody(valuesByTime), points: count - replaced }
      valuesByTime = new Map()
      count = replaced = 0
      characters = 0
    }
  }
  if (count > 0) yield { json: renderBody(valuesByTime), points: count - replaced }
}

const renderBody = (valuesByTime: ReadonlyMap<number, ReadonlyMap<string, string>>): string => {
  const quotedKeys = new Map<string, string>()
  const quote = (key: string) => {
    const known = quotedKeys.get(key)
    if (known !== undefined) return known
    const quoted = JSON.stringify(key)
    quotedKeys.set(key, quoted)
    return quoted
  }
  const parts: Array<string> = []
  for (const [ts, values] of valuesByTime) {
    const fields: Array<string> = []
    for (const [key, token] of values) fields.push(`${quote(key)}:${token}`)
    parts.push(`{"ts":${ts},"values":{${fields.join(",")}}}`)
  }
  return `[${parts.join(",")}]`
}
