/** The calls of the group `telemetry`: values are exact, files and rows are streams, and each has a function of its own. */
import { Effect, Schema, Stream } from "effect"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { decodeExactly, fromExactJson, sendExactly } from "./exactBody.ts"
import type { ExactValue } from "./exactJson.ts"
import { DeviceRow, Latest, LatestOfMany, QueryPage, Row, Series } from "./ExactValues.ts"
import type { DerivedClient, Request } from "./DerivedClient.ts"
import { queryPages } from "./pages.ts"
import { decodeTypedSeries, type ValueType } from "./typedSeries.ts"

type Telemetry = DerivedClient["telemetry"]

/** Points to store, by key. */
export type PointsByKey = Readonly<Record<string, ReadonlyArray<{ readonly ts: number; readonly value: ExactValue }>>>

type WithPayload<R, Payload> = Omit<R, "payload"> & { readonly payload: Payload }

/** An upload, with request headers if it needs any. */
type Upload<Name extends "upload" | "bulk" | "import" | "importMany", Payload> = WithPayload<
  Omit<Request<Telemetry[Name]>, "headers">,
  Payload
> & { readonly headers?: Request<Telemetry["upload"]>["headers"] }
type WithoutFormat<R extends { readonly query: object }> = Omit<R, "query"> & { readonly query: Omit<R["query"], "format"> }

const group = "telemetry"
const readSeries = decodeExactly(Series, HttpApiClient.decodeResponse(Api, { group, endpoint: "series" }))
const readLatest = decodeExactly(Latest, HttpApiClient.decodeResponse(Api, { group, endpoint: "latest" }))
const readLatestOfMany = decodeExactly(LatestOfMany, HttpApiClient.decodeResponse(Api, { group, endpoint: "latestOfMany" }))
const readQueryPage = decodeExactly(QueryPage, HttpApiClient.decodeResponse(Api, { group, endpoint: "query" }))

const responseMode = "response-only"

/** Rows of a file with one JSON object per line. The lines of a chunk are decoded together. */
const rowsOf = <A>(schema: Schema.ConstraintDecoder<A>) => {
  const decodeLines = Schema.decodeEffect(Schema.NonEmptyArray(fromExactJson(schema)))
  return <E>(file: Stream.Stream<Uint8Array, E>): Stream.Stream<A, E | Schema.SchemaError> =>
    file.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.mapArrayEffect((lines) => decodeLines(lines))
    )
}
const rows = rowsOf(Row)
const deviceRows = rowsOf(DeviceRow)

export const makeTelemetry = (derived: Telemetry) => {
  const series = (request: WithoutFormat<Request<Telemetry["series"]>>) =>
    Effect.flatMap(derived.series({ ...request, responseMode }), readSeries)

  const query = (request: Request<Telemetry["query"]>) => Effect.flatMap(derived.query({ ...request, responseMode }), readQueryPage)

  const exportFile = (request: Request<Telemetry["export"]>) => Stream.unwrap(derived.export(request))
  const exportMany = (request: Request<Telemetry["exportMany"]>) => Stream.unwrap(derived.exportMany(request))

  return {
    keys: (request: Request<Telemetry["keys"]>) => derived.keys(request),

    /** The newest point per key. */
    latest: (request: Request<Telemetry["latest"]>) => Effect.flatMap(derived.latest({ ...request, responseMode }), readLatest),

    latestOfMany: (request: Request<Telemetry["latestOfMany"]>) =>
      Effect.flatMap(derived.latestOfMany({ ...request, responseMode }), readLatestOfMany),

    /** All points of the range, in memory. For ranges of unknown size use `rows` or `queryAll`. */
    series,

    /**
     * Like `series`, for the keys of `types`, whose values have the types that are named there. Fails with `UnexpectedValues`, which names
     * each key whose values have another type.
     */
    typedSeries: <const Types extends Readonly<Record<string, ValueType>>>({
      query: { types, ...range },
      ...request
    }: Omit<Request<Telemetry["series"]>, "query"> & {
      readonly query: Omit<Request<Telemetry["series"]>["query"], "format" | "key" | "keys"> & { readonly types: Types }
    }) => Effect.flatMap(series({ ...request, query: { ...range, key: Object.keys(types) } }), decodeTypedSeries(types)),

    /** One page of points. */
    query,

    /** All pages, the first of them from `cursor` on if it is given. */
    queryAll: (request: Request<Telemetry["query"]>) =>
      queryPages((cursor) => query({ ...request, payload: { ...request.payload, ...cursor } })),

    /** The bytes of a file, as they arrive. */
    export: exportFile,

    /** The bytes of a file with several devices, as they arrive. */
    exportMany,

    /** All points of the range, as they arrive: the rows of an export. */
    rows: (request: WithoutFormat<Request<Telemetry["export"]>>) =>
      rows(exportFile({ ...request, query: { ...request.query, format: "jsonl" } } as Request<Telemetry["export"]>)),

    /** All points of several devices, as they arrive. */
    rowsOfMany: (request: WithPayload<Request<Telemetry["exportMany"]>, Omit<Request<Telemetry["exportMany"]>["payload"], "format">>) =>
      deviceRows(exportMany({ ...request, payload: { ...request.payload, format: "jsonl" } } as Request<Telemetry["exportMany"]>)),

    /**
     * Stores points of one device. With `headers: { prefer: "respond-async" }` the gateway may respond as soon as they are on its disk: the
     * status is `accepted` then, and `batch` tells what becomes of them.
     */
    upload: (request: Upload<"upload", PointsByKey>) =>
      sendExactly(request.payload, (payload) => derived.upload({ headers: {}, ...request, payload })),

    /** Like `upload`, for several devices by id or name. */
    bulk: (request: Upload<"bulk", Readonly<Record<string, PointsByKey>>>) =>
      sendExactly(request.payload, (payload) => derived.bulk({ headers: {}, ...request, payload })),

    /** Stores the rows of a CSV or NDJSON file of any length. The payload is a `Stream` of its bytes. */
    import: (request: Upload<"import", Stream.Stream<Uint8Array, unknown>>) => derived.import({ headers: {}, ...request }),

    /** Like `import`, for a file whose rows name their devices. */
    importMany: (request: Upload<"importMany", Stream.Stream<Uint8Array, unknown>>) => derived.importMany({ headers: {}, ...request }),

    /** What became of an upload that was accepted. */
    batch: (request: Request<Telemetry["batch"]>) => derived.batch(request)
  }
}
