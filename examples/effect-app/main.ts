/** Finds the warmest room of the last hour, and stores a total with all its digits. */
import { BoardwalkClient } from "boardwalk/client"
import { Ids } from "boardwalk"
import { Config, Console, Effect, Layer, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"

const hour = 3_600_000

const program = Effect.gen(function* () {
  const boardwalk = yield* BoardwalkClient
  const end_ts = Date.now()
  const range = { start_ts: end_ts - hour, end_ts }

  // All pages of the list. The id of a device is what the other functions take.
  const temperatures = yield* boardwalk.devices.listAll({ query: { device_type: "thermostat" } }).pipe(
    Stream.mapEffect((device) =>
      boardwalk.telemetry
        .typedSeries({ params: { device_id: device.id.id }, query: { ...range, types: { temperature: "number" } } })
        .pipe(Effect.map(({ temperature }) => ({ device, highest: Math.max(...temperature.map(({ value }) => value)) })))
    ),
    Stream.runCollect
  )
  const [warmest] = [...temperatures].toSorted((a, b) => b.highest - a.highest)
  if (warmest === undefined) return yield* Console.log("There is no thermostat.")
  yield* Console.log(`Warmest: ${warmest.device.name}, of ${temperatures.length}`)

  const params = { device_id: warmest.device.id.id }
  yield* boardwalk.telemetry.upload({ params, query: {}, payload: { total: [{ ts: range.start_ts, value: 9_007_199_254_740_993n }] } })
  const { data } = yield* boardwalk.telemetry.latest({ params, query: { keys: ["total"] } })
  yield* Console.log(`Stored: ${data["total"]?.value}`)

  // Rows arrive while ThingsBoard is still being read, so a year of them needs no more memory than an hour.
  const rows = yield* Stream.runCount(boardwalk.telemetry.rows({ params, query: range }))
  yield* Console.log(rows > 0 ? "Rows: some" : "Rows: none")

  // An id from elsewhere, such as a configuration, is checked once.
  const asset_id = yield* Schema.decodeEffect(Ids.AssetId)("00000000-0000-4000-8000-000000000000")
  yield* boardwalk.assets
    .get({ params: { asset_id } })
    .pipe(Effect.catchTag("AssetNotFound", ({ error_code }) => Console.log(`Missing: ${error_code}`)))
})

const ClientLayer = Layer.unwrap(
  Effect.gen(function* () {
    return BoardwalkClient.layer({
      baseUrl: yield* Config.String("BOARDWALK_URL"),
      apiKey: yield* Config.Redacted("BOARDWALK_API_KEY")
    })
  })
).pipe(Layer.provide(FetchHttpClient.layer))

await Effect.runPromise(Effect.provide(program, ClientLayer))
