import type { IncomingPoint } from "./Points.ts"

/** ThingsBoard takes 46 thousand points a second in writes of this many, and 10 thousand in writes of 1,000. */
const mostPoints = 20_000
/** Characters; well below ThingsBoard's 16 MiB a body even when every one takes three bytes. */
const mostCharacters = 4 * 1024 * 1024

/**
 * The bodies of the writes: `[{"ts":…,"values":{…}},…]` with the points of one time merged, the form in which ThingsBoard keeps
 * points as points (contract of `JsonConverter`: a list under a key would be stored as one JSON value at the server's time).
 * Of two points with the same key and time the later one counts, as it would in ThingsBoard.
 */
export function* batches(points: ReadonlyArray<IncomingPoint>): Generator<string> {
  let moments = new Map<number, Map<string, string>>()
  let count = 0
  let characters = 0
  for (const { key, token, ts } of points) {
    let values = moments.get(ts)
    if (values === undefined) moments.set(ts, (values = new Map()))
    values.set(key, token)
    count++
    characters += token.length + key.length + 24
    if (count >= mostPoints || characters >= mostCharacters) {
      yield body(moments)
      moments = new Map()
      count = 0
      characters = 0
    }
  }
  if (count > 0) yield body(moments)
}

const body = (moments: ReadonlyMap<number, ReadonlyMap<string, string>>): string => {
  const parts: Array<string> = []
  for (const [ts, values] of moments) {
    const members: Array<string> = []
    for (const [key, token] of values) members.push(`${JSON.stringify(key)}:${token}`)
    parts.push(`{"ts":${ts},"values":{${members.join(",")}}}`)
  }
  return `[${parts.join(",")}]`
}
