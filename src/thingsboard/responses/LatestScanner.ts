import { Effect } from "effect"
import { type HistoryPage, scan, ScanError } from "./HistoryPage.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** `{"ts":…,"value":…}` as JSON, by key. */
export type LatestPoints = ReadonlyMap<string, Uint8Array>

/** Lengths of `{"ts":` and `,"value":`, and the bytes `{`, `}` and `n`. Valid JSON cannot have anything else of these lengths there. */
const [head, middle, open, close, startOfNull] = [6, 9, 123, 125, 110]

const pointAt = ({ bytes, tsFrom, tsTo, valueFrom, valueTo }: HistoryPage, row: number): Uint8Array => {
  const [from, to] = [tsFrom[row]! - head, valueTo[row]!]
  if (bytes[from] === open && bytes[to] === close && middle === valueFrom[row]! - tsTo[row]!) return bytes.subarray(from, to + 1)
  // Not written the way ThingsBoard does: keep the tokens, and write the object around them.
  const ts = bytes.subarray(tsFrom[row]!, tsTo[row]!)
  const value = bytes.subarray(valueFrom[row]!, to)
  return Buffer.concat([Buffer.from('{"ts":'), ts, Buffer.from(',"value":'), value, Buffer.from("}")])
}

/**
 * The newest point of each key that has one, digit for digit, from `{"key":[{"ts":…,"value":…}],…}`. For a key without values,
 * ThingsBoard sends `{"ts": <now>, "value": null}`; the map leaves such keys out.
 */
export const scanLatest = (bytes: Uint8Array): Effect.Effect<LatestPoints, ThingsBoardError> => {
  try {
    const page = scan(bytes)
    const points = new Map<string, Uint8Array>()
    for (const { from, key, to } of page.series) {
      if (to > from && bytes[page.valueFrom[from]!] !== startOfNull) points.set(key, pointAt(page, from))
    }
    return Effect.succeed(points)
  } catch (error) {
    return error instanceof ScanError ? Effect.fail(invalidResponse()) : Effect.die(error)
  }
}
