import type { IncomingPoint } from "./PointReader.ts"

/** ThingsBoard takes 46 thousand points a second in writes of this many, and 10 thousand in writes of 1,000. */
const maxPoints = 20_000
/** Characters; well below ThingsBoard's 16 MiB a body even when every one takes three bytes. */
const maxCharacters = 4 * 1024 * 1024

export interface Batch {
  readonly json: string
  /** As many as ThingsBoard will hold of it. */
  readonly points: number
}

/**
 * The bodies of the writes: `[{"ts":…,"values":{…}},…]` with the points of one time merged, the form in which ThingsBoard keeps
 * points as points (contract of `JsonConverter`: a list under a key would be stored as one JSON value at the server's time).
 * Of two points with the same key and time the later one counts, as it would in ThingsBoard.
 */
export function* writeBatches(points: ReadonlyArray<IncomingPoint>): Generator<Batch> {
  let moments = new Map<number, Map<string, string>>()
  let count = 0
  let replaced = 0
  let characters = 0
  for (const { key, token, ts } of points) {
    let values = moments.get(ts)
    if (values === undefined) moments.set(ts, (values = new Map()))
    if (values.has(key)) replaced++
    values.set(key, token)
    count++
    characters += token.length + key.length + 24
    if (count >= maxPoints || characters >= maxCharacters) {
      yield { json: body(moments), points: count - replaced }
      moments = new Map()
      count = replaced = 0
      characters = 0
    }
  }
  if (count > 0) yield { json: body(moments), points: count - replaced }
}

const body = (moments: ReadonlyMap<number, ReadonlyMap<string, string>>): string => {
  const names = new Map<string, string>()
  const nameOf = (key: string) => {
    const known = names.get(key)
    if (known !== undefined) return known
    const name = JSON.stringify(key)
    names.set(key, name)
    return name
  }
  const parts: Array<string> = []
  for (const [ts, values] of moments) {
    const members: Array<string> = []
    for (const [key, token] of values) members.push(`${nameOf(key)}:${token}`)
    parts.push(`{"ts":${ts},"values":{${members.join(",")}}}`)
  }
  return `[${parts.join(",")}]`
}
