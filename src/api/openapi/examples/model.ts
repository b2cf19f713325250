/** Examples of requests and responses. All of them are about the same building. A test checks each example against its schema. */
import { formats } from "../../../domain/Format.ts"

export interface OperationExamples {
  /** By media type. */
  readonly request?: Record<string, unknown>
  /** By status and media type. */
  readonly responses: Record<number, Record<string, unknown>>
}

/** By operation id. */
export type Examples = Record<string, OperationExamples>

export const json = formats.json.mediaType
/** The media type of files in the document; `Content-Type` of a real response names the format. */
export const file = "application/octet-stream"
export const text = "text/plain"

export const timestamp = 1_700_000_060_000
export const success = { status: "success", timestamp } as const

/** A thermostat and its floor in the demo, so that requests can be tried there. */
export const deviceId = "d0000000-0000-11f0-8000-000000000003"
/** No device of the demo. */
export const otherDeviceId = "8d1c9d10-42b6-11ee-983c-b7beff2784f9"
export const batchId = "5b0f3a52-6f0b-4d0a-9d0e-3a1c2b7d5e90"
export const assetId = "a0000000-0000-11f0-8000-000000000006"

const tenantId = { entityType: "TENANT", id: "0b5a2a70-1111-11ee-8888-000000000001" }
/** ThingsBoard's id for "no customer". */
const customerId = { entityType: "CUSTOMER", id: "13814000-1dd2-11b2-8080-808080808080" }

const common = { createdTime: 1_690_000_000_000, tenantId, customerId, additionalInfo: null }

export const deviceProfileId = { entityType: "DEVICE_PROFILE", id: "20000000-1111-11ee-8888-000000000001" }
export const assetProfileId = { entityType: "ASSET_PROFILE", id: "20000000-1111-11ee-8888-000000000002" }

export const device = {
  id: { entityType: "DEVICE", id: deviceId },
  ...common,
  name: "Thermostat Office 101",
  type: "thermostat",
  label: "Office 101",
  deviceProfileId
}

export const asset = {
  id: { entityType: "ASSET", id: assetId },
  ...common,
  name: "First floor",
  type: "floor",
  label: null,
  assetProfileId
}

export const onePage = { page: 0, page_size: 100, total_pages: 1, total_elements: 1, has_next: false }
