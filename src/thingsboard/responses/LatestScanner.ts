import { Effect } from "effect"
import { type IsTurnOver, never, runAtOnce, type Steps } from "../../domain/Steps.ts"
import { HistoryPage, scanInSteps, ScanError } from "./HistoryPage.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** `{"ts":…,"value":…}` as JSON, by key. */
export type LatestPoints = ReadonlyMap<string, Uint8Array>

/** Lengths of `{"ts":` and `,"value":`, and the bytes `{`, `}` and `n`. Valid JSON cannot have anything else of these lengths there. */
const [head, middle, open, close, startOfNull] = [6, 9, 123, 125, 110]

/** Keys between two looks at the clock. */
const perLook = 64

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
export function* readLatest(bytes: Uint8Array, isTurnOver: IsTurnOver): Steps<LatestPoints> {
  const page = yield* scanInSteps(bytes, new HistoryPage(), isTurnOver)
  const points = new Map<string, Uint8Array>()
  let n = 0
  for (const { from, key, to } of page.series) {
    if (++n % perLook === 0 && isTurnOver()) yield
    if (to > from && bytes[page.valueFrom[from]!] !== startOfNull) points.set(key, pointAt(page, from))
  }
  return points
}

/** Like `readLatest`, at once. */
export const scanLatest = (bytes: Uint8Array): Effect.Effect<LatestPoints, ThingsBoardError> => {
  try {
    return Effect.succeed(runAtOnce(readLatest(bytes, never)))
  } catch (error) {
    return error instanceof ScanError ? Effect.fail(invalidResponse()) : Effect.die(error)
  }
}
