/** Requests and responses of the endpoints that store telemetry. */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { Uuid } from "../../domain/Ids.ts"
import { DataKeyInput, PointInput } from "../../domain/Telemetry.ts"
import { deviceFields, successFields } from "../Envelopes.ts"

/** Request headers of uploads. */
export const uploadHeaders = {
  prefer: Schema.optionalKey(
    Schema.String.annotate({
      description:
        "`respond-async`: respond with 202 as soon as the points are on the gateway's disk, and store them in ThingsBoard later. A gateway without SPOOL_DIR ignores it. Other preferences are possible too, such as `wait=10`."
    })
  )
}

/** A CSV or NDJSON file. It is read as a stream, so it can have any length. */
export const ImportBody = HttpApiSchema.StreamUint8Array({ contentType: "application/octet-stream" })

const warnings = Schema.optionalKey(
  Schema.Array(Schema.String).annotate({
    description:
      "Changes that were necessary to store the values, such as rounded decimals, and times that are probably wrong: more than a day in the future."
  })
)

const storedLater = "`accepted`: they are on the gateway's disk, and are stored as soon as possible (202)."

/** The fields of a response with 202. Its other fields are those of the response without a queue, so that a client needs no second type. */
const queuedFields = {
  status: Schema.Literals(["success", "accepted"]).annotate({
    identifier: "WriteStatus",
    description: `\`success\`: the upload was carried out. ${storedLater}`
  }),
  batch_id: Schema.optionalKey(
    Uuid.annotate({ description: "Id of the batch, for `GET ingest/{batch_id}`. Only with the status `accepted`." })
  )
}

export const UploadResult = Schema.Struct({
  ...deviceFields,
  ...queuedFields,
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
  status: Schema.Literals(["success", "failed", "accepted"]).annotate({
    identifier: "UploadStatus",
    description: "Whether the points of the device were stored. `accepted`: they are stored later."
  }),
  device_id: Schema.optionalKey(Uuid.annotate({ description: "Id of the device, if the body has its name." })),
  keys_uploaded: Schema.optionalKey(Schema.Array(Schema.String)),
  data_points: Schema.optionalKey(Schema.Int),
  error: Schema.optionalKey(Schema.String),
  error_code: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "DeviceOutcome", description: "Result of the upload for one device." })

export const BulkResult = Schema.Struct({
  ...successFields,
  ...queuedFields,
  summary: Schema.Struct({
    total_devices: Schema.Int,
    successful_devices: Schema.Int,
    failed_devices: Schema.Int,
    accepted_devices: Schema.optionalKey(Schema.Int.annotate({ description: "Devices whose points are stored later." })),
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
  status: Schema.Literals(["success", "partial", "failed", "accepted"]).annotate({
    identifier: "ImportStatus",
    description: `\`success\`: every row is stored (in a dry run: would be stored). \`partial\`: some are. \`failed\`: none is. The HTTP status is 200 in each case. ${storedLater}`
  }),
  batch_id: queuedFields.batch_id,
  dry_run: Schema.Boolean,
  rows_taken: Schema.Int.annotate({
    description: "Rows that are stored (in a dry run: would be stored), or with the status `accepted`: that are on disk."
  }),
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

export const BatchState = Schema.Struct({
  ...successFields,
  batch_id: Uuid,
  state: Schema.Literals(["waiting", "stored", "partial", "rejected"]).annotate({
    identifier: "BatchProgress",
    description:
      "`waiting`: some points are not stored yet. `stored`: all are. `partial`: some were rejected, the others are stored. `rejected`: all were rejected."
  }),
  accepted_at: Schema.Int.annotate({ description: "When the batch was accepted, in ms since the Unix epoch." }),
  finished_at: Schema.optionalKey(
    Schema.Int.annotate({ description: "When the last point was stored or rejected. Absent while points wait." })
  ),
  total_data_points: Schema.Int,
  points_stored: Schema.Int,
  points_rejected: Schema.Int.annotate({ description: "Points that cannot be stored; `rejected` says why." }),
  points_waiting: Schema.Int,
  rejected: Schema.Array(
    Schema.Struct({
      device: Schema.String.annotate({ description: "Id of the device, or its name if the upload has it and there is no such device." }),
      points: Schema.Int,
      reason: Schema.String
    }).annotate({ identifier: "RejectedPoints", description: "Points of one device that were rejected for the same reason." })
  ).annotate({ description: "At most 1,000 entries." })
}).annotate({ identifier: "BatchState", description: "What became of an upload that was queued." })
