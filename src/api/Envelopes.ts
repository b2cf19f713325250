/** The forms of a success. */
import { Schema } from "effect"
import { DeviceId } from "../domain/Ids.ts"
import { Pagination } from "../domain/Page.ts"

/** What every success begins with. */
export const successFields = {
  status: Schema.Literal("success"),
  timestamp: Schema.Int.annotate({ description: "When the answer was made, ms." })
}

export const deviceFields = { ...successFields, device_id: DeviceId }

export const ListOf = <S extends Schema.Constraint>(element: S) =>
  Schema.Struct({ ...successFields, data: Schema.Array(element), pagination: Pagination })

export const OneOf = <S extends Schema.Constraint>(element: S) => Schema.Struct({ ...successFields, data: element })
