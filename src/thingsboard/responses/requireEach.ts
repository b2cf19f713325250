import { Effect, Schema } from "effect"
import type { BytesPage } from "../../domain/Page.ts"
import type { DeviceFacts } from "../../domain/Visibility.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { parseElement } from "./ArrayScanner.ts"

const Id = Schema.Struct({ id: Schema.String })
const isList = Schema.is(Schema.Array(Schema.Struct({ id: Id, type: Schema.String, customerId: Id })))

/**
 * Checks every device of a page. A page with a device that should not be there is an invalid response as a whole: ThingsBoard ignored the
 * filter, and the page's totals would count devices that the caller may not see.
 */
export const requireEach = (page: BytesPage, allows: (device: DeviceFacts) => boolean): Effect.Effect<BytesPage, ThingsBoardError> => {
  try {
    const devices = parseElement(page.items)
    const allAllowed =
      isList(devices) && devices.every(({ customerId, id, type }) => allows({ id: id.id, type, customerId: customerId.id }))
    return allAllowed ? Effect.succeed(page) : Effect.fail(invalidResponse())
  } catch {
    return Effect.fail(invalidResponse()) // not JSON
  }
}
