/**
 * Devices and their types, as the bytes that ThingsBoard sent, without credentials that the caller may not read.
 *
 * `src/services` contains what Boardwalk offers, with one folder per subject. It knows neither HTTP nor ThingsBoard's paths and JSON.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { listDeviceProfiles, listDevices, readDevice } from "../../thingsboard/requests/devices.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { withoutFields } from "../../thingsboard/responses/withoutFields.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { hideCredentials, hideCredentialsInPage } from "../access/CredentialAccess.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import { withVisibility } from "../access/CurrentVisibility.ts"
import { makeGather } from "./gatherDevices.ts"
import { listRestricted, listRestrictedTypes } from "./RestrictedList.ts"

/** Only lists filtered by `active` have these fields. They name the customer, who may be a person. */
const customerFields: ReadonlySet<string> = new Set(["customerTitle", "customerIsPublic"])

const hideCustomers = Effect.flatMap((page: BytesPage) =>
  Effect.map(withoutFields(page.items, customerFields), (items) => ({ ...page, items }))
)

export class Devices extends Context.Service<
  Devices,
  {
    readonly list: (query: ListQuery) => Effect.Effect<BytesPage, ThingsBoardError>
    /** The device's JSON. */
    readonly get: (id: DeviceId) => Effect.Effect<Uint8Array, EntityNotFound | ThingsBoardError>
    readonly types: (query: ListQuery) => Effect.Effect<BytesPage, ThingsBoardError>
  }
>()("boardwalk/services/devices/Devices") {
  static readonly layer = Layer.effect(
    Devices,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      const { cacheTtl } = yield* Settings
      const gather = makeGather(thingsBoard, !Duration.isZero(cacheTtl))
      const listAll = (query: ListQuery) => listDevices(thingsBoard, query)
      return {
        list: (query) =>
          withVisibility((visibility) => {
            const found = visibility === undefined ? listAll(query) : listRestricted(thingsBoard, visibility, query, gather, listAll)
            return query.active === undefined ? found : hideCustomers(found)
          }).pipe(hideCredentialsInPage, withServiceSpan("Devices.list")),
        get: (id) =>
          access
            .guard(id, forbiddenAsNotFound(readDevice(thingsBoard, id), "DEVICE", id))
            .pipe(hideCredentials, withServiceSpan("Devices.get")),
        types: (query) =>
          withVisibility((visibility) =>
            visibility === undefined ? listDeviceProfiles(thingsBoard, query) : listRestrictedTypes(thingsBoard, visibility, query, gather)
          ).pipe(hideCredentialsInPage, withServiceSpan("Devices.types"))
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
