/** Reads uploads for many devices, and finds the devices that they name. */
import { Effect } from "effect"
import { DeviceNameNotResolved, InvalidInput } from "../../domain/Errors.ts"
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import { isUuid } from "../../domain/Ids.ts"
import type { Steps } from "../../domain/Steps.ts"
import type { JsonReader } from "../../json/JsonReader.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { DeviceIdsByName } from "../devices/DeviceSelection.ts"
import type { ValueRules } from "../validation/values.ts"
import { DeviceNames } from "./DeviceNames.ts"
import type { FutureTimes } from "./futureTimes.ts"
import { ImportMemory } from "./ImportMemory.ts"
import { PointReader, type PointsRead } from "./PointReader.ts"

/** The words of the FastAPI proxy. */
export const noData = "No telemetry data provided"

export interface DevicesRead {
  /** By device id or name as written in the body. Ids that differ only in case are the same device. */
  readonly byDevice: ReadonlyMap<string, PointsRead>
  readonly future: FutureTimes
}

const onlyOnce = "Expected each device only once"
const maxNameLength = 255

/** What ThingsBoard allows as the name of a device. The length is that of JSON Schema, in code points. */
const isName = (text: string) =>
  text.trim() !== "" && !text.includes("\0") && (text.length <= maxNameLength || Array.from(text.slice(0, 1024)).length <= maxNameLength)

export function* readDevices(
  body: JsonReader,
  rules: ValueRules,
  errors: FieldErrors,
  at: number,
  lastExpected: number
): Steps<readonly [DevicesRead, end: number]> {
  const byDevice = new Map<string, PointsRead>()
  const seen = new Set<string>()
  const reader = new PointReader(body, rules, errors, lastExpected)
  const read = { byDevice, future: reader.future }
  if (!body.isObject(at)) {
    errors.add("body", "Expected an object of devices and their keys and points")
    return [read, body.skip(at)]
  }
  const max = rules.limits?.maxDevices ?? Number.POSITIVE_INFINITY
  const fields = body.fields(at)
  while (fields.next()) {
    if (body.isTurnOver()) yield
    const device = fields.name
    const location = `body.${device}`
    const known = isUuid(device) ? device.toLowerCase() : device
    if (seen.has(known)) errors.add(location, onlyOnce)
    seen.add(known)
    if (seen.size > max && body.isLarge) break
    if (!isName(device)) {
      errors.add(location, `Expected a device id or name, of at most ${maxNameLength} characters and not blank`)
      reader.hasData = true
      fields.end = body.skip(fields.at)
      continue
    }
    const [found, end] = yield* reader.read(fields.at, location)
    if (found !== undefined) byDevice.set(device, found)
    fields.end = end
  }
  if (seen.size > max) errors.addFinal("body", `Expected at most ${max} devices (MAX_DEVICES_PER_REQUEST)`)
  if (byDevice.size === 0 && errors.isEmpty) errors.add("body", "Expected one or more devices")
  if (!reader.hasData) errors.summary = noData
  return [read, fields.end]
}

export type ResolvedDevice =
  | { readonly device: string; readonly deviceId: string; readonly issue?: undefined }
  | { readonly device: string; readonly deviceId: undefined; readonly issue: DeviceNameNotResolved }

const resolve = (device: string, names: DeviceNames): ResolvedDevice => {
  if (isUuid(device)) return { device, deviceId: device }
  const found = names.find(device)
  return "id" in found
    ? { device, deviceId: found.id }
    : { device, deviceId: undefined, issue: new DeviceNameNotResolved({ name: device, issue: found.issue }) }
}

/**
 * The ids of devices that are given by id or name; what looks like an id is one. Names are looked up as for imports, and only if there are
 * any. Fails if a device is given twice.
 */
export const resolveDevices = Effect.fnUntraced(function* (
  findAll: Effect.Effect<DeviceIdsByName | undefined, ThingsBoardError>,
  devices: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<ResolvedDevice>, InvalidInput | ThingsBoardError> {
  const names = new DeviceNames(findAll)
  if (!devices.every(isUuid)) {
    yield* names.load()
    const exchange = yield* Effect.withFiber((fiber) => Effect.succeed(fiber.getRef(CurrentExchange)))
    new ImportMemory(exchange).discardResponses()
  }
  const resolved = devices.map((device) => resolve(device, names))
  const ids = new Set<string>()
  const errors = resolved.flatMap(({ device, deviceId }) => {
    if (deviceId === undefined) return []
    const isRepeated = ids.has(deviceId.toLowerCase())
    ids.add(deviceId.toLowerCase())
    return isRepeated ? [{ field: `body.${device}`, issue: `${onlyOnce}: the body has its id and its name` }] : []
  })
  return errors.length > 0 ? yield* new InvalidInput({ errors }) : resolved
})
