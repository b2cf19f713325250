/** Requests and responses of the endpoints that store telemetry. */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Uuid } from "../../domain/Ids.ts"
import { DataKeyInput, PointInput } from "../../domain/Telemetry.ts"
import { deviceFields, successFields } from "../Envelopes.ts"

/** A CSV or NDJSON file. It is read as a stream, so it can have any length. */
export const ImportBody = HttpApiSchema.StreamUint8Array({ contentType: "application/octet-stream" })

const warnings = Schema.optionalKey(
  Schema.Array(Schema.String).annotate({
    description:
      "Changes that were necessary to store the values, such as rounded decimals, and times that are probably wrong: more than a day in the future."
  })
)

export const UploadResult = Schema.Struct({
  ...deviceFields,
  keys_uploaded: Schema.Array(Schema.String),
  total_data_points: Schema.Int,
  message: Schema.String,
  warnings
}).annotate({ identifier: "UploadResult", description: "The stored keys and points." })

export const PointsByKey = Schema.Record(DataKeyInput, Schema.Array(PointInput).check(Schema.isMinLength(1)))
  .check(Schema.isMinProperties(1))
  .annotate({
    identifier: "PointsByKey",
    description: "Points to store, by key.",
    examples: [{ temperature: [{ ts: 1_700_000_000_000, value: 21.5 }] }]
  })

/** The id of a device, or its name. */
const DeviceReference = Schema.String.check(
  // oxlint-disable-next-line no-control-regex -- it matches NUL
  Schema.isPattern(/^[^\u0000]*[^\s\uFEFF\u0000][^\u0000]*$/u),
  Schema.isMaxLength(255)
)

export const PointsByDevice = Schema.Record(DeviceReference, PointsByKey)
  .check(Schema.isMinProperties(1))
  .annotate({
    identifier: "PointsByDevice",
    description:
      "Points to store, by device and key. A device is given by its id, or by its exact name; what has the form of an id is one. Names take one call to ThingsBoard per 1,000 devices.",
    examples: [
      {
        "784f394c-42b6-435a-983c-b7beff2784f9": { temperature: [{ ts: 1_700_000_000_000, value: 21.5 }] },
        "Thermostat Office 102": { temperature: [{ ts: 1_700_000_000_000, value: 20.5 }] }
      }
    ]
  })

const DeviceOutcome = Schema.Struct({
  status: Schema.Literals(["success", "failed"]).annotate({
    identifier: "UploadStatus",
    description: "Whether the points of the device were stored."
  }),
  device_id: Schema.optionalKey(Uuid.annotate({ description: "Id of the device, if the body has its name." })),
  keys_uploaded: Schema.optionalKey(Schema.Array(Schema.String)),
  data_points: Schema.optionalKey(Schema.Int),
  error: Schema.optionalKey(Schema.String),
  error_code: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "DeviceOutcome", description: "Result of the upload for one device." })

export const BulkResult = Schema.Struct({
  ...successFields,
  summary: Schema.Struct({
    total_devices: Schema.Int,
    successful_devices: Schema.Int,
    failed_devices: Schema.Int,
    total_data_points: Schema.Int
  }).annotate({ identifier: "BulkSummary", description: "How many devices and points the upload had." }),
  results: Schema.Record(Schema.String, DeviceOutcome).annotate({ description: "By device id or name, as in the body." }),
  message: Schema.String,
  warnings
}).annotate({ identifier: "BulkResult", description: "Result of the upload per device." })

const RejectedRow = Schema.Struct({
  line: Schema.Int.annotate({ description: "Line number in the body, from 1." }),
  reason: Schema.String
}).annotate({ identifier: "RejectedRow", description: "A rejected row." })

export const ImportResult = Schema.Struct({
  ...successFields,
  status: Schema.Literals(["success", "partial", "failed"]).annotate({
    identifier: "ImportStatus",
    description:
      "`success`: every row is stored (in a dry run: would be stored). `partial`: some are. `failed`: none is. The HTTP status is 200 in each case."
  }),
  dry_run: Schema.Boolean,
  rows_taken: Schema.Int.annotate({ description: "Rows that are stored (in a dry run: would be stored)." }),
  rows_refused: Schema.Int.annotate({ description: "Rows that were rejected; `refused` says why." }),
  rows_unknown: Schema.Int.annotate({
    description:
      "Rows that were sent when ThingsBoard failed: they may be stored, in whole or in part. Sending them again stores nothing twice."
  }),
  rows_not_sent: Schema.Int.annotate({ description: "Rows that were not sent, because ThingsBoard had failed before." }),
  resume_line: Schema.optionalKey(
    Schema.Int.annotate({
      description:
        "Line of the first row that is neither known to be stored nor rejected: import the file again with `from_line` set to it. Absent if there is none."
    })
  ),
  refused: Schema.Array(RejectedRow).annotate({ description: "The rejected rows: at most the first 1,000." }),
  points_stored: Schema.Record(Schema.String, Schema.Int).annotate({ description: "Number of stored points per device, by device id." }),
  message: Schema.String,
  warnings
}).annotate({ identifier: "ImportResult", description: "Result of an import." })
