/** The forms of a success. */
import { Schema } from "effect"
import { DeviceId } from "../domain/Ids.ts"
import { Pagination } from "../domain/Page.ts"

/** What every success begins with. */
export const success = {
  status: Schema.Literal("success"),
  timestamp: Schema.Int.annotate({ description: "When the answer was made, ms." })
}

export const ofDevice = { ...success, device_id: DeviceId }

export const ListOf = <S extends Schema.Constraint>(element: S) =>
  Schema.Struct({ ...success, data: Schema.Array(element), pagination: Pagination })

export const OneOf = <S extends Schema.Constraint>(element: S) => Schema.Struct({ ...success, data: element })
