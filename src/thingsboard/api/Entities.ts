/** ThingsBoard's JSON: entities, references, pages. Only fields that Boardwalk reads are declared; every release adds more. */
import { Schema } from "effect"

export const Ref = Schema.Struct({ entityType: Schema.String, id: Schema.String })
export type Ref = typeof Ref.Type

const entity = {
  id: Ref,
  createdTime: Schema.Int,
  tenantId: Ref,
  customerId: Ref,
  name: Schema.String,
  type: Schema.String,
  label: Schema.optional(Schema.NullOr(Schema.String)),
  additionalInfo: Schema.optional(Schema.Unknown)
}

export const Device = Schema.Struct({ ...entity, deviceProfileId: Ref })
export const DeviceInfo = Schema.Struct({ ...Device.fields, active: Schema.Boolean })
export const Asset = Schema.Struct({ ...entity, assetProfileId: Ref })
export const ProfileInfo = Schema.Struct({ id: Ref, name: Schema.String })

/** `PageData`: a page of a list. */
export const PageOf = <S extends Schema.Top>(element: S) =>
  Schema.Struct({ data: Schema.Array(element), totalPages: Schema.Int, totalElements: Schema.Int, hasNext: Schema.Boolean })

/** Parameters of every list. `pageSize` and `page` are required; there is no maximum. */
export const pageParameters = {
  pageSize: Schema.Int,
  page: Schema.Int,
  textSearch: Schema.optionalKey(Schema.String),
  sortProperty: Schema.optionalKey(Schema.String),
  sortOrder: Schema.optionalKey(Schema.Literals(["ASC", "DESC"]))
}

/** `GET /api/auth/user`. */
export const User = Schema.Struct({
  id: Ref,
  tenantId: Ref,
  customerId: Ref,
  authority: Schema.Literals(["SYS_ADMIN", "TENANT_ADMIN", "CUSTOMER_USER"])
})
export type User = typeof User.Type

/**
 * ThingsBoard's JSON error envelope (`ThingsboardErrorResponse`). Telemetry errors are plain text instead, a 413 is a JSON string, and some
 * 500 and 504 are empty.
 */
export const ErrorEnvelope = Schema.Struct({
  status: Schema.Int,
  message: Schema.String,
  errorCode: Schema.Int,
  timestamp: Schema.Int
})
