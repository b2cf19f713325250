/** A row of an import: a device, a timestamp and points. CSV and NDJSON rows are read into this form, or rejected with a reason. */
import { isUuid } from "../../domain/Ids.ts"
import { type CheckedValue, telemetryKeyIssue } from "../validation/values.ts"

export interface ImportPoint {
  readonly key: string
  /** The JSON token of the value. */
  readonly token: string
  readonly rounded: boolean
}

export interface ImportRow {
  /** Undefined if the path names the device. */
  readonly device: { readonly id: string } | { readonly name: string } | undefined
  readonly ts: number
  /** Empty if all cells are empty. */
  readonly points: ReadonlyArray<ImportPoint>
}

/**
 * Thrown to reject a row; the message becomes the reason in the report. Not an `Error`: a body of ten megabytes may have five million invalid
 * rows, and capturing the stack of each took twenty seconds in all.
 */
export class RowRejected {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

export const rejectRow = (reason: string): never => {
  throw new RowRejected(reason)
}

/** The reasons of rows continue a sentence after a colon. */
const startLowerCase = (issue: string) => issue.slice(0, 1).toLowerCase() + issue.slice(1)

export const checkedPoint = (key: string, checked: CheckedValue): ImportPoint =>
  "issue" in checked ? rejectRow(`${key.slice(0, 64)}: ${startLowerCase(checked.issue)}`) : { key, ...checked }

export const checkKey = (key: string): void => {
  const issue = telemetryKeyIssue(key)
  if (issue !== undefined) rejectRow(`key: ${startLowerCase(issue)}`)
}

/** Takes the result of `parseTimestamp`. */
export const requireTimestamp = (parsed: number | string): number =>
  typeof parsed === "number" ? parsed : rejectRow(`ts: ${startLowerCase(parsed)}`)

/** The decoder puts this character in place of bytes that are not valid UTF-8; the original bytes are lost. */
const replacement = "\uFFFD"
export const isBroken = (text: string): boolean => text.includes(replacement)

export const checkUtf8 = (text: string): void => {
  if (isBroken(text)) rejectRow("expected UTF-8, without the replacement character")
}

/** The name of a series among those of an import. */
export const seriesName = (device: ImportRow["device"], key: string): string =>
  `${device === undefined ? "" : "id" in device ? device.id : device.name}\0${key}`

/** `hasDevice` says whether rows name their device. The id takes precedence over the name. */
export const parseDevice = (id: string | undefined, name: string | undefined, hasDevice: boolean): ImportRow["device"] => {
  if (!hasDevice) return undefined
  if (id !== undefined && id !== "") return isUuid(id) ? { id: id.toLowerCase() } : rejectRow("device_id: expected a device id (UUID)")
  return name !== undefined && name !== "" ? { name } : rejectRow("expected device_id or device_name")
}
