/** Points as text. A token is kept as a JSON string, so that no digit and no space of it can change. */
import type { SpooledPoint } from "./model.ts"

type Row = readonly [key: string, ts: number, token: string]

export const writePoints = (points: ReadonlyArray<SpooledPoint>): string =>
  JSON.stringify(points.map(({ key, token, ts }): Row => [key, ts, token]))

export const readPoints = (content: string): ReadonlyArray<SpooledPoint> =>
  (JSON.parse(content) as ReadonlyArray<Row>).map(([key, ts, token]) => ({ key, ts, token }))
