/** Keys and latest values of a device. */
import { Context, Effect, Layer, Schema } from "effect"
import type { EntityNotFound } from "../domain/Errors.ts"
import type { DeviceId } from "../domain/Ids.ts"
import { type HistoryPage, scan } from "../thingsboard/HistoryPage.ts"
import { latestPath, keysPath } from "../thingsboard/Paths.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { BadAnswer, ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { hiddenAsMissing } from "./hiddenAsMissing.ts"

const decodeKeys = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.String)))
const badAnswer = () => new ThingsBoardError({ reason: new BadAnswer() })

export interface Latest {
  /** The keys asked for, or all that hold values. */
  readonly keys: ReadonlyArray<string>
  /** `{"key":{"ts":…,"value":…}|null,…}`, every token as ThingsBoard wrote it. */
  readonly json: string
}

const pointJson = (page: HistoryPage, row: number) => `{"ts":${page.ts[row]},"value":${page.token(row)}}`

/** ThingsBoard answers a key without values by `{"ts": now, "value": null}`. */
const latestJson = (page: HistoryPage, keys: ReadonlyArray<string>): string => {
  const newest = new Map<string, number>()
  for (const { from, key, to } of page.series) if (to > from) newest.set(key, from)
  let json = "{"
  for (const key of keys) {
    const row = newest.get(key)
    const point = row === undefined || page.token(row) === "null" ? "null" : pointJson(page, row)
    json += `${json.length > 1 ? "," : ""}${JSON.stringify(key)}:${point}`
  }
  return `${json}}`
}

export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** Keys that hold values, in alphabetical order. */
    readonly keys: (deviceId: DeviceId) => Effect.Effect<ReadonlyArray<string>, EntityNotFound | ThingsBoardError>
    /** The newest point of each key; ThingsBoard itself checks here whether the device may be seen. */
    readonly latest: (
      deviceId: DeviceId,
      keys: ReadonlyArray<string> | undefined
    ) => Effect.Effect<Latest, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/Telemetry") {
  static readonly layer = Layer.effect(
    Telemetry,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      return {
        keys: (deviceId) =>
          hiddenAsMissing(thingsBoard.get(keysPath(deviceId)), "DEVICE", deviceId).pipe(
            Effect.flatMap((bytes) => Effect.mapError(decodeKeys(bytes.toString()), badAnswer)),
            Effect.map((keys) => keys.toSorted())
          ),
        latest: (deviceId, keys) =>
          Effect.flatMap(hiddenAsMissing(thingsBoard.get(latestPath(deviceId, keys)), "DEVICE", deviceId), (bytes) =>
            Effect.try({
              try: () => {
                const page = scan(bytes)
                const asked = keys === undefined ? page.series.map(({ key }) => key).toSorted() : [...new Set(keys)]
                return { keys: asked, json: latestJson(page, asked) }
              },
              catch: badAnswer
            })
          )
      }
    })
  )
}
