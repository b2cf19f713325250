/** The JSON envelopes of successful responses. */
import { Schema } from "effect"
import { DeviceId } from "../domain/Ids.ts"
import { Pagination } from "../domain/Page.ts"

/** The first fields of every successful response. */
export const successFields = {
  status: Schema.Literal("success").annotate({
    identifier: "SuccessStatus",
    description: "Always `success`. In a problem, `status` is the HTTP status."
  }),
  timestamp: Schema.Int.annotate({ description: "Time of the response, in ms since the Unix epoch." })
}

/** The first fields of a successful response about one device. */
export const deviceFields = { ...successFields, device_id: DeviceId }

/** One page of a list. */
export const ListOf = <S extends Schema.Constraint>(element: S) =>
  Schema.Struct({ ...successFields, data: Schema.Array(element), pagination: Pagination })

/** A single item. */
export const OneOf = <S extends Schema.Constraint>(element: S) => Schema.Struct({ ...successFields, data: element })

/** Part of the descriptions of endpoints that return entities in ThingsBoard's own format. */
export const withoutCredentials =
  "\n\nFields that hold credentials, such as an SNMP community, are left out unless the key also has the scope `credentials:read`."
